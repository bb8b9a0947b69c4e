"""Figures of gate and retrieval on labelled data."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.base import KnowledgeBase
from knowledge.gate.examples import Examples
from knowledge.gate.figures import GateFigures, at_threshold, calibration_error, measure
from knowledge.types import GateState, KnowledgeError, Passage, Point


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with its known answer; `must_contain` are regular expressions that all match."""

    id: str
    lang: str
    kind: str
    question: str
    gold_paths: tuple[str, ...]
    must_contain: tuple[str, ...]
    repo: str = ""

    def cites_gold(self, paths: Sequence[str]) -> bool:
        """Is one of the paths a page that answers?"""
        return not set(self.gold_paths).isdisjoint(paths)

    def contained_in(self, text: str) -> bool:
        """Does the text hold all that the answer must?"""
        return all(re.search(pattern, text, re.IGNORECASE) for pattern in self.must_contain)


def load_labelled(path: Path) -> list[Labelled]:
    """Reads one JSON object per line. Raises KnowledgeError naming file, line and what is wrong."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise KnowledgeError(f"can't read {path}: {error}") from error
    return [_labelled(path, n, line) for n, line in enumerate(lines, 1) if line.strip()]


def _labelled(path: Path, number: int, line: str) -> Labelled:
    try:
        row: dict[str, Any] = json.loads(line)
        question = Labelled(
            id=str(row.get("id", number)),
            lang=str(row.get("lang", "")),
            kind=str(row.get("kind", "answerable")),
            question=str(row["question"]),
            gold_paths=tuple(row.get("gold_paths", ())),
            must_contain=tuple(row.get("must_contain", ())),
            repo=str(row.get("repo", "")),
        )
        for pattern in question.must_contain:
            re.compile(pattern)
    except (ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        raise KnowledgeError(
            f'{path}:{number}: expected {{"question": "...", "kind": "answerable", "gold_paths": '
            f'["..."], "must_contain": ["regex"]}}; {error!r}'
        ) from error
    return question


@dataclass(frozen=True, slots=True)
class GateResult:
    """Figures, and each message with its score and label, for pictures and lists of misses.
    `ece` is the expected calibration error, None where the scores are no probabilities."""

    state: GateState
    figures: GateFigures
    ece: float | None
    good: tuple[tuple[str, float], ...]
    bad: tuple[tuple[str, float], ...]

    def at(self, point: Point) -> dict[str, float]:
        """What an operating point brings on these messages."""
        precision, recall = at_threshold(
            [score for _, score in self.good], [score for _, score in self.bad], point.threshold
        )
        return {"threshold": point.threshold, "precision": precision, "recall": recall}


async def evaluate_gate(
    knowledge: KnowledgeBase, data: Examples, train: Examples | None
) -> GateResult:
    """Scores labelled messages at the fitted thresholds, fitted on `train` where it is given.
    Raises KnowledgeError when there are none."""
    if not data.good and not data.bad:
        raise KnowledgeError("there are no labelled messages in the data")
    state, scores = await knowledge.scores([*data.good, *data.bad], train)
    good, bad = scores[: len(data.good)], scores[len(data.good) :]
    return GateResult(
        state=state,
        figures=measure(good, bad, state.unprompted.threshold),
        ece=calibration_error(good, bad) if state.model == "learned" else None,
        good=tuple(zip(data.good, good, strict=True)),
        bad=tuple(zip(data.bad, bad, strict=True)),
    )


@dataclass(frozen=True, slots=True)
class RetrievalMiss:
    """A question whose page, or whose answer, was not among the first five hits."""

    question: Labelled
    hits: tuple[Passage, ...]


async def evaluate_retrieval(
    knowledge: KnowledgeBase, data: Sequence[Labelled], k: int
) -> tuple[dict[str, float], list[RetrievalMiss]]:
    """Shares of questions whose gold page is first, is among the first five, and whose answer
    stands in the first five passages. Only answerable questions count."""
    asked = [question for question in data if question.kind == "answerable"]
    first = among = contained = 0
    misses: list[RetrievalMiss] = []
    for question in asked:
        hits = (await knowledge.search(question.question, max(k, 5))).passages
        right = [question.cites_gold((hit.path, *hit.also_in)) for hit in hits]
        holds = question.contained_in("\n".join(hit.text for hit in hits[:5]))
        first += right[:1] == [True]
        among += any(right[:5])
        contained += holds
        if not holds or not any(right[:5]):
            misses.append(RetrievalMiss(question, hits))
    n = len(asked)
    shares = {"recall@1": first, "recall@5": among, "must_contain@5": contained}
    figures: dict[str, float] = {"n": n}
    figures |= {name: round(count / n, 4) if n else 0.0 for name, count in shares.items()}
    return figures, misses
