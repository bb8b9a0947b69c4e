"""Fitting thresholds of the distance: to examples where they are about the documents, else to the
questions that the documents' own headings ask.

Precision first, and honestly: the few bad examples that come near are what decides it, so their
scores are smoothed one by one instead of being forced into a bell, whose tail is too thin.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, median, quantiles, stdev

from knowledge.gate.figures import auc

ABOUT_THESE = 0.25
"""Examples of which half lie below this share of the documents' own questions are about something
else."""

SEPARATE = 0.75
"""Documents without headings ask nothing: there, good examples must have at least this AUC."""

LEAST_OWN = 8
"""Fewer questions of a collection's own say nothing about it."""

LEAST_RECALL = 0.25
"""No threshold keeps back more than the other three quarters of the good ones, whatever the
precision that was wished for: one odd example among the bad ones would silence the bot."""

TALK_DEVIATIONS = 2.0
"""A good message lies so many standard deviations above the bad ones, where nothing tells."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The scores to fit to. `weights` says how much each bad one counts, 0..1; `question` is how
    near a typical question about the documents is; `examples` is False when the good scores are
    not those of the good examples."""

    good: tuple[float, ...]
    bad: tuple[float, ...]
    weights: tuple[float, ...]
    question: float
    examples: bool


def choose(
    good: Sequence[float], bad: Sequence[float], own: Sequence[float], *, fit: bool
) -> Sample:
    """Which scores the thresholds are to be fitted to; `own` are those of the documents' own
    questions.

    Where the good examples don't `fit` the documents, these questions stand in for them, and a bad
    example counts the less, the more of those it is nearer than: it may well be about these
    documents.
    """
    own = own if len(own) >= LEAST_OWN else ()
    question = median(own or good or (_talk_bell(bad, [1.0] * len(bad)).mean + 0.25,))
    if fit:
        return Sample(tuple(good), tuple(bad), (1.0,) * len(bad), question, examples=True)
    if own:
        weights = tuple((sum(score > b for score in own) / len(own)) ** 2 for b in bad)
        return Sample(tuple(own), tuple(bad), weights, question, examples=False)
    talk = _talk_bell(bad, [1.0] * len(bad))
    stand_in = [talk.mean + talk.stdev * (TALK_DEVIATIONS + z) for z in (-1.0, 0.0, 1.0)]
    return Sample(tuple(stand_in), tuple(bad), (1.0,) * len(bad), stand_in[1], examples=False)


def are_about_these(good: Sequence[float], bad: Sequence[float], own: Sequence[float]) -> bool:
    """Are good examples that somebody thought of about the documents? Those that are further away
    than most of the documents' own questions are about something else: the sources were
    configured, the examples were not."""
    if len(good) < 2:
        return False
    if len(own) < LEAST_OWN:
        return auc(good, bad) >= SEPARATE
    below = sum(score < median(good) for score in own)
    return below >= ABOUT_THESE * len(own)


def talk_mean(sample: Sample) -> float:
    """How near small talk is to the documents."""
    return _talk_bell(sample.bad, sample.weights).mean


def fit_threshold(sample: Sample, precision: float, share: float) -> float:
    """The lowest score from which `precision` of the accepted messages are good, as far as that
    leaves a quarter of the good ones."""
    likes, talk = _bell(sample.good), _talk_bell(sample.bad, sample.weights)
    dislikes = _Smooth(sample.bad, sample.weights)
    highest = max(likes.inv_cdf(1.0 - LEAST_RECALL), talk.mean + TALK_DEVIATIONS * talk.stdev)
    for step in range(2001):
        threshold = -1.0 + step / 1000
        if threshold < talk.mean:
            continue
        right = share * (1.0 - likes.cdf(threshold))
        wrong = (1.0 - share) * dislikes.above(threshold)
        if right > 0.0 and right >= precision * (right + wrong):
            return min(threshold, highest)
    return min(1.0, highest)


class _Smooth:
    """A distribution of scores as they are, each spread by a bell whose width is Silverman's."""

    def __init__(self, scores: Sequence[float], weights: Sequence[float]) -> None:
        self._scores, self._weights = scores, weights
        self._width = 0.05
        if len(scores) > 1:
            low, _, high = quantiles(scores, n=4)
            spread = min(stdev(scores), (high - low) / 1.34) or stdev(scores)
            self._width = max(0.9 * spread * len(scores) ** -0.2, 1e-3)

    def above(self, threshold: float) -> float:
        """The share of scores above a threshold."""
        whole = sum(self._weights)
        if not whole:
            return 1.0 - NormalDist(0.0, 0.05).cdf(threshold)
        scale = self._width * math.sqrt(2.0)
        tails = (math.erfc((threshold - score) / scale) / 2.0 for score in self._scores)
        return sum(w * tail for w, tail in zip(self._weights, tails, strict=True)) / whole


def _bell(scores: Sequence[float]) -> NormalDist:
    spread = stdev(scores) if len(scores) > 1 else 0.05
    # A mean of few examples is itself uncertain by spread / sqrt(n).
    return NormalDist(fmean(scores), max(spread * math.sqrt(1.0 + 1.0 / len(scores)), 1e-3))


def _talk_bell(bad: Sequence[float], weights: Sequence[float]) -> NormalDist:
    whole = sum(weights)
    if not whole:
        return NormalDist(0.0, 0.05)
    mean = fmean(bad, weights)
    variance = sum(w * (score - mean) ** 2 for w, score in zip(weights, bad, strict=True)) / whole
    spread = math.sqrt(variance) if len(bad) > 1 else 0.05
    return NormalDist(mean, max(spread, 1e-3))
