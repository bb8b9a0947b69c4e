"""Operating points of a score that is a probability: from where on a message passes."""

from dataclasses import dataclass, replace

import numpy as np

from knowledge.gate.kernel import sigmoid
from knowledge.gate.model import HARDLY, OFFSET_ALONE, STIFFNESS, calibrate
from knowledge.gate.promise import TESTED, counts_at, shifted
from knowledge.gate.proof import labels_needed, plan_proof, rare_threshold
from knowledge.types import Flags, Floats, Point

LEAST_RECALL = 0.25
"""Where nothing is proven, no threshold keeps back more than the other three quarters of the good
ones, whatever the precision that was wished for: odd examples would silence the bot. How many that
are is told by the probabilities: the best of three good examples may well lie low by chance."""

GROUP_GOOD, GROUP_BAD = 25, 50
"""From so many labels of its own a group gets its own operating points."""

STEPS = 500

DRAWN = 100
"""Calibrations drawn; more move no threshold by 0.01."""

LEAST_SLOPE = 0.05


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operating point is to reach: a precision, with a confidence. With `unwanted` at most
    this share of the bad messages may pass, surely, and the precision counts where that can't be
    proven."""

    precision: float
    confidence: float
    share: float
    unwanted: float | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """Labels with scores that were held out from them, as probabilities; all of shape (n,)."""

    scores: Floats
    good: Flags
    weights: Floats

    def of(self, rows: Flags) -> "Scored":
        """Some of them."""
        return Scored(self.scores[rows], self.good[rows], self.weights[rows])


def both_points(
    scored: Scored, logits: Floats, wish: Wish, unprompted: float, mention: float
) -> tuple[Point, Point]:
    """Where a message passes unprompted, and where it does when it mentions the bot: where the
    labels prove that the wish comes true, unless that costs too much, else at the estimates.
    `logits` are the scores as log odds, but for an offset, shape (n,)."""
    threshold, needed = _proven_threshold(scored, logits, wish)
    proven = threshold is not None
    first = point_at(
        scored, unprompted if threshold is None else threshold, wish.share, proven=proven
    )
    second = point_at(scored, min(mention, first.threshold), wish.share, proven=False)
    return replace(first, needed=needed), second


def has_enough(scored: Scored) -> bool:
    """Are there enough whole labels for operating points of a group's own?"""
    whole = scored.of(scored.weights >= 1.0)
    return bool(whole.good.sum() >= GROUP_GOOD and (~whole.good).sum() >= GROUP_BAD)


def _proven_threshold(
    scored: Scored, logits: Floats, wish: Wish
) -> tuple[float | None, int | None]:
    """The lowest threshold that the labels prove; where a proof would cost too much, from how many
    labels on it would not."""
    rows = scored.weights >= 1.0
    whole = scored.of(rows)
    if wish.unwanted is not None:
        threshold = rare_threshold(whole.scores[~whole.good], wish.unwanted, TESTED)
        if threshold is not None:
            return threshold, None
    if not whole.good.any() or whole.good.all():
        return None, None
    precision = shifted(wish.precision, wish.share, float(whole.good.mean()))
    said = _as_labels(logits[rows], whole.good)
    plan = plan_proof(said, precision, wish.confidence)
    if plan.worth_it and wish.unwanted is None:
        return plan.threshold(whole.scores, whole.good), None
    return None, labels_needed(said, precision, wish.confidence)


def _as_labels(logits: Floats, good: Flags) -> Floats:
    """How likely each label is good, shape (n,), if as many of them are as there are."""
    even, none = np.ones_like(logits), np.zeros_like(logits)
    return sigmoid(logits + calibrate(logits, good, even, none, OFFSET_ALONE)[1])


def estimated_threshold(
    scored: Scored, precision: float, share: float, confidence: float = 0.5
) -> float:
    """The lowest threshold from which the mean probability reaches a precision, for `confidence`
    of the calibrations that the labels leave possible.

    What a few examples have for scores is full of gaps, so each is spread by a bell whose width
    is Silverman's, in log odds.
    """
    logits = logits_of(scored.scores)
    weights = _as_in_group(scored, share)
    width = max(0.9 * float(logits.std()) * len(logits) ** -0.2, 0.1)
    places = np.linspace(logits.max() + 2.0, logits.min() - 1.0, STEPS)
    density = np.exp(-0.5 * np.square((places[:, None] - logits) / width)) @ weights
    said = sigmoid(_calibrations(scored, logits) @ np.stack([places, np.ones_like(places)]))
    reached = np.cumsum(density * said, axis=1) >= precision * np.cumsum(density)
    reached[:, 0] = True
    lowest = places[STEPS - 1 - np.argmax(reached[:, ::-1], axis=1)]
    hits = np.cumsum(density * said.mean(axis=0))
    highest = places[np.argmax(hits >= LEAST_RECALL * hits[-1])]
    logit = min(float(np.quantile(lowest, confidence)), float(highest))
    return float(sigmoid(np.asarray(logit)))


def logits_of(probabilities: Floats) -> Floats:
    """Their log odds, which are finite."""
    clipped = np.clip(probabilities, 1e-9, 1.0 - 1e-9)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def distance_logits(scored: Scored) -> Floats:
    """What the labels make of scores that are distances, as log odds."""
    line = (scored.scores - scored.scores.mean()) / max(float(scored.scores.std()), 1e-9)
    slope, offset = calibrate(line, scored.good, scored.weights, np.zeros_like(line), HARDLY)
    return np.asarray(slope * line + offset)


def _calibrations(scored: Scored, logits: Floats) -> Floats:
    """Slopes and offsets that the scores may still need, shape (DRAWN, 2): around 1 and 0, the
    nearer the more labels there are (Laplace's approximation around what was fitted)."""
    across = np.stack([logits, np.ones_like(logits)])
    curve = scored.weights * scored.scores * (1.0 - scored.scores)
    doubt = np.linalg.inv((across * curve) @ across.T + np.diag(STIFFNESS))
    drawn = np.random.default_rng(0).multivariate_normal((1.0, 0.0), doubt, DRAWN)
    return np.maximum(drawn, (LEAST_SLOPE, -np.inf))


def point_at(scored: Scored, threshold: float, share: float, *, proven: bool) -> Point:
    """A threshold with its precision and recall among the examples, as if `share` were good."""
    weights = _as_in_group(scored, share) * (scored.scores >= threshold)
    hits, false = float(weights[scored.good].sum()), float(weights[~scored.good].sum())
    whole = scored.of(scored.weights >= 1.0)
    return Point(
        threshold=threshold,
        precision=hits / (hits + false) if hits + false else 0.0,
        recall=hits / share,
        counts=counts_at(threshold, whole.scores, whole.good),
        proven=proven,
    )


def _as_in_group(scored: Scored, share: float) -> Floats:
    """Weights by which `share` of all are good; they sum up to 1."""
    good, bad = scored.weights[scored.good].sum(), scored.weights[~scored.good].sum()
    factors = np.where(scored.good, share / good, (1.0 - share) / bad)
    return np.asarray(scored.weights * factors)
