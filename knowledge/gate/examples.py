"""Example messages for the gate: which the bot should answer, which it should leave alone."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.gate.kernel import log_odds
from knowledge.types import ExamplesMissing, Flags, Floats, KnowledgeError

WRITTEN, MESSAGE = "written", "message"
"""Origins: questions that somebody thought of, and labelled messages as they came in a group. Only
the latter show how many of a group's messages are good."""

SHARE_LABELS = 50
"""The share that was configured counts as much as so many labelled messages."""

ENOUGH = 10
"""So many whole labels of each kind make the others unnecessary for thresholds."""


@dataclass(frozen=True, slots=True)
class Example:
    """A message with its label. `weight` is at most 1: a whole label, such as an admin's. `origin`
    says how it came about; `group`, `person` and `time` (seconds since the epoch) whence."""

    text: str
    good: bool
    weight: float = 1.0
    origin: str = WRITTEN
    group: str = ""
    person: str = ""
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples of both kinds, each text once per label; `digest` changes with any of them."""

    items: tuple[Example, ...]

    @classmethod
    def of(cls, items: Iterable[Example]) -> "Examples":
        """Each text once per label, the last one counts."""
        return cls(tuple({(item.text, item.good): item for item in items}.values()))

    @property
    def good(self) -> tuple[str, ...]:
        """Texts that the bot should answer."""
        return tuple(item.text for item in self.items if item.good)

    @property
    def bad(self) -> tuple[str, ...]:
        """Texts that it should leave alone."""
        return tuple(item.text for item in self.items if not item.good)

    @property
    def labels(self) -> Flags:
        """Which are good, shape (n,)."""
        return np.asarray([item.good for item in self.items], np.bool_)

    @property
    def weights(self) -> Floats:
        """How much each counts, shape (n,)."""
        return np.asarray([item.weight for item in self.items], np.float64)

    @property
    def written(self) -> Flags:
        """Which were thought of, shape (n,)."""
        return np.asarray([item.origin == WRITTEN for item in self.items], np.bool_)

    @property
    def telling(self) -> Floats:
        """How much each tells of the group's messages, shape (n,). What was thought of counts the
        less, the more messages there are; what weighs less than a whole label, because its author
        may err, counts only where there are hardly any that do not."""
        labels, written = self.labels, self.written
        whole = self.weights >= 1.0
        messages = int((whole & ~written).sum())
        counts = np.where(written, min(1.0, SHARE_LABELS / max(1, messages)), 1.0) * self.weights
        enough = min((whole & labels).sum(), (whole & ~labels).sum()) >= ENOUGH
        return np.where(whole, counts, 0.0) if enough else counts

    def surplus(self, share: float) -> Floats:
        """By how much the log odds of each exceed those of a group's messages, of which `share` are
        good, shape (n,): most of what is written down as an example is good, whatever the share."""
        labels, written = self.labels, self.written
        kinds = [written, ~written]
        if any(len(np.unique(labels[kind])) == 1 for kind in kinds):
            kinds = [np.ones_like(written)]
        found = np.zeros(len(labels))
        for kind in kinds:
            good = (float(labels[kind].sum()) + 2.0 * share) / (float(kind.sum()) + 2.0)
            found[kind] = log_odds(good) - log_odds(share)
        return found

    @property
    def digest(self) -> str:
        """Identifies these examples."""
        rows = [(i.text, i.good, i.weight, i.origin, i.group) for i in self.items]
        text = json.dumps(rows, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]

    def share(self, expected: float) -> float:
        """The share of a group's messages that is good: as expected, and the more messages from
        groups are labelled, the more as among these."""
        labels = [item.good for item in self.items if item.origin == MESSAGE and item.weight >= 1.0]
        return (expected * SHARE_LABELS + sum(labels)) / (SHARE_LABELS + len(labels))


def bounded(
    items: Sequence[Example], most: float, trusted: Collection[str] = ()
) -> tuple[Example, ...]:
    """The same examples, but none of a person counts for more than `most` whole labels in all.
    Trusted people, such as admins, and examples of nobody in particular count as they are."""
    weights: Mapping[str, float] = _weights(items)
    return tuple(
        replace(item, weight=item.weight * most / weights[item.person])
        if item.person and item.person not in trusted and weights[item.person] > most
        else item
        for item in items
    )


def _weights(items: Sequence[Example]) -> dict[str, float]:
    weights: dict[str, float] = defaultdict(float)
    for item in items:
        weights[item.person] += item.weight
    return weights


def load_examples(paths: Sequence[Path]) -> Examples:
    """Reads examples: a JSON object `{"good": [...], "bad": [...]}` of questions that were thought
    of, or lines `{"text": ..., "label": 1 or 0}` of messages, which may also hold `weight`,
    `origin`, `group`, `person` and `time`. Raises ExamplesMissing, or KnowledgeError naming the
    file and line."""
    items: list[Example] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeError) as error:
            raise ExamplesMissing(
                f"gate.examples: can't read {path} ({error}); write your questions into it, "
                "see docs/en/gate.md"
            ) from error
        items += _parse(path, text)
    return Examples.of(items)


def _parse(path: Path, text: str) -> list[Example]:
    try:
        whole = json.loads(text)
    except ValueError:
        return _parse_lines(path, text)
    if isinstance(whole, dict) and "label" in whole:
        return _parse_lines(path, text)
    if isinstance(whole, dict) and whole.keys() == {"good", "bad"}:
        good, bad = whole["good"], whole["bad"]
        if all(_is_texts(part) for part in (good, bad)):
            return [Example(q, good=True) for q in good] + [Example(q, good=False) for q in bad]
    raise KnowledgeError(
        f'{path}: expected {{"good": ["..."], "bad": ["..."]}} with lists of questions, '
        'or lines {"text": "...", "label": 1}'
    )


def _is_texts(part: object) -> bool:
    return isinstance(part, list) and all(isinstance(text, str) for text in part)


def _parse_lines(path: Path, text: str) -> list[Example]:
    found: list[Example] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(_example(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise KnowledgeError(
                f'{path}:{number}: expected {{"text": "...", "label": 1 or 0}}'
            ) from error
    return found


def _example(row: Mapping[str, Any]) -> Example:
    weight = float(row.get("weight", 1.0))
    if row["label"] not in (0, 1) or not 0.0 < weight <= 1.0:
        raise ValueError("a label is 1 or 0, a weight above 0 and at most 1")
    return Example(
        text=str(row["text"]),
        good=bool(row["label"]),
        weight=weight,
        origin=str(row.get("origin", MESSAGE)),
        group=str(row.get("group", "")),
        person=str(row.get("person", "")),
        time=float(row.get("time", 0.0)),
    )
