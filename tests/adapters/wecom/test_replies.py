"""Answers over the wire: in place, pushed, refused, repeated, and never twice."""

import asyncio

import pytest

from adapters.base import Citation, Feedback, NetworkError, NotSupported, Unconfirmed, Vote
from tests.adapters.wecom.running import answer, once, pass_time, running, until
from tests.fakes.clock import FakeClock
from tests.fakes.wecom_server import Say

CITATION = Citation("docs/install.md", "Install", 3, "https://docs.example/install")


async def test_an_answer_is_one_finished_bubble_below_the_question() -> None:
    async with running() as live:
        asked = await live.ask()
        sent = await live.adapter.send(answer(asked, citations=(CITATION,)))
        bubble = live.server.bubbles[sent]
        assert (sent, bubble.chat, bubble.finished, bubble.frames) == ("k1", "wrk1", True, 1)
        assert bubble.feedback == "k1"
        assert bubble.text == (
            "Run `make install` [1].\n\nSources\n"
            "[1] [docs/install.md › Install](https://docs.example/install)"
        )
        assert not live.server.pushes


async def test_a_private_chat_is_a_mention_and_answered_in_place() -> None:
    async with running() as live:
        asked = await live.ask(group="")
        assert (asked.group, asked.mention, asked.text) == (
            "user:zhangsan",
            True,
            "how do I install it?",
        )
        await live.adapter.send(answer(asked))
        assert live.server.in_chat("zhangsan") == ["Run `make install` [1]."]


@pytest.mark.parametrize(("group", "chat", "kind"), [("wrk1", "wrk1", 2), ("", "zhangsan", 1)])
async def test_a_report_is_pushed(group: str, chat: str, kind: int) -> None:
    async with running() as live:
        asked = await live.ask(group=group)
        assert await live.adapter.send(answer(None, group=asked.group)) == "k1"
        assert live.server.pushes == [(chat, "Run `make install` [1].")]
        assert live.server.commands("aibot_send_msg")[0].body["chat_type"] == kind


async def test_a_message_that_came_twice_is_answered_under_its_first_id() -> None:
    async with running() as live:
        asked = await live.ask()
        await live.server.say("again", msgid=asked.message_id)
        await live.ask("next")
        await live.adapter.send(answer(asked))
        (frame,) = live.server.commands("aibot_respond_msg")
        assert frame.req_id == live.server.told[0]


async def test_after_a_restart_an_answer_is_pushed() -> None:
    async with running() as live:
        asked = await live.ask()
        await live.restart()
        await live.adapter.send(answer(asked))
        assert live.server.pushes == [("wrk1", "Run `make install` [1].")]


@pytest.mark.parametrize("code", [846605, 846608])
async def test_what_can_not_stand_in_place_is_pushed(code: int) -> None:
    async with running() as live:
        asked = await live.ask()
        live.server.script = once("aibot_respond_msg", Say(code=code))
        await live.adapter.send(answer(asked))
        assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]
        assert len(live.server.pushes) == 1
        await live.adapter.send(answer(asked, "second", key="k2"))
        assert live.server.in_chat("wrk1")[1:] == ["second"]
        assert len(live.server.commands("aibot_respond_msg")) == 1


async def test_a_reply_after_a_day_is_pushed() -> None:
    clock = FakeClock()
    async with running(clock) as live:
        asked = await live.ask()
        clock.advance(86401)
        await live.adapter.send(answer(asked))
        assert len(live.server.pushes) == 1
        assert not live.server.commands("aibot_respond_msg")


async def test_an_unacknowledged_answer_goes_again_into_the_same_bubble() -> None:
    clock = FakeClock()
    async with running(clock) as live:
        asked = await live.ask()
        live.server.script = once("aibot_respond_msg", Say(ack=False))
        sending = asyncio.create_task(live.adapter.send(answer(asked)))
        await pass_time(clock, sending.done)
        with pytest.raises(NetworkError):
            await sending
        assert await live.adapter.send(answer(asked)) == "k1"
        assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]
        assert live.server.bubbles["k1"].frames == 2


async def test_an_unacknowledged_answer_is_never_pushed_after() -> None:
    clock = FakeClock()
    async with running(clock) as live:
        asked = await live.ask()
        live.server.script = once("aibot_respond_msg", Say(ack=False))
        sending = asyncio.create_task(live.adapter.send(answer(asked)))
        await pass_time(clock, sending.done)
        assert isinstance(sending.exception(), NetworkError)
        live.server.script = once("aibot_respond_msg", Say(code=846605))
        with pytest.raises(Unconfirmed):
            await live.adapter.send(answer(asked))
        with pytest.raises(Unconfirmed):
            await live.adapter.send(answer(asked))
        assert len(live.server.in_chat("wrk1")) == 1


async def test_an_unacknowledged_push_is_not_repeated() -> None:
    clock = FakeClock()
    async with running(clock) as live:
        await live.ask()
        live.server.script = once("aibot_send_msg", Say(ack=False))
        sending = asyncio.create_task(live.adapter.send(answer(None)))
        await pass_time(clock, sending.done)
        assert isinstance(sending.exception(), Unconfirmed)


@pytest.mark.parametrize("drop", [Say(drop=True, ack=False), Say(drop=True)])
async def test_an_answer_survives_a_connection_that_drops_under_it(drop: Say) -> None:
    async with running() as live:
        asked = await live.ask()
        live.server.script = once("aibot_respond_msg", drop)
        try:
            await live.adapter.send(answer(asked))
        except NetworkError:
            await live.ended()
            with pytest.raises(NetworkError, match="no connection"):
                await live.adapter.send(answer(asked))
            await live.connect()
            await live.adapter.send(answer(asked))
        assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]


async def test_a_push_on_a_connection_that_drops_is_unconfirmed() -> None:
    async with running() as live:
        await live.ask()
        live.server.script = once("aibot_send_msg", Say(drop=True, ack=False))
        with pytest.raises(Unconfirmed):
            await live.adapter.send(answer(None))


async def test_answers_under_one_question_go_one_at_a_time() -> None:
    async with running() as live:
        asked = await live.ask()
        replies = [answer(asked, f"part {n}", key=f"k{n}") for n in range(5)]
        await asyncio.gather(*(live.adapter.send(reply) for reply in replies))
        assert sorted(live.server.in_chat("wrk1")) == [f"part {n}" for n in range(5)]


async def test_nothing_can_be_withdrawn_and_the_bot_says_so() -> None:
    async with running() as live:
        with pytest.raises(NotSupported, match=r"企业微信不能撤回.*withdraw"):
            await live.adapter.recall("wrk1", "k1")


async def test_without_a_connection_a_reply_is_worth_a_retry() -> None:
    async with running(connect=False) as live:
        with pytest.raises(NetworkError):
            await live.adapter.send(answer(None))
        assert live.adapter.resend_s == 0


async def test_replies_under_way_still_leave_when_the_bot_stops() -> None:
    async with running() as live:
        asked = await live.ask()
        await live.stop()
        assert not live.adapter.link().up
        await live.adapter.send(answer(asked))
        assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]
    assert not live.server.online


@pytest.mark.parametrize(("kind", "vote"), [(1, Vote.HELPFUL), (2, Vote.UNHELPFUL), (3, Vote.NONE)])
@pytest.mark.parametrize("key", ["feedback_event", "feedback"])
async def test_votes_name_the_reply(kind: int, vote: Vote, key: str) -> None:
    async with running() as live:
        asked = await live.ask()
        sent = await live.adapter.send(answer(asked))
        feedback = {"id": live.server.bubbles[sent].feedback, "type": kind, "content": "x"}
        await live.server.happen("feedback_event", group="wrk1", **{key: feedback})
        await until(lambda: len(live.events) == 2)
        voted = live.events[1]
        assert isinstance(voted, Feedback)
        assert (voted.group, voted.reply_id, voted.user, voted.vote) == (
            "wrk1",
            sent,
            "zhangsan",
            vote,
        )
