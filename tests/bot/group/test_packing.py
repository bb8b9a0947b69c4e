"""Packing of consecutive messages, told as conversations and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import IncomingMessage
from bot.group.packing import MAX_CHARS, MAX_MESSAGES, Packer
from bot.types import Question
from tests.bot.group.posts import ids, post

QUIET, LONGEST, MENTION = 6.0, 30.0, 1.5
LATE = 1e9


def packed(packer: Packer) -> int:
    return sum(len(question.messages) for question in packer.peek())


def due(packer: Packer, now: float) -> list[Question]:
    """Everything that is ready, in the order in which it is handed out."""
    found: list[Question] = []
    while question := packer.due(now):
        found.append(question)
    return found


@pytest.fixture
def packer() -> Packer:
    return Packer(QUIET, LONGEST, MENTION)


def test_a_pack_is_ready_when_its_author_pauses(packer: Packer) -> None:
    packer.add(post("1", "my kettle leaks"), 0)
    packer.add(post("2", "what now?"), 5)
    assert packer.next_due() == 11
    assert due(packer, 10.9) == []
    (question,) = due(packer, 11)
    assert question.text == "my kettle leaks\nwhat now?"
    assert ids(question) == ["1", "2"]
    assert packer.next_due() is None


def test_somebody_who_never_pauses_is_not_waited_for_forever(packer: Packer) -> None:
    for second in range(0, 35, 5):
        packer.add(post(str(second)), second)
    assert packer.next_due() == LONGEST
    assert [ids(question) for question in due(packer, LONGEST)] == [
        ["0", "5", "10", "15", "20", "25", "30"]
    ]


def test_a_mention_shortens_the_pause_of_the_whole_pack(packer: Packer) -> None:
    packer.add(post("1"), 0)
    packer.add(post("2", mention=True), 1)
    assert packer.next_due() == 2.5
    packer.add(post("3"), 2)
    assert packer.next_due() == 3.5
    (question,) = due(packer, 3.5)
    assert question.mention
    assert ids(question) == ["1", "2", "3"]


def test_a_mention_never_makes_a_pack_wait_longer() -> None:
    packer = Packer(1.0, LONGEST, mention_wait_s=10.0)
    packer.add(post("1", mention=True), 0)
    assert packer.next_due() == 1.0


@pytest.mark.parametrize("call", ["", "？", "hello", "在吗？"])
def test_who_only_calls_the_bot_has_time_to_write_the_question(packer: Packer, call: str) -> None:
    packer.add(post("1", call, mention=True), 0)
    assert packer.next_due() == QUIET
    packer.add(post("2", "which port does it listen on?"), 4)
    (question,) = due(packer, 4 + MENTION)
    assert question.mention
    assert ids(question) == ["1", "2"]


def test_people_who_talk_at_the_same_time_have_packs_of_their_own(packer: Packer) -> None:
    packer.add(post("a1", user="alice"), 0)
    packer.add(post("b1", user="bob"), 1)
    packer.add(post("a2", user="alice"), 2)
    assert packed(packer) == 3
    assert [ids(question) for question in due(packer, 100)] == [["a1", "a2"], ["b1"]]
    assert packed(packer) == 0


def test_a_reply_to_something_else_starts_a_new_pack(packer: Packer) -> None:
    packer.add(post("1", "how do I descale it?"), 0)
    packer.add(post("2", "with vinegar", reply_to="bobs"), 1)
    packer.add(post("3", "two spoons", reply_to="bobs"), 2)
    packer.add(post("4", "or three"), 3)
    assert [ids(question) for question in due(packer, 3)] == [["1"]]
    assert [ids(question) for question in due(packer, 9)] == [["2", "3", "4"]]


def test_a_reply_to_ones_own_open_pack_stays_in_it(packer: Packer) -> None:
    packer.add(post("1"), 0)
    packer.add(post("2", reply_to="1"), 1)
    assert [ids(question) for question in due(packer, 100)] == [["1", "2"]]


def test_a_sticker_is_kept_as_a_message_but_adds_no_text(packer: Packer) -> None:
    packer.add(post("1", "it looks like this"), 0)
    packer.add(post("2", "", attachments=("image",)), 1)
    (question,) = due(packer, 100)
    assert question.text == "it looks like this"
    assert question.last.attachments == ("image",)


def test_a_full_pack_is_ready_at_once_and_the_next_message_starts_anew(packer: Packer) -> None:
    for number in range(MAX_MESSAGES + 1):
        packer.add(post(str(number)), 0)
    assert packer.next_due() == 0
    (question,) = due(packer, 0)
    assert len(question.messages) == MAX_MESSAGES
    assert [ids(question) for question in due(packer, 100)] == [[str(MAX_MESSAGES)]]


def test_a_long_text_closes_the_pack_before_it(packer: Packer) -> None:
    packer.add(post("1", "short"), 0)
    packer.add(post("2", "x" * MAX_CHARS), 1)
    assert [ids(question) for question in due(packer, 1)] == [["1"], ["2"]]


def test_a_recalled_message_leaves_the_pack_and_takes_its_mention_along(packer: Packer) -> None:
    packer.add(post("1"), 0)
    packer.add(post("2", mention=True), 1)
    packer.change("2", None)
    assert packer.next_due() == 6
    (question,) = due(packer, 6)
    assert ids(question) == ["1"]
    assert not question.mention


def test_a_pack_without_messages_vanishes(packer: Packer) -> None:
    packer.add(post("1"), 0)
    packer.change("unknown", None)
    packer.change("1", None)
    assert packed(packer) == 0
    assert packer.next_due() is None
    assert due(packer, LATE) == []


def test_a_full_pack_can_lose_its_messages_too(packer: Packer) -> None:
    packer.add(post("1", "x" * MAX_CHARS), 0)
    packer.change("1", None)
    assert due(packer, 100) == []


def test_the_same_message_is_packed_once(packer: Packer) -> None:
    packer.add(post("1"), 0)
    packer.add(post("1"), 3)
    assert packed(packer) == 1
    assert packer.next_due() == 6


def test_the_oldest_is_handed_out_first(packer: Packer) -> None:
    packer.add(post("a", user="alice"), 0)
    packer.add(post("b", user="bob"), 1)
    assert [ids(question) for question in due(packer, LATE)] == [["a"], ["b"]]
    assert due(packer, LATE) == []


def test_a_clock_set_back_by_hours_does_not_hold_a_question(packer: Packer) -> None:
    packer.add(post("1"), 10_000)
    assert due(packer, 9_999) == []
    assert [ids(question) for question in due(packer, 0)] == [["1"]]


Said = tuple[IncomingMessage, float]


def test_who_calls_the_bot_goes_before_others_and_after_own_words() -> None:
    packer = Packer(QUIET, LONGEST, MENTION)
    packer.add(post("1", "talk", user="a"), 1000.0)
    packer.add(post("2", "more talk", user="b"), 1000.5)
    packer.add(post("3", "a call", user="c", mention=True), 1001.0)
    packer.add(post("4", "elsewhere", user="b", mention=True, reply_to="9"), 1002.0)
    order = [ids(found) for _ in range(5) if (found := packer.due(1100.0))]
    assert order == [["3"], ["1"], ["2"], ["4"]]


@st.composite
def talks(draw: st.DrawFn, *, earliest_step: float = 0.0) -> list[Said]:
    now, said = 1000.0, []
    for number in range(draw(st.integers(1, 40))):
        now += draw(st.floats(earliest_step, 40))
        earlier = st.sampled_from([None, "elsewhere", *(str(n) for n in range(number))])
        message = post(
            str(number),
            draw(st.sampled_from(["", "short", "x" * 3000, "x" * MAX_CHARS])),
            user=draw(st.sampled_from("ab")),
            mention=draw(st.booleans()),
            reply_to=draw(earlier),
        )
        said.append((message, now))
    return said


def listen(packer: Packer, said: list[Said]) -> list[tuple[Question, float]]:
    """Hands out at every moment something is due, as a worker does; times never go back."""
    heard: list[tuple[Question, float]] = []
    for message, now in said:
        while (moment := packer.next_due()) is not None and moment <= now:
            heard += [(question, moment) for question in due(packer, moment)]
        packer.add(message, now)
    while (moment := packer.next_due()) is not None:
        heard += [(question, moment) for question in due(packer, moment)]
    return heard


@given(said=talks())
def test_no_message_is_lost_doubled_reordered_or_held_too_long(said: list[Said]) -> None:
    arrived = {message.message_id: now for message, now in said}
    heard = listen(Packer(QUIET, LONGEST, MENTION), said)
    for user in "ab":
        packed = [i for question, _ in heard for i in ids(question) if question.last.user == user]
        assert packed == [m.message_id for m, _ in said if m.user == user]
    for question, handed_out in heard:
        assert question.messages
        assert len({message.user for message in question.messages}) == 1
        assert question.mention == any(message.mention for message in question.messages)
        assert len(question.messages) <= MAX_MESSAGES
        assert len(question.text) <= MAX_CHARS + MAX_MESSAGES
        first, last = arrived[ids(question)[0]], arrived[ids(question)[-1]]
        pause = MENTION if question.mention and question.text else QUIET
        # What was closed by a later message is handed out when that message came, or before.
        assert handed_out <= min(first + LONGEST, last + pause) + 1e-6


@given(said=talks(), at=st.floats(0, 5000))
def test_asking_twice_gives_nothing_new(said: list[Said], at: float) -> None:
    packer = Packer(QUIET, LONGEST, MENTION)
    for message, now in said:
        packer.add(message, now)
    first = due(packer, at)
    assert due(packer, at) == []
    taken = [i for question in first for i in ids(question)]
    rest = [i for question in due(packer, LATE) for i in ids(question)]
    assert sorted(taken + rest) == sorted(message.message_id for message, _ in said)


@given(said=talks(earliest_step=-2000), cut=st.floats(-2000, 2000))
def test_time_that_goes_backwards_loses_nothing(said: list[Said], cut: float) -> None:
    packer = Packer(QUIET, LONGEST, MENTION)
    heard: list[Question] = []
    for message, now in said:
        packer.add(message, now)
        heard += due(packer, now + cut)
    heard += due(packer, LATE)
    found = [i for question in heard for i in ids(question)]
    assert sorted(found) == sorted(message.message_id for message, _ in said)


@given(said=talks(), gone=st.integers(0, 39))
def test_what_was_recalled_is_in_no_question(said: list[Said], gone: int) -> None:
    packer = Packer(QUIET, LONGEST, MENTION)
    for message, now in said:
        packer.add(message, now)
    packer.change(str(gone), None)
    found = [i for question in due(packer, LATE) for i in ids(question)]
    assert sorted(found) == sorted(m.message_id for m, _ in said if m.message_id != str(gone))


def test_what_was_sent_long_after_is_another_question_though_it_arrived_together(
    packer: Packer,
) -> None:
    packer.add(post("evening", sent_at=1000.0), 50_000)
    packer.add(post("morning", sent_at=45_000.0), 50_000)
    assert [ids(question) for question in due(packer, LATE)] == [["evening"], ["morning"]]


@pytest.mark.parametrize(
    ("times", "packs"),
    [
        ((0.0, 26.0), [["0"], ["1"]]),
        ((0.0, 1.5, 4.0), [["0", "1", "2"]]),  # some platforms tell whole seconds
        ((30.0, 0.0), [["0"], ["1"]]),  # what was missed comes after what was pushed
        ((1.0, 0.0), [["0", "1"]]),
    ],
)
def test_mentions_that_arrive_together_are_packed_by_when_they_were_sent(
    packer: Packer, times: tuple[float, ...], packs: list[list[str]]
) -> None:
    for number, sent_at in enumerate(times):
        packer.add(post(str(number), mention=True, sent_at=1000.0 + sent_at), 50_000)
    assert [ids(question) for question in due(packer, LATE)] == packs


def test_a_message_that_was_taken_late_does_not_join_a_pack_that_was_ready(packer: Packer) -> None:
    packer.add(post("1"), 0)
    packer.add(post("2"), 7)
    assert [ids(question) for question in due(packer, LATE)] == [["1"], ["2"]]


def test_an_edited_message_asks_what_it_says_now(packer: Packer) -> None:
    packer.add(post("1", "how do I descale"), 0)
    packer.change("1", "how do I install it?")
    assert [question.text for question in due(packer, LATE)] == ["how do I install it?"]


def test_what_is_put_back_is_ready_at_once(packer: Packer) -> None:
    packer.add(post("1"), 0)
    (question,) = due(packer, 6)
    packer.put_back(question.messages, 6)
    packer.change("1", "now this")
    assert [again.text for again in due(packer, 6)] == ["now this"]
