"""What labels prove of a threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.gate.promise import (
    counts_at,
    promise,
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


def test_the_promise_counts_unwanted_replies_by_the_groups_own_traffic() -> None:
    counts = Counts(good=40, good_passing=25, bad=100, bad_passing=0)
    said = promise(counts, share=0.25, weekly=400)
    assert said.unwanted == pytest.approx(400 * 0.75 * (1 - 0.05 ** (1 / 100)))
    assert said.labels == 140
    assert promise(counts, share=0.25, weekly=800).unwanted == 2 * said.unwanted
    assert 0.8 < said.precision < 0.9


def test_a_probability_where_the_good_ones_are_rarer() -> None:
    assert shifted(0.5, 0.5, 0.25) == pytest.approx(0.25)
    assert shifted(shifted(0.7, 0.3, 0.2), 0.2, 0.3) == pytest.approx(0.7)


def test_labels_are_counted_on_both_sides() -> None:
    found = counts_at(0.5, np.asarray([0.9, 0.5, 0.4, 0.1]), np.asarray([True, False, True, False]))
    assert found == Counts(good=2, good_passing=1, bad=2, bad_passing=1)
