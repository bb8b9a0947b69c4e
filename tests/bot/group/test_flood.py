"""Rate limits, pauses, repeats, and people who answer first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import IncomingMessage, Reply
from bot.answering.heuristics import answers, is_question
from bot.group.duplicates import RecentAnswers
from bot.group.flood import Cooldown, Flood
from bot.types import Group, PastAnswer, Reason, UnpromptedReply
from common.rate_limit import TokenBuckets
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


def entry(key: str, at: float) -> PastAnswer:
    return PastAnswer(key, f"question {key}", "alice", f"answer {key}", (), at)


def took(buckets: TokenBuckets[Group], group: Group, now: float) -> bool:
    return buckets.take(group, now) == 0


def test_the_burst_is_spent_and_comes_back_one_by_one() -> None:
    limit = TokenBuckets[Group](1, 600, 3)
    assert [took(limit, HERE, NOON) for _ in range(4)] == [True, True, True, False]
    assert not took(limit, HERE, NOON + 599)
    assert took(limit, HERE, NOON + 600)
    assert not took(limit, HERE, NOON + 601)
    assert [took(limit, HERE, NOON + 1800) for _ in range(3)] == [True, True, False]
    assert [took(limit, HERE, NOON + 9999) for _ in range(4)] == [True, True, True, False]


def test_groups_have_limits_of_their_own() -> None:
    limit = TokenBuckets[Group](1, 600, 1)
    assert took(limit, HERE, NOON)
    assert took(limit, THERE, NOON)
    assert not took(limit, HERE, NOON)


def test_a_clock_set_back_costs_no_more_than_an_empty_bucket() -> None:
    limit = TokenBuckets[Group](1, 600, 2)
    assert took(limit, HERE, NOON + 1_000_000)
    assert not took(limit, HERE, NOON)
    assert took(limit, HERE, NOON + 600)


@given(burst=bursts, refill_s=refills, gaps=steps)
def test_no_window_has_more_than_burst_plus_refill(
    burst: int, refill_s: float, gaps: list[float]
) -> None:
    limit = TokenBuckets[Group](1, refill_s, burst)
    given_at = [now for now in moments(gaps) if took(limit, HERE, now)]
    assert given_at, "the first one is always given"
    for first, start in enumerate(given_at):
        for last in range(first, len(given_at)):
            elapsed = given_at[last] - start + 0.001  # the bucket counts whole milliseconds
            assert last - first + 1 <= burst + elapsed / refill_s


@given(burst=bursts, refill_s=refills, gaps=steps, later=st.floats(0, 2000))
def test_replaying_what_was_given_equals_having_lived_it(
    burst: int, refill_s: float, gaps: list[float], later: float
) -> None:
    live, restored = (
        TokenBuckets[Group](1, refill_s, burst),
        TokenBuckets[Group](1, refill_s, burst),
    )
    for now in [now for now in moments(gaps) if took(live, HERE, now)]:
        assert took(restored, HERE, now)
    now = moments(gaps)[-1] + later
    left = [took(live, HERE, now) for _ in range(burst)]
    assert [took(restored, HERE, now) for _ in range(burst)] == left


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
    answered = RecentAnswers(window_s=100)
    answered.add(HERE, entry("1", NOON))
    answered.add(HERE, entry("2", NOON + 50))
    assert [e.key for e in answered.of(HERE, NOON + 99)] == ["1", "2"]
    assert [e.key for e in answered.of(HERE, NOON + 100)] == ["2"]
    assert answered.of(HERE, NOON + 150) == []
    assert answered.of(THERE, NOON) == []


def test_a_withdrawn_answer_is_forgotten() -> None:
    answered = RecentAnswers(window_s=100)
    for key in "12":
        answered.add(HERE, entry(key, NOON))
    answered.forget(HERE, "1")
    answered.forget(HERE, "unknown")
    assert [e.key for e in answered.of(HERE, NOON)] == ["2"]
    answered.forget(HERE, "2")
    answered.forget(HERE, "2")
    assert answered.of(HERE, NOON) == []


@given(gaps=steps, limit=st.integers(1, 10), window_s=st.floats(0, 3000))
def test_the_newest_answers_of_the_window_are_kept(
    gaps: list[float], limit: int, window_s: float
) -> None:
    answered = RecentAnswers(window_s, per_group=limit)
    times = moments(gaps)
    for number, now in enumerate(times):
        answered.add(HERE, entry(str(number), now))
    newest = list(enumerate(times))[-limit:]
    expected = [str(number) for number, at in newest if times[-1] - at < window_s]
    assert [e.key for e in answered.of(HERE, times[-1])] == expected


def flood(burst: int = 2) -> Flood:
    return Flood(burst=burst, refill_s=600, cooldown_s=60)


def test_an_unprompted_answer_is_refused_with_its_reason() -> None:
    control = flood()
    assert control.refuses(HERE, "alice", NOON) is None
    assert control.refuses(HERE, "alice", NOON + 1) is Reason.COOLDOWN
    assert control.refuses(HERE, "bob", NOON + 1) is None
    assert control.refuses(HERE, "carol", NOON + 2) is Reason.BUDGET
    assert control.refuses(HERE, "carol", NOON + 600) is None, "a refusal starts no pause"


def test_an_answer_is_remembered_until_it_is_withdrawn() -> None:
    recent = RecentAnswers(1000)
    question = asked(post("1", "how do I descale it?"), post("2", "vinegar?"))
    recent.remember(question, Reply("r1", GROUP, "2", "With vinegar [1]"), NOON)
    (found,) = recent.of(HERE, NOON)
    assert (found.key, found.text, found.user, found.answer) == (
        "r1",
        "how do I descale it?\nvinegar?",
        "alice",
        "With vinegar [1]",
    )
    recent.forget(HERE, "r1")
    assert recent.of(HERE, NOON) == []


def test_a_restart_forgets_nothing() -> None:
    control, recent = flood(), RecentAnswers(1000)
    control.restore([UnpromptedReply(HERE, "alice", NOON), UnpromptedReply(HERE, "bob", NOON + 1)])
    recent.restore([(HERE, entry("1", NOON))])
    assert control.refuses(HERE, "bob", NOON + 2) is Reason.COOLDOWN
    assert control.refuses(HERE, "carol", NOON + 2) is Reason.BUDGET
    assert [e.key for e in recent.of(HERE, NOON + 2)] == ["1"]


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


def test_a_budget_that_is_set_again_stays_spent_and_one_that_is_taken_away_is_gone() -> None:
    flood = Flood(burst=1, refill_s=600, cooldown_s=0)
    for _ in range(3):  # as a lane does that looks for it every minute
        flood.set_budget(HERE, (2, 600.0))
        flood.refuses(HERE, "ann", NOON)
    assert flood.refuses(HERE, "ann", NOON) is Reason.BUDGET
    flood.set_budget(HERE, (3, 600.0))
    assert flood.refuses(HERE, "ann", NOON) is None, "another budget begins unspent"
    flood.set_budget(HERE, None)
    assert flood.refuses(HERE, "ann", NOON) is None, "that of all groups"
    assert flood.refuses(HERE, "ann", NOON) is Reason.BUDGET
