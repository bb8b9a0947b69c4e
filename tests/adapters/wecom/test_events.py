"""Payloads of the wire and what they mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import EVERYBODY, Feedback, IncomingMessage, Vote
from adapters.wecom.events import parse, target, without_mention
from bot.group.command_parser import parse_command

NOW = 1_700_000_100.0
PAYLOAD: dict[str, Any] = {
    "msgid": "CAIQ1",
    "aibotid": "AIB1",
    "chatid": "wrkSFfCgAA",
    "chattype": "group",
    "from": {"userid": "zhangsan"},
    "create_time": 1_700_000_000,
    "response_url": "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=x",
    "msgtype": "text",
    "text": {"content": "@豆哥 怎么安装？"},
}
QUOTE = {"msgtype": "text", "text": {"content": "Error: no such file\nline two"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*PAYLOAD, "content", "userid", "mixed", "msg_item", "event", "quote"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def message(**more: Any) -> IncomingMessage:
    found = parse({**PAYLOAD, **more}, "wecom", "豆哥", NOW)
    assert isinstance(found, IncomingMessage)
    return found


def test_a_text_in_a_group() -> None:
    assert message() == IncomingMessage(
        adapter="wecom",
        group="wrkSFfCgAA",
        user="zhangsan",
        message_id="CAIQ1",
        text="怎么安装？",
        sent_at=1_700_000_000.0,
        mention=True,
    )


def test_a_private_chat_tells_whom_to_push_to() -> None:
    found = message(chattype="single", chatid=None, text={"content": "@decorator 是什么？"})
    assert (found.group, found.mention, found.text) == (
        "user:zhangsan",
        True,
        "@decorator 是什么？",
    )
    assert target(found.group) == {"chatid": "zhangsan", "chat_type": 1}
    assert target("wrk1") == {"chatid": "wrk1", "chat_type": 2}


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("@豆哥 怎么安装", "怎么安装"),
        ("@豆哥怎么安装", "怎么安装"),
        ("＠豆哥\u3000怎么安装", "怎么安装"),
        ("@豆哥\u2005怎么安装", "怎么安装"),
        ("  @豆哥: 怎么安装", "怎么安装"),
        ("怎么安装 @豆哥", "怎么安装"),
        ("@豆哥 @property 是什么", "@property 是什么"),
        ("@豆哥 怎么 @豆哥", "怎么 @豆哥"),
        ("@茴香豆 怎么安装", "怎么安装"),
        ("@张三 @豆哥 怎么安装", "怎么安装"),
        ("怎么用 @豆哥 这个名字", "怎么用 @豆哥 这个名字"),
        ("@豆哥", ""),
        ("怎么安装", "怎么安装"),
        ("@", "@"),
        ("", ""),
    ],
)
def test_the_mention_is_taken_off_once(text: str, rest: str) -> None:
    assert without_mention(text, "豆哥") == rest


def test_a_latin_name_must_end_where_it_ends() -> None:
    assert without_mention("@Help Bot how?", "help bot") == "how?"
    assert without_mention("@bottle how?", "bot") == "how?"
    assert without_mention("ask me@bot.example", "bot") == "ask me@bot.example"


def test_everybody_is_not_the_bot() -> None:
    found = message(text={"content": "@豆哥 @所有人 明天升级"})
    assert (found.text, found.mentions) == ("明天升级", (EVERYBODY,))


@pytest.mark.parametrize(
    ("more", "text", "attachments"),
    [
        ({"msgtype": "voice", "voice": {"content": "怎么安装"}}, "怎么安装", ()),
        ({"msgtype": "voice", "voice": {}}, "", ("voice",)),
        ({"msgtype": "image", "image": {"url": "https://x", "aeskey": "k"}}, "", ("image",)),
        ({"msgtype": "file", "file": {"url": "https://x"}}, "", ("file",)),
        ({"msgtype": "video", "video": {"url": "https://x"}}, "", ("video",)),
        ({"msgtype": "location"}, "", ("location",)),
    ],
)
def test_kinds_of_messages(more: dict[str, Any], text: str, attachments: tuple[str, ...]) -> None:
    found = message(**more)
    assert (found.text, found.attachments) == (text, attachments)


def test_text_and_images_in_reading_order() -> None:
    items = [
        {"msgtype": "text", "text": {"content": "@豆哥 看这个"}},
        {"msgtype": "image", "image": {"url": "https://x"}},
        {"msgtype": "text", "text": {"content": "怎么办？"}},
        {"msgtype": "image", "image": {}},
        {"msgtype": "mixed", "mixed": {"msg_item": []}},
        "no item",
    ]
    found = message(msgtype="mixed", mixed={"msg_item": items})
    assert (found.text, found.attachments) == ("看这个\n怎么办？", ("image", "image"))


def test_what_is_quoted_follows_the_question() -> None:
    found = message(quote=QUOTE)
    assert found.text == "怎么安装？\n\n> Error: no such file\n> line two"
    assert message(text={"content": "@豆哥"}, quote=QUOTE).text.startswith("> Error")
    assert message(quote={"msgtype": "image", "image": {}}).attachments == ("image",)
    assert len(message(quote={"msgtype": "text", "text": {"content": "x" * 9999}}).text) < 2100


@pytest.mark.parametrize("command", ["/dou why", "豆哥为什么", "豆哥撤回", "重载知识库"])
def test_a_command_is_not_lengthened_by_what_it_quotes(command: str) -> None:
    found = message(text={"content": f"@豆哥 {command}"}, quote=QUOTE)
    assert parse_command(found.text, "/dou") == parse_command(command, "/dou")


@pytest.mark.parametrize(
    "more",
    [
        {"from": {"userid": "AIB1"}},  # the bot itself
        {"from": {}},
        {"from": "zhangsan"},
        {"from": None},
        {"msgid": ""},
        {"msgid": 5},
        {"chatid": ""},
        {"chattype": "channel"},
        {"msgtype": None},
        {"msgtype": "event", "event": {"eventtype": "enter_chat"}},
        {"msgtype": "event", "event": {"eventtype": "template_card_event"}},
        {"msgtype": "event", "event": {"eventtype": "feedback_event"}},
        {"msgtype": "event", "event": "feedback_event"},
    ],
    ids=str,
)
def test_nothing_to_do_with(more: dict[str, Any]) -> None:
    assert parse({**PAYLOAD, **more}, "wecom", "豆哥", NOW) is None


@pytest.mark.parametrize("created", [None, "yesterday", True, -5, 0, 1_700_000_000_000, NOW + 1e6])
def test_a_time_that_is_none_is_the_time_of_arrival(created: Any) -> None:
    assert message(create_time=created).sent_at == NOW


def test_somebody_of_another_company_is_nobody_of_ours() -> None:
    assert message(**{"from": {"userid": "admin", "corpid": "ww9"}}).user == "ww9/admin"


@pytest.mark.parametrize("given", [{"id": "k", "type": 4}, {"id": "", "type": 1}, {"type": 1}, 7])
def test_votes_that_are_none(given: Any) -> None:
    event = {"eventtype": "feedback_event", "feedback_event": given}
    assert parse({**PAYLOAD, "msgtype": "event", "event": event}, "wecom", "豆哥", NOW) is None


def test_a_vote() -> None:
    event = {"eventtype": "feedback_event", "feedback_event": {"id": "k1", "type": 2}}
    found = parse({**PAYLOAD, "msgtype": "event", "event": event}, "wecom", "豆哥", NOW)
    sent = 1_700_000_000.0
    assert found == Feedback("wecom", "wrkSFfCgAA", "k1", "zhangsan", Vote.UNHELPFUL, sent)


@given(st.dictionaries(st.sampled_from([*PAYLOAD, "quote", "mixed", "event", "voice"]), JSON))
def test_no_payload_raises(more: dict[str, Any]) -> None:
    for body in ({**PAYLOAD, **more}, more):
        found = parse(body, "wecom", "豆哥", NOW)
        if isinstance(found, IncomingMessage):
            found.text.encode()
            assert found.message_id
            assert found.group
