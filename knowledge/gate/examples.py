"""Example questions for the gate: which the bot should answer, which it should leave alone."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.types import ExamplesMissing, KnowledgeError


@dataclass(frozen=True, slots=True)
class Examples:
    """Good and bad examples; `digest` changes with any of them."""

    good: tuple[str, ...]
    bad: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Identifies these examples."""
        text = json.dumps([self.good, self.bad], ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def load_examples(paths: Sequence[Path]) -> Examples:
    """Reads examples: a JSON object `{"good": [...], "bad": [...]}`, or lines
    `{"text": ..., "label": 1 or 0}`. Raises ExamplesMissing, or KnowledgeError naming the file
    and line."""
    good: list[str] = []
    bad: list[str] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeError) as error:
            raise ExamplesMissing(
                f"gate.examples: can't read {path} ({error}); write your questions into it, "
                "see docs/en/gate.md"
            ) from error
        more_good, more_bad = _parse(path, text)
        good += more_good
        bad += more_bad
    return Examples(tuple(dict.fromkeys(good)), tuple(dict.fromkeys(bad)))


def _parse(path: Path, text: str) -> tuple[list[str], list[str]]:
    try:
        whole = json.loads(text)
    except ValueError:
        return _parse_lines(path, text)
    if isinstance(whole, dict) and "label" in whole:
        return _parse_lines(path, text)
    if isinstance(whole, dict) and whole.keys() == {"good", "bad"}:
        good, bad = whole["good"], whole["bad"]
        if all(isinstance(part, list) and all(isinstance(q, str) for q in part)
               for part in (good, bad)):  # fmt: skip
            return good, bad
    raise KnowledgeError(
        f'{path}: expected {{"good": ["..."], "bad": ["..."]}} with lists of questions, '
        'or lines {"text": "...", "label": 1}'
    )


def _parse_lines(path: Path, text: str) -> tuple[list[str], list[str]]:
    found: dict[int, list[str]] = {0: [], 1: []}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found[int(row["label"])].append(str(row["text"]))
        except (ValueError, KeyError, TypeError) as error:
            raise KnowledgeError(
                f'{path}:{number}: expected {{"text": "...", "label": 1 or 0}}'
            ) from error
    return found[1], found[0]
