"""Figures of a score on labelled messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.gate.figures import auc, calibration_error, measure, precision_recall

SCORES = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=40)


@given(SCORES, SCORES)
def test_figures_agree_with_counting(good: list[float], bad: list[float]) -> None:
    threshold = good[0]
    figures = measure(good, bad, threshold)
    hits, false = sum(g >= threshold for g in good), sum(b >= threshold for b in bad)
    assert figures.precision == pytest.approx(hits / (hits + false))
    assert figures.recall == pytest.approx(hits / len(good))
    assert figures.best_f1 >= figures.f1 - 1e-9
    pairs = [(g > b) + 0.5 * (g == b) for g in good for b in bad]
    assert figures.auc == pytest.approx(sum(pairs) / len(pairs))
    precisions, recalls = precision_recall(good, bad)
    assert recalls[-1] == pytest.approx(1.0)
    assert precisions[-1] == pytest.approx(len(good) / (len(good) + len(bad)))


def test_auc_of_nothing_is_a_coin() -> None:
    assert auc([], [0.1]) == 0.5


def test_the_calibration_error_is_how_far_probabilities_are_from_what_came_true() -> None:
    honest = calibration_error(good=[0.8] * 80 + [0.2] * 20, bad=[0.8] * 20 + [0.2] * 80)
    assert honest == pytest.approx(0.0, abs=1e-9)
    assert calibration_error(good=[0.9] * 50, bad=[0.9] * 50) == pytest.approx(0.4)
