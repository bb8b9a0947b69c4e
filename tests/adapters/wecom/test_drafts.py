"""A growing answer: one bubble, within the rate, always ended."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from adapters.base import IncomingMessage, NetworkError
from tests.adapters.wecom.running import (
    Running,
    acknowledged,
    answer,
    once,
    pass_time,
    running,
    until,
)
from tests.fakes.clock import FakeClock
from tests.fakes.wecom_server import Bubble, Say


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def live(clock: FakeClock) -> AsyncIterator[Running]:
    async with running(clock, streaming=True) as live:
        yield live


async def begun(live: Running, text: str = "It is installed") -> tuple[IncomingMessage, Bubble]:
    """A question, and the bubble of its first draft."""
    asked = await live.ask()
    await live.adapter.draft(asked.group, asked.message_id, text)
    await until(lambda: live.server.bubbles)
    (bubble,) = live.server.bubbles.values()
    return asked, bubble


async def test_an_answer_grows_in_its_bubble_and_ends_it(live: Running, clock: FakeClock) -> None:
    asked, bubble = await begun(live)
    assert (bubble.text, bubble.finished) == ("It is installed", False)
    await live.adapter.draft(asked.group, asked.message_id, "It is installed with make.")
    await pass_time(clock, lambda: bubble.text.endswith("make."), 0.2)
    sent = await live.adapter.send(answer(asked, "It is installed with make [1]."))
    await live.adapter.draft(asked.group, asked.message_id, "")
    assert live.server.in_chat("wrk1") == ["It is installed with make [1]."]
    assert bubble.finished
    assert sent in live.server.bubbles
    assert bubble.feedback == sent  # a vote names the reply


async def test_drafts_keep_to_one_a_second_and_the_newest_wins(
    live: Running, clock: FakeClock
) -> None:
    asked, bubble = await begun(live, "0")
    await acknowledged(clock)
    for number in range(1, 40):
        await live.adapter.draft(asked.group, asked.message_id, "x" * number)
        clock.advance(0.1)
        await acknowledged(clock)
    frames = live.server.commands("aibot_respond_msg")
    assert 3 <= len(frames) <= 5
    times = [frame.at for frame in frames]
    assert all(b - a >= 0.999 for a, b in pairwise(times))
    assert bubble.text == "x" * max(len(frame.body["stream"]["content"]) for frame in frames)


async def test_drafts_leave_room_for_answers(live: Running, clock: FakeClock) -> None:
    asked, _ = await begun(live, "0")
    for number in range(1, 300):
        await live.adapter.draft(asked.group, asked.message_id, f"{number}")
        clock.advance(0.2)
        await asyncio.sleep(0.001)
    assert live.server.most_in_a_minute["wrk1"] <= 12
    await live.adapter.send(answer(asked))
    assert ("aibot_respond_msg", "45009") not in live.adapter.link().calls


async def test_a_draft_that_came_to_nothing_is_ended_with_a_line(live: Running) -> None:
    asked, bubble = await begun(live)
    await live.adapter.draft(asked.group, asked.message_id, "")
    assert (bubble.text, bubble.finished) == ("(this was not answered)", True)


async def test_the_line_is_in_the_language_of_the_draft(live: Running) -> None:
    asked, bubble = await begun(live, "安装方法")
    await live.adapter.draft(asked.group, asked.message_id, "")
    assert bubble.text == "（这个问题没有给出回答）"


async def test_no_bubble_before_there_is_something_to_show(live: Running) -> None:
    asked = await live.ask()
    for text in ("", "  \n"):
        await live.adapter.draft(asked.group, asked.message_id, text)
    await live.adapter.send(answer(asked))
    await live.adapter.draft(asked.group, asked.message_id, "")
    assert list(live.server.bubbles) == ["k1"]


async def test_a_stream_is_touched_while_nothing_new_is_written(
    live: Running, clock: FakeClock
) -> None:
    asked, bubble = await begun(live)
    began = clock.now()
    await pass_time(clock, lambda: clock.now() > began + 400, 5)
    assert bubble.frames >= 3
    await live.adapter.send(answer(asked))
    assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]


async def test_a_stream_ends_before_ten_minutes_and_the_answer_follows(
    live: Running, clock: FakeClock
) -> None:
    asked, bubble = await begun(live)
    began = clock.now()
    await pass_time(clock, lambda: bubble.finished, 5)
    assert clock.now() - began < 600
    assert bubble.text == "It is installed\n\n(still writing; the answer follows in a message)"
    await live.adapter.send(answer(asked))
    assert live.server.in_chat("wrk1")[1:] == ["Run `make install` [1]."]


async def test_a_stream_that_expired_is_followed_by_a_push(live: Running) -> None:
    asked, bubble = await begun(live)
    live.server.script = once("aibot_respond_msg", Say(code=846608))
    await live.adapter.send(answer(asked))
    assert live.server.pushes == [("wrk1", "Run `make install` [1].")]
    await live.adapter.draft(asked.group, asked.message_id, "")
    assert not bubble.finished  # nobody can end it any more


@pytest.mark.parametrize("say", [Say(code=45009), Say(code=40201), Say(code=846605)])
async def test_a_refused_draft_costs_nothing_but_the_draft(
    live: Running, clock: FakeClock, say: Say
) -> None:
    asked = await live.ask()
    live.server.script = once("aibot_respond_msg", say)
    await live.adapter.draft(asked.group, asked.message_id, "It is")
    await until(lambda: live.server.commands("aibot_respond_msg"))
    await live.adapter.draft(asked.group, asked.message_id, "It is installed")
    clock.advance(61)
    await live.adapter.send(answer(asked))
    await live.adapter.draft(asked.group, asked.message_id, "")
    assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]


async def test_an_unacknowledged_draft_is_completed_in_its_bubble(
    live: Running, clock: FakeClock
) -> None:
    asked = await live.ask()
    live.server.script = once("aibot_respond_msg", Say(ack=False))
    await live.adapter.draft(asked.group, asked.message_id, "It is")
    await until(lambda: live.server.bubbles)
    clock.advance(6)
    await live.adapter.send(answer(asked))
    assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]


async def test_an_answer_that_fails_is_tried_again_in_the_draft(live: Running) -> None:
    asked, bubble = await begun(live)
    live.server.script = once("aibot_respond_msg", Say(code=-1))
    with pytest.raises(NetworkError):
        await live.adapter.send(answer(asked))
    await live.adapter.send(answer(asked))
    assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]
    assert bubble.finished


async def test_an_open_draft_is_ended_when_the_adapter_is_closed() -> None:
    async with running(streaming=True) as live:
        _, bubble = await begun(live)
    assert (bubble.text, bubble.finished) == ("(this was not answered)", True)


async def test_a_lost_connection_ends_the_drafts_quietly(live: Running) -> None:
    asked, _ = await begun(live)
    live.server.drop()
    await live.ended()
    await live.adapter.draft(asked.group, asked.message_id, "more")
    await live.adapter.draft(asked.group, asked.message_id, "")
    assert len(live.server.bubbles) == 1


async def test_without_streaming_there_are_no_drafts() -> None:
    async with running() as live:
        asked = await live.ask()
        await live.adapter.draft(asked.group, asked.message_id, "It is")
        await live.adapter.send(answer(asked))
        await live.adapter.draft(asked.group, asked.message_id, "")
        assert list(live.server.bubbles) == ["k1"]
