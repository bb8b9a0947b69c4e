"""Fitting the gate: the learned model where it is worth it, else the distance.

The model is taken unless the distance alone is better, by a standard error, on examples that
neither has seen: it begins with what is known from other documents, and was better in every
collection that was tried. Where the good examples are not about the documents there is nothing to
learn from, and the documents' own headings stand in; see `distance`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from common.small_talk import without_openers
from knowledge.gate.distance import Sample, are_about_these, choose, fit_threshold, talk_mean
from knowledge.gate.examples import Examples
from knowledge.gate.features import Seen, see
from knowledge.gate.headings import own_scores
from knowledge.gate.model import fit_model
from knowledge.gate.points import (
    Scored,
    Wish,
    both_points,
    distance_logits,
    estimated_threshold,
    has_enough,
    logits_of,
)
from knowledge.gate.state import FittedGate
from knowledge.index.open import EVERYTHING, Snapshot
from knowledge.settings import GateSettings
from knowledge.types import Counts, Flags, Floats, GateReason, GateState, Point, Vectors

FEWEST = 2
"""With fewer examples of a kind there is no middle between them to measure from."""

COUNTS = 0.5
"""Bad examples of less weight are shown in no figure: they may be about the documents."""

Encode = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Examples as the index sees them, in their order, and the nearness of the questions that the
    documents ask themselves."""

    seen: Sequence[Seen]
    own: Sequence[float]

    def nearness(self, neighbours: int) -> Floats:
        """How near each example is, shape (n,)."""
        return np.asarray([each.nearness(neighbours) for each in self.seen], np.float64)


def look_up(
    snapshot: Snapshot, examples: Examples, encode: Encode, options: GateSettings
) -> Lookup:
    """Looks all examples up in an index, as the messages of a group are: without openers. All that
    a fit needs of it."""
    texts = [without_openers(item.text) for item in examples.items]
    seen = [
        see(snapshot, text, vector, EVERYTHING)
        for text, vector in zip(texts, encode(texts), strict=True)
    ]
    return Lookup(seen, own_scores(snapshot, options.neighbours, encode))


def fit_gate(
    lookup: Lookup, examples: Examples, options: GateSettings, index: str = "", embedder: str = ""
) -> FittedGate:
    """Fits to examples that were looked up; `index` and `embedder` name what it belongs to."""
    key = options.key(examples.digest, embedder)
    lookup, examples, fit = _about_these(lookup, examples, options.neighbours)
    good = examples.labels
    near = lookup.nearness(options.neighbours)
    sample = choose(near[good].tolist(), near[~good].tolist(), lookup.own, fit=fit)
    share = examples.share(options.expected_share)
    why = _obstacle(good, sample, options)
    learned = None if why else fit_model(lookup.seen, examples, share)
    if learned and learned.gain + learned.doubt <= 0.0:
        learned, why = None, "not_better"
    scored = Scored(learned.held_out if learned else near, good, examples.telling)
    points = _learned_points if learned else _distance_points
    unprompted, mention = points(scored, sample, options, share)
    state = GateState(
        model="learned" if learned else "distance",
        why=why or "learned",
        index=index,
        key=key,
        unprompted=unprompted,
        mention=mention,
        groups=_of_groups(scored, examples, options) if learned else {},
        good=int(good.sum()),
        bad=int((~good).sum()),
        share=share,
        weekly=options.messages_per_week,
        target=options.target_precision,
        confidence=options.confidence,
        talk=talk_mean(sample),
        question=sample.question,
    )
    held_out = scored if sample.examples else _stand_ins(sample)
    return FittedGate(state, learned.model if learned else None, held_out, examples.items)


def _about_these(
    lookup: Lookup, examples: Examples, neighbours: int
) -> tuple[Lookup, Examples, bool]:
    """What is about the documents, and whether that is enough. Messages are, since they were
    labelled where these documents are asked about; good examples that somebody thought of, such as
    those that ship, may be about others and are then left out."""
    good, near = examples.labels, lookup.nearness(neighbours)
    written = examples.written
    if not (good & written).any():
        return lookup, examples, bool(good.any())
    if are_about_these(near[good & written].tolist(), near[~good].tolist(), lookup.own):
        return lookup, examples, True
    if (good & ~written).sum() < FEWEST:
        return lookup, examples, False
    kept = np.flatnonzero(~(good & written)).tolist()
    items = tuple(examples.items[row] for row in kept)
    return Lookup([lookup.seen[row] for row in kept], lookup.own), Examples(items), True


def _obstacle(good: Flags, sample: Sample, options: GateSettings) -> GateReason | None:
    """Why nothing can be learned; None where it can."""
    if not sample.examples:
        return "other_documents"
    if options.model == "distance":
        return "configured"
    return "few" if min(good.sum(), (~good).sum()) < FEWEST else None


def _learned_points(
    scored: Scored, _: Sample | None, options: GateSettings, share: float
) -> tuple[Point, Point]:
    unprompted = estimated_threshold(scored, options.target_precision, share, options.confidence)
    mention = estimated_threshold(scored, options.mention_precision, share)
    return both_points(scored, logits_of(scored.scores), _wish(options, share), unprompted, mention)


def _distance_points(
    scored: Scored, sample: Sample, options: GateSettings, share: float
) -> tuple[Point, Point]:
    unprompted = fit_threshold(sample, options.target_precision, share)
    mention = fit_threshold(sample, options.mention_precision, share)
    if sample.examples and 0 < scored.good.sum() < len(scored.good):
        wish = _wish(options, share)
        return both_points(scored, distance_logits(scored), wish, unprompted, mention)
    mention = min(mention, unprompted)
    return _stand_in_point(sample, unprompted), _stand_in_point(sample, mention)


def _stand_ins(sample: Sample) -> Scored:
    """The scores of the headings, and of the bad examples as far as they count."""
    scores = np.asarray([*sample.good, *sample.bad], np.float64)
    weights = np.asarray([*(1.0 for _ in sample.good), *sample.weights], np.float64)
    good = np.arange(len(scores)) < len(sample.good)
    return Scored(scores, good, weights).of(weights >= COUNTS)


def _stand_in_point(sample: Sample, threshold: float) -> Point:
    """A point where headings stand in for the good examples: nothing is known of its precision."""
    passing = sum(score >= threshold for score in sample.good)
    false = sum(score >= threshold for score in sample.bad)
    return Point(
        threshold=threshold,
        precision=0.0,
        recall=passing / max(1, len(sample.good)),
        counts=Counts(good=0, good_passing=0, bad=len(sample.bad), bad_passing=false),
        proven=False,
    )


def _of_groups(
    scored: Scored, examples: Examples, options: GateSettings
) -> dict[str, tuple[Point, Point]]:
    """Operating points of groups with enough labels of their own."""
    groups = np.asarray([item.group for item in examples.items])
    found: dict[str, tuple[Point, Point]] = {}
    for group in sorted(set(groups.tolist()) - {""}):
        own = scored.of(groups == group)
        if has_enough(own):
            labels = Examples(tuple(item for item in examples.items if item.group == group))
            share = labels.share(options.expected_share)
            found[group] = _learned_points(own, None, options, share)
    return found


def _wish(options: GateSettings, share: float) -> Wish:
    unwanted = options.max_unwanted_per_week
    if unwanted is not None:
        unwanted = min(1.0, unwanted / max(1.0, options.messages_per_week * (1.0 - share)))
    return Wish(options.target_precision, options.confidence, share, unwanted)
