"""Buttons and emojis over the long connection, with the official SDK between."""

import base64
import json
from typing import Any

from adapters.base import Feedback, RecallAsked, Vote
from tests.adapters.lark.stand import CHAT, Listener, adapter, running
from tests.fakes.lark_server import FakeLark


def pressed(do: str, language: str = "zh") -> Any:
    """Somebody presses a button of a card."""
    return {
        "operator": {"open_id": "ou_ann", "tenant_key": "t"},
        "token": "c-1",
        "action": {"value": {"do": do, "in": language}, "tag": "button"},
        "host": "im_message",
        "context": {"open_message_id": "om_1", "open_chat_id": CHAT},
    }


async def test_a_button_is_stored_and_answered_in_the_askers_language(
    lark: FakeLark, bot: Listener
) -> None:
    async with running(adapter(lark, bot), bot.publish):
        lines = []
        for do, language in (("helpful", "zh"), ("recall", "en")):
            ack = await lark.push("card.action.trigger", pressed(do, language))
            assert ack["code"] == 200
            lines.append(json.loads(base64.b64decode(ack["data"]))["toast"])
    assert [line["content"] for line in lines] == ["谢谢反馈", "Being withdrawn"]
    assert lines[0]["i18n"]["en_us"] == "Thank you"
    vote, recall = bot.events
    assert isinstance(vote, Feedback)
    assert (vote.group, vote.reply_id, vote.user, vote.vote) == (
        CHAT,
        "om_1",
        "ou_ann",
        Vote.HELPFUL,
    )
    assert recall == RecallAsked("lark", CHAT, "om_1", "ou_ann")


async def test_a_button_that_could_not_be_stored_says_so(lark: FakeLark, bot: Listener) -> None:
    bot.failure = OSError("disk full")
    async with running(adapter(lark, bot), bot.publish):
        assert await lark.push("card.action.trigger", pressed("helpful")) == {"code": 500}


async def test_buttons_of_others_do_no_harm(lark: FakeLark, bot: Listener) -> None:
    async with running(adapter(lark, bot), bot.publish):
        for value in ({"vote": "up"}, {"do": 5}, None):
            event = {**pressed("x"), "action": {"value": value, "tag": "button"}}
            assert (await lark.push("card.action.trigger", event))["code"] == 200
    assert bot.events == []


async def test_thumbs_are_votes_until_they_are_taken_away(lark: FakeLark, bot: Listener) -> None:
    event = {
        "message_id": "om_1",
        "reaction_type": {"emoji_type": "THUMBSUP"},
        "operator_type": "user",
        "user_id": {"open_id": "ou_ann"},
        "action_time": "1627641418803",
    }
    async with running(adapter(lark, bot), bot.publish):
        for kind in ("created", "deleted"):
            assert await lark.push(f"im.message.reaction.{kind}_v1", event) == {"code": 200}
        own = {**event, "operator_type": "app", "app_id": "cli_dou"}
        assert await lark.push("im.message.reaction.created_v1", own) == {"code": 200}
    assert [e.vote for e in bot.events if isinstance(e, Feedback)] == [Vote.HELPFUL, Vote.NONE]
