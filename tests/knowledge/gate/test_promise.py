"""What labels prove of a threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.gate.promise import (
    counts_at,
    labels_needed,
    precise_threshold,
    promise,
    rare_threshold,
    shifted,
    tail,
    upper_bound,
)
from knowledge.types import Counts


def test_the_bound_is_clopper_and_pearsons() -> None:
    assert upper_bound(0, 22, 0.9) == pytest.approx(1 - 0.1 ** (1 / 22))
    assert upper_bound(3, 40, 0.95) == pytest.approx(0.18268, abs=1e-4)  # the published table
    assert upper_bound(5, 5, 0.9) == 1.0


@given(st.integers(0, 30), st.integers(31, 200), st.floats(0.01, 0.6))
def test_the_tail_is_the_binomials(errors: int, trials: int, probability: float) -> None:
    drawn = tail(errors, trials, probability)
    more = tail(errors, trials, min(0.99, probability * 1.5))
    assert 0.0 <= more <= drawn + 1e-9 <= 1.0 + 1e-9


def scored(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of which about 90% of those above 0.55 are good."""
    random = np.random.default_rng(seed)
    scores = random.uniform(0, 1, count)
    return scores, random.uniform(0, 1, count) < np.clip(scores * 1.2 - 0.03, 0, 1)


def true_precision(threshold: float) -> float:
    grid = np.linspace(threshold, 1, 1001)
    return float(np.clip(grid * 1.2 - 0.03, 0, 1).mean())


@pytest.mark.parametrize(("count", "least_made"), [(100, 20), (300, 150), (900, 190)])
def test_a_proven_threshold_holds_as_often_as_it_says(count: int, least_made: int) -> None:
    confidence, broken, made = 0.8, 0, 0
    for seed in range(200):
        threshold = precise_threshold(*scored(seed, count), 0.9, confidence)
        if threshold is not None:
            made += 1
            broken += true_precision(threshold) < 0.9
    # Of 200 tries at most a fifth may break; three standard deviations are chance.
    assert broken <= 200 * (1 - confidence) + 3 * 5.7
    assert made >= least_made


def test_more_confidence_costs_recall() -> None:
    found = [
        [precise_threshold(*scored(seed, 900), 0.9, sure) for seed in range(30)]
        for sure in (0.6, 0.8, 0.95)
    ]
    means = [np.mean([threshold for threshold in each if threshold is not None]) for each in found]
    assert means == sorted(means) and means[0] < means[2]


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


def test_the_promise_counts_unwanted_replies_by_the_groups_own_traffic() -> None:
    counts = Counts(good=40, good_passing=25, bad=100, bad_passing=0)
    said = promise(counts, share=0.25, weekly=400)
    assert said.unwanted == pytest.approx(400 * 0.75 * (1 - 0.05 ** (1 / 100)))
    assert said.labels == 140
    assert promise(counts, share=0.25, weekly=800).unwanted == 2 * said.unwanted
    assert 0.8 < said.precision < 0.9


def test_it_says_how_many_labels_it_takes() -> None:
    counts = Counts(good=30, good_passing=15, bad=70, bad_passing=0)
    needed = labels_needed(counts, precision=0.9, share=0.3, confidence=0.9)
    assert needed == pytest.approx(22 * 100 / 15, abs=8)
    hopeless = Counts(good=30, good_passing=15, bad=70, bad_passing=5)
    assert labels_needed(hopeless, precision=0.9, share=0.3, confidence=0.9) is None


def test_a_probability_where_the_good_ones_are_rarer() -> None:
    assert shifted(0.5, 0.5, 0.25) == pytest.approx(0.25)
    assert shifted(shifted(0.7, 0.3, 0.2), 0.2, 0.3) == pytest.approx(0.7)


def test_labels_are_counted_on_both_sides() -> None:
    found = counts_at(0.5, np.asarray([0.9, 0.5, 0.4, 0.1]), np.asarray([True, False, True, False]))
    assert found == Counts(good=2, good_passing=1, bad=2, bad_passing=1)
