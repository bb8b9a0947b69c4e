"""The gate: does a message belong to the documents, by its distance to the nearest pieces.

As in the HuixiangDou paper (arXiv 2401.08772, section 3.2): the threshold comes from example
questions that should be answered and others that should not, precision first; see `fitting`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.index.vectors import VectorIndex
from knowledge.types import IndexMismatch, Vectors, Verdict

EFFORT = 150
"""Candidates looked at for a message's nearest pieces; more changes the mean by under 0.001."""


class Gate(Protocol):
    """Decides whether a message belongs to the documents."""

    def score(self, vector: Vectors, among: frozenset[int] | None = None) -> float:
        """How close a message is, higher is closer; `vector` has shape (dim,). With `among` only
        these pieces count."""
        ...

    def verdict(
        self, vector: Vectors, *, mention: bool, among: frozenset[int] | None = None
    ) -> Verdict:
        """Accepts or rejects a message."""
        ...


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The fitted gate: an artefact tied to the index, the embedder and the examples.

    `good_used` is False when the good examples were too far from the documents to be about them;
    `talk` and `question` are how near small talk and a question about the documents typically
    are, `recall` is the share of the good ones used that pass unprompted.
    """

    unprompted: float
    mention: float
    index: str
    examples: str
    good_used: bool
    talk: float
    question: float
    recall: float

    def save(self, path: Path) -> None:
        """Writes the artefact by write-then-rename."""
        waiting = path.with_suffix(".tmp")
        waiting.write_text(json.dumps(asdict(self), indent=1))
        waiting.replace(path)

    @classmethod
    def load(cls, path: Path, index: str, examples: str) -> "Thresholds":
        """Reads the artefact. Raises IndexMismatch when it was fitted on something else."""
        try:
            found = cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise IndexMismatch(f"{path} is unreadable: {error}") from error
        if (found.index, found.examples) != (index, examples):
            raise IndexMismatch(f"{path} was fitted on another index or other examples")
        return found


class DistanceGate:
    """Mean cosine to the `neighbours` nearest pieces of the rejecting view, against a threshold.

    With one neighbour this is the paper's distance; the mean of a few is less easily fooled by
    one stray piece.
    """

    def __init__(self, index: VectorIndex, thresholds: Thresholds, neighbours: int) -> None:
        self._index, self._thresholds, self._neighbours = index, thresholds, neighbours

    def score(self, vector: Vectors, among: frozenset[int] | None = None) -> float:
        """Mean cosine to the nearest pieces, -1..1; -1 where there are none."""
        return nearness(self._index, vector, self._neighbours, among)

    def verdict(
        self, vector: Vectors, *, mention: bool, among: frozenset[int] | None = None
    ) -> Verdict:
        """Accepts what is at least as close as the threshold."""
        score = self.score(vector, among)
        threshold = self._thresholds.mention if mention else self._thresholds.unprompted
        accept = score >= threshold
        return Verdict(accept, score, threshold, "close" if accept else "far")


def nearness(
    index: VectorIndex, vector: Vectors, neighbours: int, among: frozenset[int] | None = None
) -> float:
    """Mean cosine of a unit vector, shape (dim,), to its nearest neighbours; -1 without any."""
    _, cosines = index.search(vector, neighbours, EFFORT, among)
    return float(cosines.mean()) if len(cosines) else -1.0


@dataclass(frozen=True, slots=True)
class GateFigures:
    """How well a score separates labelled messages; all between 0 and 1 but `n`."""

    n: int
    precision: float
    recall: float
    f1: float
    threshold: float
    auc: float
    recall_at_p90: float


def measure(good: Sequence[float], bad: Sequence[float], threshold: float) -> GateFigures:
    """Figures of the gate on labelled scores at a threshold."""
    hits = sum(score >= threshold for score in good)
    false = sum(score >= threshold for score in bad)
    precision = hits / (hits + false) if hits + false else 0.0
    recall = hits / len(good) if good else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    precisions, recalls = precision_recall(good, bad)
    at_p90 = recalls[precisions >= 0.9]
    return GateFigures(
        len(good) + len(bad), precision, recall, f1, threshold, auc(good, bad),
        float(at_p90.max()) if len(at_p90) else 0.0,
    )  # fmt: skip


def precision_recall(
    good: Sequence[float], bad: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall at every distinct score, highest threshold first; empty of nothing."""
    if not good and not bad:
        return np.zeros(0), np.zeros(0)
    scores = np.asarray([*good, *bad], np.float64)
    labels = np.asarray([1] * len(good) + [0] * len(bad))
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(labels[order])[last].astype(np.float64)
    return hits / (last + 1), hits / max(1, len(good))


def auc(good: Sequence[float], bad: Sequence[float]) -> float:
    """Probability that a good message scores higher than a bad one; ties count half."""
    if not good or not bad:
        return 0.5
    bads = np.sort(np.asarray(bad))
    below = np.searchsorted(bads, good, "left")
    upto = np.searchsorted(bads, good, "right")
    return float((below + upto).mean() / 2 / len(bads))
