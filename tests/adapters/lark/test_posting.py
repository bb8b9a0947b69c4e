"""Replies over REST: where they go, under which key, and how they are taken back."""

import json
from typing import Any

import pytest

from adapters.base import Citation, SendRefused
from tests.adapters.lark.stand import CHAT, adapter, reply
from tests.fakes.lark_rest import Refused
from tests.fakes.lark_server import FakeLark

SOURCE = Citation("docs/install.md", "Install", 12, "https://docs.example/install")


def texts(card: dict[str, Any]) -> str:
    """All Markdown of a card."""
    return "\n".join(e["content"] for e in card["body"]["elements"] if e["tag"] == "markdown")


def values(card: dict[str, Any]) -> list[str]:
    """What the buttons of a card ask for."""
    columns = card["body"]["elements"][-1].get("columns", [])
    return [c["elements"][0]["behaviors"][0]["value"]["do"] for c in columns]


async def test_an_answer_is_a_card_below_the_question(lark: FakeLark) -> None:
    asked = lark.chats.say(CHAT, "how?")
    async with adapter(lark) as one:
        sent = await one.send(reply(to=asked["message_id"], key="k1", citations=(SOURCE,)))
    (item,) = lark.chats.posted(CHAT)
    assert (item["message_id"], item["parent_id"]) == (sent, asked["message_id"])
    assert lark.asked("reply")[0].body["uuid"] == "k1"
    assert lark.asked("reply")[0].body["reply_in_thread"] is False
    card = lark.rest.shown(item)
    assert texts(card) == (
        "Use `pip`. [1]\n**Sources**  \n"
        "[1] [docs/install.md › Install](https://docs.example/install)"
    )
    assert values(card) == ["helpful", "unhelpful", "recall"]


async def test_buttons_are_optional_and_never_below_notices(lark: FakeLark) -> None:
    async with adapter(lark, buttons=False) as one, adapter(lark, name="two") as two:
        await one.send(reply())
        await two.send(reply("back soon", kind="notice"))
    cards = [lark.rest.shown(item) for item in lark.chats.posted(CHAT)]
    assert [len(card["body"]["elements"]) for card in cards] == [1, 1]


async def test_the_card_speaks_the_askers_language(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        await one.send(reply("用 pip。[1]", chinese=True, citations=(SOURCE,)))
    (item,) = lark.chats.posted(CHAT)
    assert "**来源**" in texts(lark.rest.shown(item))
    assert "有帮助" in item["body"]["content"]


async def test_without_a_question_it_goes_into_the_group(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        await one.send(reply("good morning"))
    assert lark.asked("send")[0].body["receive_id"] == CHAT


async def test_in_a_thread_it_stays_there(lark: FakeLark) -> None:
    asked = lark.chats.say(CHAT, "how?", thread_id="omt_1")
    async with adapter(lark) as one:
        await one.send(reply(to=asked["message_id"], thread="omt_1"))
    assert lark.asked("reply")[0].body["reply_in_thread"] is True


@pytest.mark.parametrize("code", [230071, 230019])
async def test_where_no_thread_is_possible_it_goes_without(lark: FakeLark, code: int) -> None:
    asked = lark.chats.say(CHAT, "how?")
    lark.order("reply", Refused(code))
    async with adapter(lark) as one:
        await one.send(reply(to=asked["message_id"], thread="omt_1"))
        assert [call.body["reply_in_thread"] for call in lark.asked("reply")] == [True, False]
        assert len({call.body["uuid"] for call in lark.asked("reply")}) == 1
        lark.order("reply", Refused(code), Refused(code))
        with pytest.raises(SendRefused):
            await one.send(reply("again", group="oc_2", to=asked["message_id"], thread="omt_1"))


async def test_a_reply_that_is_sent_again_stands_there_once(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        first = await one.send(reply(key="same"))
        assert await one.send(reply(key="same")) == first
        assert one.resend_s <= 3600
    assert len(lark.chats.posted(CHAT)) == 1


async def test_long_keys_are_made_short_and_stay_apart(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        await one.send(reply(key="k" * 60 + "1"))
        await one.send(reply(key="k" * 60 + "2"))
    uuids = {call.body["uuid"] for call in lark.asked("send")}
    assert len(uuids) == 2
    assert all(len(uuid) <= 50 for uuid in uuids)


async def test_a_card_that_is_refused_is_sent_as_text(lark: FakeLark) -> None:
    asked = lark.chats.say(CHAT, "how?")
    lark.order("reply", Refused(230099, msg="ext=ErrCode: 11310; ErrMsg: too many"))
    async with adapter(lark) as one:
        text = "Use <at id=all></at> `pip`"
        await one.send(reply(text, to=asked["message_id"], citations=(SOURCE,)))
    (item,) = lark.chats.posted(CHAT)
    assert item["msg_type"] == "post"
    content = json.loads(item["body"]["content"])["zh_cn"]["content"]
    assert {piece["tag"] for line in content for piece in line} == {"text"}
    assert content[0][0]["text"].startswith(text)


async def test_what_is_too_much_for_a_card_is_made_to_fit(lark: FakeLark) -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    code = "```python\n" + 'print("\\n")\n' * 9000 + "```\n"
    async with adapter(lark) as one:
        await one.send(reply("tables\n\n" + table * 9))
        await one.send(reply("code\n\n" + code, citations=(SOURCE,) * 200))
    tables, coded = (texts(lark.rest.shown(item)) for item in lark.chats.posted(CHAT))
    assert tables.count("|---|") == 4
    assert tables.count("- a: 1; b: 2") == 5
    assert coded.count("```") == 2
    assert "for the rest see the sources" in coded
    assert [call.code for call in lark.asked("send")] == [0, 0]


async def test_an_emoji_is_put_below_the_message_and_taken_back(lark: FakeLark) -> None:
    asked = lark.chats.say(CHAT, "how?")
    async with adapter(lark) as one:
        sent = await one.send(reply("🤔", to=asked["message_id"], kind="reaction"))
        (reaction,) = lark.rest.reactions.values()
        assert reaction == {"message_id": asked["message_id"], "emoji": "THINKING"}
        await one.recall(CHAT, sent)
    assert lark.rest.reactions == {}
    assert lark.chats.posted(CHAT) == []


@pytest.mark.parametrize("emoji", ["🦤", "NOSUCH"])
async def test_an_emoji_that_lark_does_not_have_is_posted(lark: FakeLark, emoji: str) -> None:
    asked = lark.chats.say(CHAT, "how?")
    async with adapter(lark) as one:
        await one.send(reply(emoji, to=asked["message_id"], kind="reaction"))
    (item,) = lark.chats.posted(CHAT)
    assert texts(lark.rest.shown(item)) == emoji


async def test_no_answer_and_no_emoji_where_the_question_is_gone(lark: FakeLark) -> None:
    asked = lark.chats.say(CHAT, "how?")
    lark.chats.take_back(asked["message_id"])
    async with adapter(lark) as one:
        for kind, text in (("answer", "Use pip."), ("reaction", "🤔")):
            with pytest.raises(SendRefused, match="recalled"):
                await one.send(reply(text, to=asked["message_id"], kind=kind))
    assert lark.chats.posted(CHAT) == []


async def test_a_reply_is_withdrawn(lark: FakeLark) -> None:
    asked = lark.chats.say(CHAT, "how?")
    async with adapter(lark) as one:
        sent = await one.send(reply())
        await one.recall(CHAT, sent)
        await one.recall(CHAT, sent)  # gone is gone
        assert lark.chats.posted(CHAT) == []
        with pytest.raises(SendRefused, match="230026"):
            await one.recall(CHAT, asked["message_id"])
        lark.order("recall", Refused(230009))
        with pytest.raises(SendRefused, match="time limit"):
            await one.recall(CHAT, sent)
