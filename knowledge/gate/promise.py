"""How sure one may be of a threshold: what the labels prove, not what they look like.

A threshold that just reaches a precision on its labels misses it on new messages about every
second time. Here it has to pass a test (Learn then Test, Angelopoulos et al., arXiv 2110.01052):
the hypothesis that too much of what passes is unwanted is rejected with the exact binomial tail
(Clopper and Pearson, Biometrika 1934), in a fixed order of thresholds, so that looking at many of
them costs no confidence. What weighs less than a whole label proves nothing and is left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.types import Counts, Flags, Floats

FIRST_RECALL = 0.4
"""Tests begin where about this share of the good labels passes: far enough up for few errors, low
enough for the errors to be counted."""

SURE = 0.9
"""How sure it is what a promise says in words."""

TESTED = 1.0 - (1.0 - SURE) / 2
"""How sure its bounds are: half of the doubt is spent on the threshold, which was chosen by the
very labels that are counted. Without this 16% of the gates from 900 labels broke what they said."""

MOST_LABELS = 100_000
"""More labels than anybody gives."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What is `SURE` of a threshold, from so many labels: at most `unwanted` replies a week, and
    at least this precision."""

    unwanted: float
    precision: float
    labels: int


def promise(counts: Counts, share: float, weekly: float) -> Promise:
    """What the labels prove of a threshold where `share` of `weekly` messages are good."""
    passing = counts.good_passing + counts.bad_passing
    error = upper_bound(counts.bad_passing, passing, TESTED)
    labelled = counts.good / max(1, counts.labels)
    return Promise(
        unwanted=weekly * (1.0 - share) * upper_bound(counts.bad_passing, counts.bad, TESTED),
        precision=shifted(1.0 - error, labelled, share),
        labels=counts.labels,
    )


def shifted(probability: float, share: float, other: float) -> float:
    """What a probability becomes where another share of the messages is good."""
    if not (0.0 < probability < 1.0 and 0.0 < share < 1.0):
        return probability
    odds = probability / (1.0 - probability) * other / (1.0 - other) * (1.0 - share) / share
    return odds / (1.0 + odds)


def precise_threshold(
    scores: Floats, good: Flags, precision: float, confidence: float
) -> float | None:
    """The lowest threshold of which the labels prove, with `confidence`, that `precision` of what
    passes is good, among messages like the labelled ones. None where they prove it of none."""
    order = np.argsort(-scores, kind="stable")
    errors = np.cumsum(~good[order])
    stops = _stops(len(order), 1.0 - precision, confidence)
    if not len(stops):
        return None
    passed = errors[stops - 1] <= np.arange(len(stops))
    at = int(np.abs(stops - FIRST_RECALL * good.sum()).argmin())
    if not passed[at]:
        return None
    while at + 1 < len(stops) and passed[at + 1]:
        at += 1
    return float(scores[order[stops[at] - 1]])


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


def labels_needed(counts: Counts, precision: float, share: float, confidence: float) -> int | None:
    """How many labels of the same kind it takes in all to prove a precision at a threshold, if
    new ones turn out as those did. None where no number will do: too much of what passes is bad."""
    passing = counts.good_passing + counts.bad_passing
    if not passing or not counts.good:
        return None
    labelled = counts.good / counts.labels
    allowed = 1.0 - shifted(precision, share, labelled)
    rate = counts.bad_passing / passing
    if rate >= allowed:
        return None

    def proven(count: int) -> bool:
        return tail(math.ceil(rate * count), count, allowed) <= 1.0 - confidence

    high = 1
    while not proven(high):
        high *= 2
        if high > MOST_LABELS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proven(middle) else (middle, high)
    return math.ceil(high * counts.labels / passing)


def upper_bound(errors: int, trials: int, confidence: float) -> float:
    """Clopper and Pearson's upper bound of a probability that came true so often."""
    if errors >= trials:
        return 1.0
    low, high = errors / trials, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(errors, trials, middle) > 1.0 - confidence else (
            low, middle)  # fmt: skip
    return high


def tail(errors: int, trials: int, probability: float) -> float:
    """The probability of at most so many errors in so many trials."""
    if errors >= trials or probability <= 0.0:
        return 1.0
    if probability >= 1.0:
        return 0.0
    whole = math.lgamma(trials + 1)
    yes, no = math.log(probability), math.log1p(-probability)
    terms = (
        whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * yes + (trials - k) * no
        for k in range(errors + 1)
    )
    return min(1.0, math.fsum(map(math.exp, terms)))


def _stops(most: int, error: float, confidence: float) -> NDArray[np.int64]:
    """How many have to pass for 0, 1, 2 ... errors among them to be few enough."""
    stops: list[int] = []
    count = 1
    while count <= most:
        if tail(len(stops), count, error) <= 1.0 - confidence:
            stops.append(count)
        else:
            count += 1
    return np.asarray(stops, np.int64)


def counts_at(threshold: float, scores: Sequence[float] | Floats, good: Flags) -> Counts:
    """How many labels pass a threshold."""
    passing = np.asarray(scores) >= threshold
    return Counts(
        good=int(good.sum()),
        good_passing=int((good & passing).sum()),
        bad=int((~good).sum()),
        bad_passing=int((~good & passing).sum()),
    )
