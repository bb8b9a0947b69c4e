"""Fitting the gate's threshold and measuring it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.gate.fit import LEAST_RECALL, Sample, choose, fit, fit_threshold
from knowledge.gate.gate import Thresholds, auc, measure, precision_recall
from knowledge.types import IndexMismatch

SCORES = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=40)


def sample(good: list[float], bad: list[float]) -> Sample:
    return Sample(tuple(good), tuple(bad), (1.0,) * len(bad), good[0], examples=True)


@given(SCORES, SCORES, st.floats(0.3, 0.95), st.floats(0.05, 0.9))
def test_more_precision_never_means_a_lower_threshold(
    good: list[float], bad: list[float], target: float, share: float
) -> None:
    strict = fit_threshold(sample(good, bad), min(0.99, target + 0.04), share)
    assert strict >= fit_threshold(sample(good, bad), target, share)


@given(SCORES, SCORES)
def test_figures_agree_with_counting(good: list[float], bad: list[float]) -> None:
    threshold = good[0]
    figures = measure(good, bad, threshold)
    hits, false = sum(g >= threshold for g in good), sum(b >= threshold for b in bad)
    assert figures.precision == pytest.approx(hits / (hits + false))
    assert figures.recall == pytest.approx(hits / len(good))
    pairs = [(g > b) + 0.5 * (g == b) for g in good for b in bad]
    assert figures.auc == pytest.approx(sum(pairs) / len(pairs))
    precisions, recalls = precision_recall(good, bad)
    assert recalls[-1] == pytest.approx(1.0)
    assert precisions[-1] == pytest.approx(len(good) / (len(good) + len(bad)))


def test_a_rarer_topic_needs_a_higher_threshold() -> None:
    both = sample([0.5, 0.55, 0.6, 0.65], [0.2, 0.25, 0.3, 0.35, 0.5])
    assert fit_threshold(both, 0.9, 0.05) > fit_threshold(both, 0.9, 0.5)


def test_one_odd_example_does_not_silence_the_bot() -> None:
    good = [0.5 + 0.01 * step for step in range(20)]
    odd = sample(good, [*[0.1 + 0.01 * step for step in range(20)], 0.95])
    passing = sum(score >= fit_threshold(odd, 0.99, 0.1) for score in good)
    assert passing >= LEAST_RECALL * len(good) - 1


def test_examples_about_something_else_are_noticed() -> None:
    own, far, near = [0.4 + 0.01 * step for step in range(30)], [0.2, 0.3, 0.25], [0.6, 0.7, 0.65]
    stranger = choose(far, far, own)
    assert not stranger.examples and stranger.good == tuple(own)
    fitted = fit(stranger, (0.9, 0.6), 0.25, "i", "e")
    assert not fitted.good_used
    assert 0.25 < fitted.mention <= fitted.unprompted < 0.7
    assert choose(near, far, own).examples
    assert fit(choose(near, far, own), (0.9, 0.6), 0.25, "i", "e").good_used


def test_documents_that_ask_nothing_leave_the_examples_to_judge() -> None:
    assert choose([0.6, 0.7, 0.65], [0.2, 0.3, 0.25], []).examples
    stand_in = choose([0.2, 0.3, 0.25], [0.2, 0.3, 0.25], [])
    assert not stand_in.examples
    assert min(stand_in.good) > 0.25


def test_a_bad_example_that_may_be_about_the_documents_counts_little() -> None:
    own = [0.4 + 0.01 * step for step in range(30)]
    weights = choose([0.2, 0.2], [0.1, 0.55, 0.9], own).weights
    assert weights[0] == 1.0 and 0.0 < weights[1] < 1.0 and weights[2] == 0.0


def test_the_artefact_belongs_to_its_index_and_examples(tmp_path: Path) -> None:
    path = tmp_path / "gate.json"
    fitted = Thresholds(
        0.4, 0.3, "snapshot-3", "abc", good_used=True, talk=0.1, question=0.5, recall=0.8
    )
    fitted.save(path)
    assert Thresholds.load(path, "snapshot-3", "abc") == fitted
    for index, examples in (("snapshot-4", "abc"), ("snapshot-3", "abd")):
        with pytest.raises(IndexMismatch, match="another index or other examples"):
            Thresholds.load(path, index, examples)
    path.write_text("[]")
    with pytest.raises(IndexMismatch, match="unreadable"):
        Thresholds.load(path, "snapshot-3", "abc")


def test_auc_of_nothing_is_a_coin() -> None:
    assert auc([], [0.1]) == 0.5
