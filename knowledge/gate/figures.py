"""How well a score parts the good messages from the bad ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.types import Floats

BINS = 10
"""Bins of equal width in which probabilities are compared with what came true (Guo et al., ICML
2017)."""


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
    best_f1: float


def measure(good: Sequence[float], bad: Sequence[float], threshold: float) -> GateFigures:
    """Figures of the gate on labelled scores at a threshold."""
    precision, recall = at_threshold(good, bad, threshold)
    precisions, recalls = precision_recall(good, bad)
    at_p90 = recalls[precisions >= 0.9]
    f1s = _f1(precisions, recalls)
    return GateFigures(
        n=len(good) + len(bad),
        precision=precision,
        recall=recall,
        f1=float(_f1(np.asarray([precision]), np.asarray([recall]))[0]),
        threshold=threshold,
        auc=auc(good, bad),
        recall_at_p90=float(at_p90.max(initial=0.0)),
        best_f1=float(f1s.max(initial=0.0)),
    )


def at_threshold(
    good: Sequence[float], bad: Sequence[float], threshold: float
) -> tuple[float, float]:
    """Precision and recall of what scores at least a threshold; 0 where there is nothing."""
    hits = sum(score >= threshold for score in good)
    false = sum(score >= threshold for score in bad)
    return hits / max(1, hits + false), hits / max(1, len(good))


def precision_recall(good: Sequence[float], bad: Sequence[float]) -> tuple[Floats, Floats]:
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


def reliability(good: Sequence[float], bad: Sequence[float]) -> list[tuple[float, float, int]]:
    """(mean probability, share of good ones, number) of the messages in each bin that has any."""
    scores = np.asarray([*good, *bad], np.float64)
    labels = np.asarray([1.0] * len(good) + [0.0] * len(bad))
    bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    return [
        (float(scores[bins == each].mean()), float(labels[bins == each].mean()), int(count))
        for each, count in zip(*np.unique(bins, return_counts=True), strict=True)
    ]


def calibration_error(good: Sequence[float], bad: Sequence[float]) -> float:
    """Expected calibration error of probabilities: how far they are from what came true, 0..1."""
    groups = reliability(good, bad)
    total = sum(count for _, _, count in groups)
    return sum(abs(said - true) * count for said, true, count in groups) / max(1, total)


def _f1(precisions: Floats, recalls: Floats) -> Floats:
    return 2.0 * precisions * recalls / np.maximum(precisions + recalls, 1e-12)
