"""What labels say of a threshold that was chosen: at most so many unwanted replies, and how sure.

What weighs less than a whole label says nothing and is left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.types import Counts, Flags, Floats

SURE = 0.9
"""How sure it is what a promise says in words."""

TESTED = 1.0 - (1.0 - SURE) / 2
"""How sure its bounds are: half of the doubt is spent on the threshold, which was chosen by the
very labels that are counted. Without this 16% of the gates from 900 labels broke what they said."""


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


def counts_at(threshold: float, scores: Sequence[float] | Floats, good: Flags) -> Counts:
    """How many labels pass a threshold."""
    passing = np.asarray(scores) >= threshold
    return Counts(
        good=int(good.sum()),
        good_passing=int((good & passing).sum()),
        bad=int((~good).sum()),
        bad_passing=int((~good & passing).sum()),
    )
