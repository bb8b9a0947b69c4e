"""Fitting a threshold of the distance, and what stands in for examples about something else."""

from hypothesis import given
from hypothesis import strategies as st

from knowledge.gate.distance import LEAST_RECALL, Sample, are_about_these, choose, fit_threshold

SCORES = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=40)


def sample(good: list[float], bad: list[float]) -> Sample:
    return Sample(tuple(good), tuple(bad), (1.0,) * len(bad), good[0], examples=True)


@given(SCORES, SCORES, st.floats(0.3, 0.95), st.floats(0.05, 0.9))
def test_more_precision_never_means_a_lower_threshold(
    good: list[float], bad: list[float], target: float, share: float
) -> None:
    strict = fit_threshold(sample(good, bad), min(0.99, target + 0.04), share)
    assert strict >= fit_threshold(sample(good, bad), target, share)


def test_a_rarer_topic_needs_a_higher_threshold() -> None:
    both = sample([0.5, 0.55, 0.6, 0.65], [0.2, 0.25, 0.3, 0.35, 0.5])
    assert fit_threshold(both, 0.9, 0.05) > fit_threshold(both, 0.9, 0.5)


def test_one_odd_example_does_not_silence_the_bot() -> None:
    good = [0.5 + 0.01 * step for step in range(20)]
    odd = sample(good, [*[0.1 + 0.01 * step for step in range(20)], 0.95])
    passing = sum(score >= fit_threshold(odd, 0.99, 0.1) for score in good)
    assert passing >= LEAST_RECALL * len(good) - 1


OWN = [0.4 + 0.01 * step for step in range(30)]


def test_examples_about_something_else_are_noticed() -> None:
    far, near = [0.2, 0.3, 0.25], [0.6, 0.7, 0.65]
    assert are_about_these(near, far, OWN)
    assert not are_about_these(far, far, OWN)
    stranger = choose(far, far, OWN, fit=False)
    assert not stranger.examples and stranger.good == tuple(OWN)
    unprompted, mention = (fit_threshold(stranger, precision, 0.25) for precision in (0.9, 0.6))
    assert 0.25 < mention <= unprompted < 0.7


def test_documents_that_ask_nothing_leave_the_examples_to_judge() -> None:
    assert are_about_these([0.6, 0.7, 0.65], [0.2, 0.3, 0.25], [])
    assert not are_about_these([0.2, 0.3, 0.25], [0.2, 0.3, 0.25], [])
    assert min(choose([0.2, 0.3, 0.25], [0.2, 0.3, 0.25], [], fit=False).good) > 0.25


def test_a_bad_example_that_may_be_about_the_documents_counts_little() -> None:
    weights = choose([0.2, 0.2], [0.1, 0.55, 0.9], OWN, fit=False).weights
    assert weights[0] == 1.0 and 0.0 < weights[1] < 1.0 and weights[2] == 0.0
