"""Thresholds that labels prove, and what a proof costs.

A threshold that just reaches a precision on its labels misses it on new messages about every
second time. Here it has to pass a test (Learn then Test, Angelopoulos et al., arXiv 2110.01052):
the hypothesis that too much of what passes is unwanted is rejected with the exact binomial tail
(Clopper and Pearson, Biometrika 1934), in a fixed order of thresholds, so that looking at many of
them costs no confidence.

Whether a proof is worth its cost is told without the labels' own luck, from what the scores say
that such labels would be: a proof that is taken only where it turned out cheap is one that was
lucky, and breaks more often than it says.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.gate.promise import tail
from knowledge.types import Flags, Floats

PRICE = 0.1
"""A proof may cost this share of the good messages that pass at the estimate. From a few hundred
labels it costs a fifth, and the bot would get quieter the more it learns."""

DRAWN = 100
"""Sets of labels drawn for the cost of a proof: its mean is known to a hundredth."""

BEGINNINGS = 20
"""Places from which the tests may begin."""

MOST_LABELS = 20_000
"""More labels than anybody gives."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which thresholds are tested, in order: those that `stops` of the labels pass, shape (k,); the
    one at place j may let j errors through, from `first` on. `cost` is the share of the good
    messages that the proof may be expected to lose, 0..1, of those that pass where the precision
    is just reached."""

    stops: Counts
    first: int
    cost: float

    @property
    def worth_it(self) -> bool:
        """Does the proof cost no more than it may?"""
        return self.cost <= PRICE

    def threshold(self, scores: Floats, good: Flags) -> float | None:
        """The lowest threshold that the labels prove; None where they prove none."""
        order = np.argsort(-scores, kind="stable")
        errors = _errors(good[order][None], self.stops)
        passing = _passing(errors, self.stops, self.first)[0]
        return float(scores[order[passing - 1]]) if passing else None


def plan_proof(said: Floats, precision: float, confidence: float) -> Plan:
    """How to prove, with `confidence`, that `precision` of what passes is good, among messages like
    the labelled ones. `said` is how likely each label is good, shape (n,): tests begin where
    labels that turn out so would prove most, high enough up for few errors and low enough for
    the errors to be counted."""
    said = np.sort(said)[::-1]
    hits = np.cumsum(said)
    stops = _stops(len(said), 1.0 - precision, confidence)
    reached = np.flatnonzero(hits >= precision * np.arange(1, len(said) + 1))
    if not len(reached) or not len(stops):
        return Plan(stops, 0, 1.0)
    drawn = np.random.default_rng(0).random((DRAWN, len(said))) < said
    errors = _errors(drawn, stops)
    best = Plan(stops, 0, 1.0)
    for first in np.unique(np.linspace(0, len(stops) - 1, BEGINNINGS).astype(np.int64)).tolist():
        passing = _passing(errors, stops, first)
        kept = float(np.where(passing, hits[passing - 1], 0.0).mean())
        cost = 1.0 - kept / float(hits[reached[-1]])
        best = Plan(stops, first, cost) if cost < best.cost else best
    return best


def labels_needed(said: Floats, precision: float, confidence: float) -> int | None:
    """From how many labels like these on a proof is worth its cost. None where no number will do:
    too much of what passes is bad."""

    def pays(count: int) -> bool:
        some = np.quantile(said, (np.arange(count) + 0.5) / count)
        return plan_proof(some, precision, confidence).worth_it

    low, high = 0, len(said)
    while not pays(high):
        low, high = high, 2 * high
        if low > MOST_LABELS:
            return None
    while high - low > max(1, high // 20):
        middle = (low + high) // 2
        low, high = (low, middle) if pays(middle) else (middle, high)
    return high


def rare_threshold(bad: Floats, share: float, confidence: float) -> float | None:
    """The lowest threshold of which the scores of bad labels prove, with `confidence`, that at
    most `share` of all bad messages pass. None where there are too few of them."""
    descending = np.sort(bad)[::-1]
    allowed = -1
    while allowed + 1 < len(bad) and tail(allowed + 1, len(bad), share) <= 1.0 - confidence:
        allowed += 1
    if allowed < 0:
        return None
    # Just above the first one too many: equal scores pass together.
    return float(np.nextafter(descending[allowed], np.inf)) if allowed < len(bad) else -1.0


def _errors(good: Flags, stops: Counts) -> Counts:
    """How many bad labels pass at each stop, for each row of labels in the order of their scores,
    shape (rows, n); the result has shape (rows, k)."""
    return np.asarray(np.cumsum(~good, axis=1)[:, stops - 1])


def _passing(errors: Counts, stops: Counts, first: int) -> Counts:
    """How many labels pass the lowest threshold that is proven, 0 where none is, for each row of
    `errors`; the result has shape (rows,)."""
    if not len(stops):
        return np.zeros(len(errors), np.int64)
    failed = errors[:, first:] > np.arange(first, len(stops))
    proven = np.where(failed.any(axis=1), failed.argmax(axis=1), failed.shape[1])
    return np.where(proven, stops[first + proven - 1], 0)


def _stops(most: int, error: float, confidence: float) -> Counts:
    """How many have to pass for 0, 1, 2 ... errors among them to be few enough."""
    stops: list[int] = []
    # The probabilities of just as many errors as there are stops, and of at most as many.
    just = below = 1.0
    for count in range(1, most + 1):
        errors = len(stops)
        below -= error * just
        just *= (1.0 - error) * count / (count - errors)
        if below <= 1.0 - confidence:
            stops.append(count)
            just *= (count - errors) / (errors + 1) * error / (1.0 - error)
            below += just
    return np.asarray(stops, np.int64)
