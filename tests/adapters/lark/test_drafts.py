"""Answers that grow on a card, and the emoji that says that the bot thinks."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from adapters import rest
from adapters.base import Citation, NetworkError, SendRefused
from adapters.lark.adapter import LarkAdapter
from adapters.lark.streaming import DENIED_S
from tests.adapters.lark.stand import CHAT, adapter, reply, until
from tests.fakes.clock import FakeClock
from tests.fakes.lark_rest import Refused
from tests.fakes.lark_server import FakeLark
from tests.fakes.loop_time import leap

SOURCE = Citation("docs/install.md", "Install", 12, "https://docs.example/install")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def lark(clock: FakeClock) -> AsyncIterator[FakeLark]:
    async with FakeLark(clock.now) as server:
        yield server


def cards(lark: FakeLark) -> list[dict[str, Any]]:
    """What stands in the group now."""
    return [lark.rest.shown(item) for item in lark.chats.posted(CHAT)]


def first_text(card: dict[str, Any]) -> str:
    """The answer on a card."""
    text: str = card["body"]["elements"][0]["content"]
    return text


async def draft(one: LarkAdapter, lark: FakeLark, question: str, text: str) -> None:
    """Shows a draft, and waits until it is there."""
    await one.draft(CHAT, question, text)
    await until(lambda: lark.chats.posted(CHAT))


async def test_an_answer_grows_and_is_completed(lark: FakeLark, clock: FakeClock) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, clock=clock, streaming=True) as one:
        await draft(one, lark, question, "Use <at id=all></at>")
        assert first_text(cards(lark)[0]) == "Use &#60;at id=all>&#60;/at>"
        assert cards(lark)[0]["config"]["streaming_mode"] is True
        for text in ("Use `pip", "Use `pip`", "Use `pip` to"):
            await one.draft(CHAT, question, text)
        await until(lambda: clock.deadline)
        assert lark.asked("card_text") == []  # not within a second
        clock.advance(1.1)
        await until(lambda: lark.asked("card_text"))
        assert first_text(cards(lark)[0]) == "Use `pip` to"  # the newest text wins
        sent = await one.send(reply("Use `pip` to. [1]", to=question, citations=(SOURCE,)))
        await one.draft(CHAT, question, "")
        clock.advance(5)
    (item,) = lark.chats.posted(CHAT)
    assert item["message_id"] == sent
    (card,) = cards(lark)
    assert first_text(card) == "Use `pip` to. [1]"
    assert card["config"]["streaming_mode"] is False
    assert "helpful" in json.dumps(card)
    assert "https://docs.example/install" in json.dumps(card)


async def test_a_card_is_updated_once_a_second_at_most(lark: FakeLark, clock: FakeClock) -> None:
    def sent_at_least(updates: int) -> bool:
        return len(lark.asked("card_text")) >= updates

    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, clock=clock, streaming=True) as one:
        await draft(one, lark, question, "first")
        for number in range(40):
            await one.draft(CHAT, question, f"{number}")
            await until(lambda: clock.deadline)
            clock.advance(0.125)
            due = (number + 1) // 8
            await until(partial(sent_at_least, due))
    at = [call.at for call in lark.asked("card_text")]
    assert len(at) == 5
    assert all(later - earlier >= 0.99 for earlier, later in pairwise(at))


async def test_a_draft_that_was_not_completed_goes(lark: FakeLark, clock: FakeClock) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, clock=clock, streaming=True) as one:
        await draft(one, lark, question, "Use")
        await one.draft(CHAT, question, "")
        assert lark.chats.posted(CHAT) == []
        lark.order("recall", Refused(230009))
        again = lark.chats.say(CHAT, "how else?")["message_id"]
        clock.advance(5)
        await draft(one, lark, again, "Use")
        await one.draft(CHAT, again, "")  # a failure is logged, not raised


@pytest.mark.parametrize("too_late", [False, True])
async def test_a_draft_that_is_just_being_posted_goes_too(
    lark: FakeLark, clock: FakeClock, too_late: bool
) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    lark.hold["reply"] = asyncio.Event()
    async with adapter(lark, clock=clock, streaming=True) as one:
        await one.draft(CHAT, question, "Use")
        await until(lambda: lark.held)
        if too_late:
            leap(rest.TIMEOUT_S + 1)
            await until(lambda: one.link().calls.get(("reply", "unreachable")))
            lark.hold.pop("reply").set()
            await until(lambda: lark.chats.posted(CHAT))
            await one.draft(CHAT, question, "")
        else:
            dropping = asyncio.create_task(one.draft(CHAT, question, ""))
            await asyncio.sleep(0)
            assert not dropping.done()
            lark.hold["reply"].set()
            await dropping
    assert len(lark.chats.chats[CHAT]) == 2
    assert lark.chats.posted(CHAT) == []


async def test_a_draft_that_lark_refuses_is_posted_as_a_whole(
    lark: FakeLark, clock: FakeClock
) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    lark.order("reply", Refused(2200), Refused(230099))
    async with adapter(lark, clock=clock, streaming=True) as one:
        await one.draft(CHAT, question, "Use")
        await until(lambda: lark.asked("reply"))
        clock.advance(0.9)  # the group's budget
        await one.send(reply(to=question))
    assert [first_text(card) for card in cards(lark)] == ["Use `pip`. [1]"]


async def test_without_streaming_nothing_is_shown(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        await one.draft(CHAT, lark.chats.say(CHAT, "how?")["message_id"], "Use")
        await asyncio.sleep(0.05)
    assert lark.calls == []


async def test_an_answer_without_drafts_is_posted_as_ever(lark: FakeLark, clock: FakeClock) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, clock=clock, streaming=True) as one:
        sent = await one.send(reply(to=question))
        assert await one.send(reply("busy", to=question, kind="notice")) != sent
    assert len(lark.chats.posted(CHAT)) == 2


async def test_a_bot_that_was_killed_while_it_wrote_finds_its_card(
    lark: FakeLark, clock: FakeClock
) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, clock=clock, streaming=True) as killed:
        await draft(killed, lark, question, "Use")
    clock.advance(60)
    async with adapter(lark, clock=clock, streaming=True) as one:
        await one.draft(CHAT, question, "Use `p")
        await until(lambda: lark.asked("card_create")[1:] and len(lark.asked("reply")) == 2)
        clock.advance(2)
        await one.draft(CHAT, question, "Use `pip")
        await until(lambda: lark.asked("card_text"))
        assert [first_text(card) for card in cards(lark)] == ["Use `pip"]
        await one.send(reply("Use `pip`.", to=question))
    assert [first_text(card) for card in cards(lark)] == ["Use `pip`."]


@pytest.mark.parametrize("drafted", [True, False])
async def test_a_bot_that_was_killed_after_it_sent_does_not_answer_twice(
    lark: FakeLark, clock: FakeClock, drafted: bool
) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, clock=clock, streaming=True) as killed:
        if drafted:
            await draft(killed, lark, question, "Use")
        first = await killed.send(reply(to=question, key="k"))
    clock.advance(60)
    async with adapter(lark, clock=clock, streaming=True) as one:
        assert await one.send(reply(to=question, key="k")) == first
    assert [first_text(card) for card in cards(lark)] == ["Use `pip`. [1]"]


async def test_a_card_that_cannot_be_completed_is_replaced(
    lark: FakeLark, clock: FakeClock
) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, clock=clock, streaming=True) as one:
        await draft(one, lark, question, "Use")
        lark.order("card_update", Refused(300309))
        clock.advance(2)
        await one.send(reply(to=question))
    assert [first_text(card) for card in cards(lark)] == ["Use `pip`. [1]"]


async def test_sending_is_tried_again_after_a_failure(lark: FakeLark, clock: FakeClock) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, clock=clock, streaming=True) as one:
        await draft(one, lark, question, "Use")
        lark.order("card_update", Refused(None, 502))
        with pytest.raises(NetworkError):
            await one.send(reply(to=question))
        await one.send(reply(to=question))
    assert [first_text(card) for card in cards(lark)] == ["Use `pip`. [1]"]


async def test_a_draft_whose_posting_is_unsure_is_posted_once(
    lark: FakeLark, clock: FakeClock
) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    lark.order("reply", Refused(2200))
    async with adapter(lark, clock=clock, streaming=True) as one:
        await one.draft(CHAT, question, "Use")
        await until(lambda: lark.asked("reply"))
        clock.advance(1)
        await one.send(reply(to=question))
    assert [first_text(card) for card in cards(lark)] == ["Use `pip`. [1]"]


async def test_without_the_permission_it_is_switched_off_with_one_line(
    lark: FakeLark, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    lark.apps["cli_dou"].forbidden = {"card_create"}
    async with adapter(lark, clock=clock, streaming=True) as one:
        for _ in range(3):
            question = lark.chats.say(CHAT, "how?")["message_id"]
            await one.draft(CHAT, question, "Use")
            await until(lambda: lark.asked("card_create"))
            await one.send(reply(to=question))
            clock.advance(2)
    assert len(lark.chats.posted(CHAT)) == 3
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "nothing is streamed for ten minutes" in warnings[0]
    (told,) = one.link().refused
    assert (told.call, told.code) == ("card_create", "99991672")
    assert "[im:x]" in told.en and "缺少权限" in told.zh


async def test_a_permission_that_is_granted_later_needs_no_restart(
    lark: FakeLark, clock: FakeClock
) -> None:
    lark.apps["cli_dou"].forbidden = {"card_create"}
    async with adapter(lark, clock=clock, streaming=True) as one:
        for tries in (1, 2):
            question = lark.chats.say(CHAT, "how?")["message_id"]
            await one.draft(CHAT, question, "Use")
            await until(lambda n=tries: len(lark.asked("card_create")) == n)  # type: ignore[misc]  # bound
            await one.send(reply(to=question))
            lark.apps["cli_dou"].forbidden = set()
            clock.advance(DENIED_S + 1)
        assert one.link().refused == ()


async def test_a_question_that_is_gone_is_not_answered(lark: FakeLark, clock: FakeClock) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    lark.chats.take_back(question)
    async with adapter(lark, clock=clock, streaming=True) as one:
        await one.draft(CHAT, question, "Use")
        await until(lambda: lark.asked("reply"))
        with pytest.raises(SendRefused):
            await one.send(reply(to=question))
    assert lark.chats.posted(CHAT) == []


async def test_an_emoji_while_the_bot_thinks(lark: FakeLark) -> None:
    question = lark.chats.say(CHAT, "how?")["message_id"]
    async with adapter(lark, thinking_reaction="OnIt") as one:
        await one.thinking(CHAT, question, on=True)
        assert list(lark.rest.reactions.values()) == [{"message_id": question, "emoji": "OnIt"}]
        await one.thinking(CHAT, question, on=False)
        await one.thinking(CHAT, question, on=False)
        assert lark.rest.reactions == {}
        lark.order("react", Refused(231001))
        await one.thinking(CHAT, question, on=True)  # a failure is logged, not raised
        await one.thinking(CHAT, question, on=False)
    async with adapter(lark) as off:
        await off.thinking(CHAT, question, on=True)
    assert len(lark.asked("react")) == 2
