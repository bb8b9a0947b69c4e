"""Budgets, pauses, repeats, and people who answer first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import IncomingMessage, Reply
from bot.answering.heuristics import answers, is_question
from bot.group.flood import Answered, Budget, Cooldown, Flood
from bot.types import Entry, Group, Reason, Spoken
from tests.bot.group.posts import GROUP, asked, post

HERE: Group = ("web", GROUP)
THERE: Group = ("web", "toaster users")
NOON = 1_800_000_000.0

steps = st.lists(st.floats(0, 2000), min_size=1, max_size=60)
bursts = st.integers(1, 5)
refills = st.sampled_from([0.0004, 0.5, 7.3, 600.0])


def moments(gaps: list[float]) -> list[float]:
    now, found = NOON, []
    for gap in gaps:
        now += gap
        found.append(now)
    return found


def entry(key: str, at: float) -> Entry:
    return Entry(key, f"question {key}", "alice", f"answer {key}", (), at)


def test_the_burst_is_spent_and_comes_back_one_by_one() -> None:
    budget = Budget(burst=3, refill_s=600)
    assert [budget.take(HERE, NOON) for _ in range(4)] == [True, True, True, False]
    assert budget.left(HERE, NOON) == 0
    assert not budget.take(HERE, NOON + 599)
    assert budget.take(HERE, NOON + 600)
    assert not budget.take(HERE, NOON + 601)
    assert budget.left(HERE, NOON + 1800) == 2
    assert budget.left(HERE, NOON + 9999) == 3


def test_groups_have_budgets_of_their_own() -> None:
    budget = Budget(burst=1, refill_s=600)
    assert budget.take(HERE, NOON)
    assert budget.take(THERE, NOON)
    assert not budget.take(HERE, NOON)


def test_a_clock_set_back_costs_no_more_than_an_empty_bucket() -> None:
    budget = Budget(burst=2, refill_s=600)
    assert budget.take(HERE, NOON + 1_000_000)
    assert budget.left(HERE, NOON) == 0
    assert not budget.take(HERE, NOON)
    assert budget.take(HERE, NOON + 600)


@given(burst=bursts, refill_s=refills, gaps=steps)
def test_no_window_has_more_than_burst_plus_refill(
    burst: int, refill_s: float, gaps: list[float]
) -> None:
    budget = Budget(burst, refill_s)
    given_at = [now for now in moments(gaps) if budget.take(HERE, now)]
    assert given_at, "the first one is always given"
    for first, start in enumerate(given_at):
        for last in range(first, len(given_at)):
            elapsed = given_at[last] - start + 0.001  # the bucket counts whole milliseconds
            assert last - first + 1 <= burst + elapsed / refill_s


@given(burst=bursts, refill_s=refills, gaps=steps)
def test_what_is_left_can_be_taken_and_no_more(
    burst: int, refill_s: float, gaps: list[float]
) -> None:
    budget = Budget(burst, refill_s)
    for now in moments(gaps):
        left = budget.left(HERE, now)
        assert 0 <= left <= burst
        assert budget.take(HERE, now) == (left > 0)


@given(burst=bursts, refill_s=refills, gaps=steps, later=st.floats(0, 2000))
def test_replaying_what_was_given_equals_having_lived_it(
    burst: int, refill_s: float, gaps: list[float], later: float
) -> None:
    live, restored = Budget(burst, refill_s), Budget(burst, refill_s)
    restored.replay(HERE, reversed([now for now in moments(gaps) if live.take(HERE, now)]))
    now = moments(gaps)[-1] + later
    assert restored.left(HERE, now) == live.left(HERE, now)


def test_a_person_is_left_in_peace_for_a_while() -> None:
    cooldown = Cooldown(60)
    assert cooldown.ready(HERE, "alice", NOON)
    cooldown.mark(HERE, "alice", NOON)
    assert not cooldown.ready(HERE, "alice", NOON + 59)
    assert cooldown.ready(HERE, "bob", NOON + 59)
    assert cooldown.ready(THERE, "alice", NOON + 59)
    assert cooldown.ready(HERE, "alice", NOON + 60)


def test_a_cooldown_of_zero_never_holds_anybody() -> None:
    cooldown = Cooldown(0)
    cooldown.mark(HERE, "alice", NOON)
    assert cooldown.ready(HERE, "alice", NOON)
    assert len(cooldown) == 0


def test_a_clock_set_back_does_not_silence_a_person_for_hours() -> None:
    cooldown = Cooldown(60)
    cooldown.mark(HERE, "alice", NOON)
    assert not cooldown.ready(HERE, "alice", NOON - 1)
    assert cooldown.ready(HERE, "alice", NOON - 3600)


@given(gaps=steps, seconds=st.floats(0, 300))
def test_only_pauses_that_last_are_remembered(gaps: list[float], seconds: float) -> None:
    cooldown = Cooldown(seconds)
    times = moments(gaps)
    for number, now in enumerate(times):
        cooldown.mark(HERE, f"user {number}", now)
    assert len(cooldown) == sum(times[-1] - now < seconds for now in times)


def test_answers_are_remembered_for_a_window_and_in_order() -> None:
    answered = Answered(window_s=100)
    answered.add(HERE, entry("1", NOON))
    answered.add(HERE, entry("2", NOON + 50))
    assert [e.key for e in answered.recent(HERE, NOON + 99)] == ["1", "2"]
    assert [e.key for e in answered.recent(HERE, NOON + 100)] == ["2"]
    assert answered.recent(HERE, NOON + 150) == []
    assert answered.recent(THERE, NOON) == []


def test_a_withdrawn_answer_is_forgotten() -> None:
    answered = Answered(window_s=100)
    for key in "12":
        answered.add(HERE, entry(key, NOON))
    answered.remove(HERE, "1")
    answered.remove(HERE, "unknown")
    assert [e.key for e in answered.recent(HERE, NOON)] == ["2"]
    answered.remove(HERE, "2")
    answered.remove(HERE, "2")
    assert answered.recent(HERE, NOON) == []


@given(gaps=steps, limit=st.integers(1, 10), window_s=st.floats(0, 3000))
def test_the_newest_answers_of_the_window_are_kept(
    gaps: list[float], limit: int, window_s: float
) -> None:
    answered = Answered(window_s, per_group=limit)
    times = moments(gaps)
    for number, now in enumerate(times):
        answered.add(HERE, entry(str(number), now))
    newest = list(enumerate(times))[-limit:]
    expected = [str(number) for number, at in newest if times[-1] - at < window_s]
    assert [e.key for e in answered.recent(HERE, times[-1])] == expected


def flood(burst: int = 2) -> Flood:
    return Flood(Budget(burst, 600), Cooldown(60), Answered(1000))


def test_an_unprompted_answer_is_refused_with_its_reason() -> None:
    control = flood()
    assert control.refuses(HERE, "alice", NOON) is None
    assert control.refuses(HERE, "alice", NOON + 1) is Reason.COOLDOWN
    assert control.refuses(HERE, "bob", NOON + 1) is None
    assert control.refuses(HERE, "carol", NOON + 2) is Reason.BUDGET
    assert control.refuses(HERE, "carol", NOON + 600) is None, "a refusal starts no pause"


def test_an_answer_is_remembered_until_it_is_withdrawn() -> None:
    control = flood()
    question = asked(post("1", "how do I descale it?"), post("2", "vinegar?"))
    control.remember(HERE, question, Reply("r1", GROUP, "2", "With vinegar [1]"), NOON)
    (found,) = control.answered(HERE, NOON)
    assert (found.key, found.text, found.user, found.answer) == (
        "r1",
        "how do I descale it?\nvinegar?",
        "alice",
        "With vinegar [1]",
    )
    control.forget(HERE, "r1")
    assert control.answered(HERE, NOON) == []


def test_a_restart_forgets_nothing() -> None:
    control = flood()
    control.restore(
        [Spoken(HERE, "alice", NOON), Spoken(HERE, "bob", NOON + 1)], [(HERE, entry("1", NOON))]
    )
    assert control.refuses(HERE, "bob", NOON + 2) is Reason.COOLDOWN
    assert control.refuses(HERE, "carol", NOON + 2) is Reason.BUDGET
    assert [e.key for e in control.answered(HERE, NOON + 2)] == ["1"]


QUESTION = asked(post("q1", sent_at=NOON), post("q2", sent_at=NOON + 2))


@pytest.mark.parametrize(
    ("message", "similarity", "expected"),
    [
        (post("x", "with vinegar", user="bob", sent_at=NOON + 5), 0.6, True),
        (post("x", "lunch?", user="bob", sent_at=NOON + 5), 0.1, False),
        (post("x", "fill in vinegar", user="bob", sent_at=NOON + 5), 0.39, False),
        (post("x", "fill in vinegar", user="bob", sent_at=NOON + 5), 0.4, True),
        (post("x", "yes", user="bob", reply_to="q1", sent_at=NOON + 5), 0.0, True),
        (post("x", "which one is it?", user="bob", reply_to="q2", sent_at=NOON + 1), 0.0, True),
        (post("x", "", user="bob", reply_to="q2", mention=True, sent_at=NOON + 5), 0.9, False),
        (post("x", "help her", user="bob", mention=True, sent_at=NOON + 5), 0.9, False),
        (post("x", "with vinegar", user="alice", sent_at=NOON + 5), 0.9, False),
        (post("x", "with vinegar", user="alice", reply_to="q1", sent_at=NOON + 5), 0.9, False),
        (post("x", "with vinegar", user="bob", sent_at=NOON + 1), 0.9, False),
        (post("x", "怎么除水垢？", user="bob", sent_at=NOON + 5), 0.9, False),
        (post("x", "with vinegar", user="bob", sent_at=NOON + 5, group="other"), 0.9, False),
        (post("x", "yes", user="bob", reply_to="q1", sent_at=NOON + 5, group="other"), 0.9, False),
    ],
)
def test_who_counts_as_having_answered(
    message: IncomingMessage, similarity: float, expected: object
) -> None:
    assert answers(QUESTION, message, similarity, threshold=0.4) is expected


@pytest.mark.parametrize(
    "text",
    [
        "does it descale itself?",
        "怎么除水垢？",
        "这个支持 5 升吗",
        "那 3 升的呢。",
        "有人知道怎么除水垢",
        "How do I descale it",
        "anyone descaled theirs",
    ],
)
def test_what_reads_like_a_question(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "用白醋泡半小时",
        "fill in vinegar, wait, rinse",
        "However, vinegar works",
        "Do use vinegar",
        "",
    ],
)
def test_what_reads_like_an_answer(text: str) -> None:
    assert not is_question(text)
