"""Thresholds that labels prove: how often a proof holds, what it costs, when it is left."""

import numpy as np
import pytest

from knowledge.gate.points import Scored, Wish, both_points, logits_of
from knowledge.gate.proof import labels_needed, plan_proof, rare_threshold

PRECISION, REACHED = 0.9, 0.6776
"""From the last on the messages of `scored` have just this precision."""


def scored(seed: int, count: int) -> Scored:
    """Scores of messages as their true probabilities; two thirds are hardly ever good."""
    random = np.random.default_rng(seed)
    logits = np.where(random.random(count) < 0.35, random.normal(1.8, 2.0, count), -2.5)
    scores = 1.0 / (1.0 + np.exp(-logits))
    return Scored(scores, random.random(count) < scores, np.ones(count))


TRUE = scored(999, 400_000).scores


def precision_from(threshold: float) -> float:
    return float(TRUE[threshold <= TRUE].mean())


@pytest.mark.parametrize("count", [600, 1200])
def test_of_the_proofs_that_are_made_no_more_break_than_they_say(count: int) -> None:
    assert precision_from(REACHED) == pytest.approx(PRECISION, abs=0.002)
    made = []
    for seed in range(200):
        found = scored(seed, count)
        wish = Wish(PRECISION, 0.65, float(found.good.mean()))
        point, _ = both_points(found, logits_of(found.scores), wish, REACHED, REACHED)
        made += [precision_from(point.threshold)] if point.proven else []
    broken = sum(precision < PRECISION for precision in made)
    assert broken <= 0.35 * len(made)
    assert len(made) >= (150 if count == 1200 else 0)


def test_more_confidence_costs_recall() -> None:
    some = np.sort(scored(0, 2000).scores)
    costs = [plan_proof(some, PRECISION, sure).cost for sure in (0.5, 0.65, 0.8, 0.95)]
    assert costs == sorted(costs) and costs[0] < 0.05 < costs[-1] < 0.5


def test_where_a_proof_costs_too_much_it_says_how_many_labels_it_takes() -> None:
    few = scored(0, 150)
    wish = Wish(PRECISION, 0.65, float(few.good.mean()))
    point, _ = both_points(few, logits_of(few.scores), wish, REACHED, REACHED)
    assert not point.proven and point.threshold == REACHED
    assert point.needed is not None and 300 < point.needed < 3000
    assert labels_needed(few.scores * 0.85, PRECISION, 0.65) is None, "none is surely good"


def test_so_few_bad_ones_pass_as_was_wished() -> None:
    random = np.random.default_rng(1)
    broken = 0
    for _ in range(200):
        threshold = rare_threshold(random.uniform(0, 1, 150), share=0.05, confidence=0.9)
        assert threshold is not None
        broken += 1.0 - threshold > 0.05
    assert broken <= 20 + 3 * 4.3
    assert rare_threshold(np.asarray([0.1] * 20), share=0.05, confidence=0.9) is None


def test_equal_scores_pass_together() -> None:
    threshold = rare_threshold(np.asarray([0.5] * 100), share=0.05, confidence=0.9)
    assert threshold is not None and threshold > 0.5
