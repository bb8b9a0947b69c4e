"""Answers as cards: once each, with buttons, growing while they are written."""

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from adapters.base import (
    AdapterError,
    Event,
    Feedback,
    IncomingMessage,
    NetworkError,
    RecallAsked,
    SendRefused,
    Vote,
)
from adapters.dingtalk.streaming import UPDATE_S
from tests.adapters.dingtalk.running import GROUP, Running, opened, reply, running
from tests.adapters.dingtalk.test_events import PRIVATE
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_api import Answer, Card
from tests.fakes.dingtalk_server import ACTIONS, MESSAGES, DingTalkServer

CARD = {"card_template_id": "t.schema"}
STREAMED = {**CARD, "streaming": True}
DELIVER, UPDATE, WRITE = "card/instances/createAndDeliver", "card/instances", "card/streaming"


def only_card(server: DingTalkServer) -> Card:
    (card,) = server.cards.values()
    return card


async def test_an_answer_is_a_card_in_its_group(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, **CARD) as adapter:
        await adapter.send(reply())
        card = only_card(server)
        assert card.space == f"dtv1.card//IM_GROUP.{GROUP}"
        assert card.shown["content"] == "With **make** [1]."
        assert card.shown["state"] == "answered"
        body = dict(server.bodies)[DELIVER]
        assert (body["cardTemplateId"], body["callbackType"]) == ("t.schema", "STREAM")
        assert body["imGroupOpenDeliverModel"] == {"robotCode": "app"}
        assert server.posted == []


async def test_a_notice_has_no_buttons(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, **CARD) as adapter:
        await adapter.send(reply("reloaded", kind="notice"))
        assert only_card(server).shown["state"] == "notice"


async def test_a_private_chat_gets_its_card(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, **CARD) as adapter:
        await adapter.send(reply(group="private:ann"))
        assert only_card(server).space == "dtv1.card//IM_ROBOT.ann"


@pytest.mark.parametrize("fields", [CARD, STREAMED])
@pytest.mark.parametrize("obeyed", [True, False])
async def test_a_reply_sent_again_stands_there_once(
    server: DingTalkServer, clock: FakeClock, fields: dict[str, Any], obeyed: bool
) -> None:
    async with opened(server, clock, **fields) as adapter:
        assert adapter.resend_s > 3600
        server.answers[DELIVER].append(Answer(cut=True, obey=obeyed))
        with pytest.raises(NetworkError):
            await adapter.send(reply())
    async with opened(server, clock, **fields) as adapter:  # as after a crash
        assert await adapter.send(reply()) == await adapter.send(reply())
    assert only_card(server).shown["content"] == "With **make** [1]."


async def test_without_cards_nothing_may_be_sent_again(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock) as adapter:
        assert adapter.resend_s == 0


async def test_a_withdrawn_card_is_emptied(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, **CARD) as adapter:
        await adapter.recall(GROUP, await adapter.send(reply()))
        assert only_card(server).shown["content"] == "（已撤回 / withdrawn）"
        assert only_card(server).shown["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Answer(400, {"code": "param.templateUnpublished"}), "card_template_id"),
        (Answer(200, {"success": False}), "refused the card"),
        (
            Answer(200, {"result": {"deliverResults": [{"success": False, "errorMsg": "no"}]}}),
            "did not deliver",
        ),
    ],
)
async def test_a_card_that_is_refused(
    server: DingTalkServer, clock: FakeClock, answer: Answer, word: str
) -> None:
    async with opened(server, clock, **CARD) as adapter:
        server.answers[DELIVER].append(answer)
        with pytest.raises(SendRefused, match=word):
            await adapter.send(reply())


async def test_a_card_that_stands_already_is_no_failure(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock, **CARD) as adapter:
        server.answers[DELIVER].append(Answer(400, {"code": "param.outTrackIdExist"}))
        assert await adapter.send(reply())


async def press(bot: Running, word: str, reply_id: str) -> tuple[Event, dict[str, Any]]:
    """What the bot is told, and what the card is answered."""
    content = json.dumps({"cardPrivateData": {"actionIds": [word], "params": {}}})
    track = reply_id.removeprefix("card:")
    payload = {"type": "actionCallback", "userId": "bob", "outTrackId": track, "content": content}
    frame = await bot.server.push(payload, topic=ACTIONS)
    await bot.server.until(lambda: frame in bot.server.acks)
    return bot.bot.events[-1], json.loads(bot.server.acks[frame]["data"])["response"]


async def test_votes_are_handed_over_and_shown_to_who_voted(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock, **CARD) as bot:
        await bot.hears(server.message())
        reply_id = await bot.adapter.send(reply())
        for word, vote in (("helpful", Vote.HELPFUL), ("unhelpful", Vote.UNHELPFUL)):
            event, answer = await press(bot, word, reply_id)
            name = bot.adapter.name
            assert event == Feedback(name, GROUP, reply_id, "bob", vote, clock.now())
            assert answer["userPrivateData"] == {"cardParamMap": {"vote": word}}
            assert answer["cardUpdateOptions"]["updatePrivateDataByKey"] is True


async def test_the_button_that_withdraws(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock, **CARD) as bot:
        await bot.hears(server.message(**PRIVATE))
        reply_id = await bot.adapter.send(reply(group="private:ann"))
        event, _ = await press(bot, "recall", reply_id)
        assert event == RecallAsked(bot.adapter.name, "private:ann", reply_id, "bob")


async def test_a_button_below_an_answer_of_an_earlier_run(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock, **CARD) as before:
        reply_id = await before.send(reply())
    async with running(server, clock, **CARD) as bot:
        stored = IncomingMessage(bot.adapter.name, GROUP, "ann", "m0", "how?", 0.0)
        await bot.bot.publish(stored)
        event, _ = await press(bot, "helpful", reply_id)
        assert isinstance(event, Feedback)


async def test_a_press_that_is_not_stored_is_not_acknowledged(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock, **CARD) as bot:
        await bot.hears(server.message())
        reply_id = await bot.adapter.send(reply())
        bot.bot.failure = OSError("disk full")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(press(bot, "helpful", reply_id), 0.2)


async def test_an_unknown_button_is_acknowledged(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock, **CARD) as bot:
        await bot.hears(server.message())
        event, answer = await press(bot, "other", "card:x-y")
        assert not isinstance(event, Feedback)
        assert answer == {}


async def test_buttons_are_subscribed_with_cards_only(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock, **CARD):
        assert server.lines[0].topics == {MESSAGES, ACTIONS}


async def ticks(clock: FakeClock, true: Callable[[], object]) -> None:
    """Lets time pass for the drafts until something is true."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)
            clock.advance(UPDATE_S / 3)


async def test_an_answer_grows_on_its_card(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, **STREAMED) as adapter:
        await adapter.draft(GROUP, "msg", "Wi")
        await ticks(clock, lambda: server.cards)
        assert only_card(server).shown["state"] == "writing"
        for text in ("Wit", "With", "With **ma"):
            await adapter.draft(GROUP, "msg", text)
        await ticks(clock, lambda: only_card(server).texts[-1] == "With **ma")
        reply_id = await adapter.send(reply())
        await adapter.draft(GROUP, "msg", "")
        clock.advance(10)
        await asyncio.sleep(0.02)
        card = only_card(server)
        assert card.texts[:2] == ["Wi", "With **ma"], "the newest text wins"
        assert (card.shown["content"], card.shown["state"]) == ("With **make** [1].", "answered")
        assert reply_id == f"card:{next(iter(server.cards))}"
        assert [body["isFinalize"] for name, body in server.bodies if name == WRITE] == [
            False,
            True,
        ]


async def test_updates_are_far_enough_apart_for_the_whole_app(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock, **STREAMED) as adapter:
        for number in range(1000):
            for group in ("cidA==", "cidB==", "cidC=="):
                await adapter.draft(group, "msg", f"text {number}")
            await asyncio.sleep(0.002)
            clock.advance(0.3)
            cards = server.cards.values()
            if len(cards) == 3 and all(len(card.updated) > 1 for card in cards):
                break
        times = sorted(at for card in server.cards.values() for at in card.updated)
        assert len(times) >= 6
        assert all(b - a >= 1.5 for a, b in pairwise(times))


async def test_a_draft_that_became_no_answer_is_taken_away(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock, **STREAMED) as adapter:
        await adapter.draft(GROUP, "msg", "Perhaps")
        await ticks(clock, lambda: server.cards)
        await adapter.send(reply("I don't know", kind="notice"))
        await adapter.draft(GROUP, "msg", "")
        shown = sorted(card.shown["content"] for card in server.cards.values())
        assert shown == ["I don't know", "（已撤回 / withdrawn）"]


async def test_a_draft_that_can_not_be_shown_harms_nothing(
    server: DingTalkServer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(server, clock, **STREAMED) as adapter:
        server.answers[DELIVER].append(Answer(500, {}))
        await adapter.draft(GROUP, "msg", "secret words")
        await ticks(clock, lambda: server.calls[DELIVER])
        await adapter.draft(GROUP, "msg", "")
        server.answers[UPDATE].append(Answer(500, {}))
        with pytest.raises(AdapterError):
            await adapter.send(reply())
        await adapter.send(reply())
        assert only_card(server).shown["state"] == "answered"
        assert "secret words" not in caplog.text


async def test_without_streaming_a_draft_costs_nothing(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock, **CARD) as adapter:
        await adapter.draft(GROUP, "msg", "Wi")
        await asyncio.sleep(0.02)
        assert not server.calls


async def test_the_calls_are_counted(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, **STREAMED) as adapter:
        await adapter.send(reply())
        assert adapter.link().calls == {
            ("oauth2/accessToken", "ok"): 1,
            (DELIVER, "ok"): 1,
            (UPDATE, "ok"): 1,
        }


async def test_nothing_goes_on_behind_the_end(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, **STREAMED) as adapter:
        await adapter.draft(GROUP, "msg", "Wi")
        await server.until(lambda: server.cards and clock.waiting)
    assert clock.waiting == 0
