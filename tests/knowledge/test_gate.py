"""Fitting the gate's threshold and measuring it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.gate import Thresholds, auc, fit, fit_threshold, measure, precision_recall
from knowledge.types import IndexMismatch

SCORES = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=40)


@given(SCORES, SCORES, st.floats(0.3, 0.95), st.floats(0.05, 0.9))
def test_more_precision_never_means_a_lower_threshold(
    good: list[float], bad: list[float], target: float, share: float
) -> None:
    strict = fit_threshold(good, bad, min(0.99, target + 0.04), share)
    assert strict >= fit_threshold(good, bad, target, share)


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
    good, bad = [0.5, 0.55, 0.6, 0.65], [0.2, 0.25, 0.3, 0.35]
    assert fit_threshold(good, bad, 0.9, 0.05) > fit_threshold(good, bad, 0.9, 0.5)


def test_examples_about_something_else_are_noticed() -> None:
    fitted = fit([0.2, 0.3, 0.25], [0.2, 0.3, 0.25], (0.9, 0.6), 0.25, "i", "e")
    assert not fitted.good_used
    assert 0.3 < fitted.mention < fitted.unprompted < 0.6
    assert fit([0.6, 0.7, 0.65], [0.2, 0.3, 0.25], (0.9, 0.6), 0.25, "i", "e").good_used


def test_the_artefact_belongs_to_its_index_and_examples(tmp_path: Path) -> None:
    path = tmp_path / "gate.json"
    fitted = Thresholds(0.4, 0.3, "snapshot-3", "abc")
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
