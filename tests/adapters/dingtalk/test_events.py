"""Payloads as DingTalk pushes them, read as messages and button presses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import EVERYBODY, Feedback, IncomingMessage, RecallAsked, Vote
from adapters.dingtalk.events import (
    CARD,
    group_of,
    parse_action,
    parse_message,
    person_of,
    staff_id,
    track_of,
)
from bot.group.command_parser import Command, parse_command
from tests.adapters.dingtalk.running import running
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_api import DingTalkApi
from tests.fakes.dingtalk_server import DingTalkServer

NOW = 1_700_000_000.0
BOT, ANN = {"dingtalkId": "$:LWCP_v1:$bot"}, {"dingtalkId": "$:x", "staffId": "042"}
PRIVATE = {
    "conversationType": "1",
    "conversationId": "cidP==",
    "conversationTitle": None,
    "atUsers": None,
    "isInAtList": None,
}


def payload(**fields: Any) -> dict[str, Any]:
    return DingTalkApi(lambda: NOW).message("how?", **fields)


def parsed(**fields: Any) -> IncomingMessage:
    message = parse_message(payload(**fields), "ding", "豆哥", NOW)
    assert message
    return message


def test_a_text_message() -> None:
    assert parsed(msgId="m1", createAt=1690362101894) == IncomingMessage(
        "ding", "cidA==", "ann", "m1", "how?", 1690362101.894, mention=True
    )


def test_who_has_no_staff_id_is_known_by_the_sender_id() -> None:
    assert parsed(senderStaffId=None).user == "$:LWCP_v1:$ann"
    assert parsed(senderStaffId="").user == "$:LWCP_v1:$ann"


def test_a_private_chat_is_a_mention_and_names_its_person() -> None:
    message = parsed(**PRIVATE)
    assert message.mention
    assert message.group == "private:ann"
    assert person_of(message.group) == "ann"
    assert person_of("cidA==") is None


def test_a_person_of_another_organisation_cannot_be_written_to() -> None:
    assert person_of(parsed(**PRIVATE, senderStaffId=None).group) == ""
    assert staff_id("$:LWCP_v1:$ann") == ""
    assert staff_id("ann") == "ann"


@pytest.mark.parametrize(
    ("fields", "mention", "others"),
    [
        ({}, True, ()),
        ({"atUsers": [BOT, ANN]}, True, ("042",)),
        ({"atUsers": [BOT, {"dingtalkId": "$:guest"}]}, True, ("$:guest",)),
        ({"isInAtList": None}, True, ()),
        ({"isInAtList": False, "atUsers": [BOT]}, True, ()),
        ({"isInAtList": False, "atUsers": [ANN]}, False, ("042",)),
        ({"isAtAll": True, "isInAtList": None, "atUsers": []}, False, (EVERYBODY,)),
        ({"isAtAll": True, "isInAtList": False, "atUsers": []}, False, (EVERYBODY,)),
        ({"isAtAll": True}, True, (EVERYBODY,)),
        ({"atUsers": "all"}, True, ()),
        ({"atUsers": [None, 5, {}]}, True, ()),
    ],
)
def test_who_is_mentioned(fields: dict[str, Any], mention: bool, others: tuple[str, ...]) -> None:
    message = parsed(**fields)
    assert (message.mention, message.mentions) == (mention, others)


RICH = [
    {"text": "@豆豆机器人"},
    {"text": " see this:"},
    {"pictureDownloadCode": "p", "downloadCode": "d", "type": "picture"},
    {"text": "why?"},
]


@pytest.mark.parametrize(
    ("kind", "content", "text", "attachments"),
    [
        ("richText", {"richText": RICH}, "see this:\nwhy?", ("image",)),
        ("richText", {"richText": [{"text": "a"}, {"text": "\n"}, {"text": "b"}]}, "a\nb", ()),
        ("richText", {"richText": "x"}, "", ()),
        ("picture", {"downloadCode": "d"}, "", ("image",)),
        ("audio", {"downloadCode": "d", "recognition": "how do I"}, "how do I", ("voice",)),
        ("audio", None, "", ("voice",)),
        ("video", {"duration": "5"}, "", ("video",)),
        ("file", {"fileName": "train.log"}, "", ("file",)),
        ("unknownMsgType", {"unknownMsgType": "can't show"}, "", ("unknown",)),
        ("somethingNew", {}, "", ("unknown",)),
    ],
)
def test_kinds_of_messages(
    kind: str, content: Any, text: str, attachments: tuple[str, ...]
) -> None:
    message = parsed(msgtype=kind, text=None, content=content)
    assert (message.text, message.attachments) == (text, attachments)


def test_only_as_many_pieces_are_mentions_as_people_are_mentioned() -> None:
    pieces = [{"text": "@豆豆"}, {"text": " what is "}, {"text": "@dataclass"}, {"text": "?"}]
    message = parsed(msgtype="richText", content={"richText": pieces})
    assert message.text == "what is @dataclass?"


def test_mentions_by_the_bots_own_name_are_taken_out() -> None:
    assert parsed(text={"content": "@豆哥 怎么安装"}).text == "怎么安装"


@pytest.mark.parametrize(
    "fields",
    [
        {"text": {"content": "x", "isReplyMsg": True, "repliedMsg": {"msgId": "m0"}}},
        {"originalMsgId": "m0"},
        {"text": {"content": "x", "originalMsgId": "m0"}},
        {"msgtype": "richText", "text": None, "content": {"repliedMsg": {"msgId": "m0"}}},
    ],
)
def test_a_quoted_message_is_found_wherever_it_stands(fields: dict[str, Any]) -> None:
    assert parsed(**fields).reply_to == "m0"


@pytest.mark.parametrize(
    "content",
    [
        {"text": "RuntimeError: CUDA out of memory"},
        '{"text": "RuntimeError: CUDA out of memory"}',
        {
            "richText": [
                {"msgType": "text", "content": "RuntimeError: "},
                {"msgType": "picture", "downloadCode": "x"},
                {"text": "CUDA out of memory"},
            ]
        },
        {"recognition": "RuntimeError: CUDA out of memory"},
    ],
)
async def test_what_a_quoted_message_says_follows_the_question(
    server: DingTalkServer, clock: FakeClock, content: Any
) -> None:
    async with running(server, clock) as bot:
        replied = {"msgId": "m0", "msgType": "text", "content": content}
        asked = {"content": " what does this mean?", "isReplyMsg": True, "repliedMsg": replied}
        question = await bot.hears(server.message(text=asked))
        assert question.text == "what does this mean?\n\n> RuntimeError: CUDA out of memory"
        assert question.reply_to == "m0"
        command = await bot.hears(server.message(text={**asked, "content": " /dou good"}))
        assert parse_command(command.text, "/dou") == Command("good")


@pytest.mark.parametrize("quoted", [None, "x", [], {"msgId": 5}, {}])
def test_a_malformed_quote_is_none(quoted: Any) -> None:
    assert parsed(text={"content": "x", "repliedMsg": quoted}).reply_to is None


def test_the_bot_does_not_hear_itself() -> None:
    own = payload(senderId="$:LWCP_v1:$bot", senderStaffId=None)
    assert parse_message(own, "ding", "豆哥", NOW) is None


@pytest.mark.parametrize("missing", ["msgId", "conversationId", "msgtype"])
def test_a_message_without_what_is_needed_is_none(missing: str) -> None:
    assert parse_message(payload(**{missing: None}), "ding", "豆哥", NOW) is None
    assert parse_message(payload(**{missing: 5}), "ding", "豆哥", NOW) is None


@pytest.mark.parametrize("at", [None, "soon", -5, 0, 1e300, True, float("nan")])
def test_a_senseless_time_is_now(at: Any) -> None:
    assert parsed(createAt=at).sent_at == NOW


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from([*payload(), "content", "isAtAll", "originalMsgId"])


@given(st.dictionaries(FIELDS, JSON), JSON)
def test_nothing_from_the_wire_raises(changed: dict[str, Any], anything: Any) -> None:
    found = parse_message({**payload(), **changed}, "ding", "豆哥", NOW)
    assert found is None or all(isinstance(one, str) for one in (found.group, found.text))
    parse_action({"outTrackId": "x", "userId": "u", "content": anything}, "ding", ["g"], NOW)
    if isinstance(anything, dict):
        parse_message(anything, "ding", "豆哥", NOW)
        parse_action(anything, "ding", ["cidA=="], NOW)
        group_of(anything)


def pressed(*words: str, params: Any = None, group: str = "cidA==") -> dict[str, Any]:
    content = {"cardPrivateData": {"actionIds": list(words), "params": params or {}}}
    return {
        "extension": "{}",
        "corpId": "ding9f",
        "type": "actionCallback",
        "userId": "ann",
        "spaceType": "im",
        "outTrackId": track_of(group, "k1"),
        "content": json.dumps(content),
    }


@pytest.mark.parametrize(
    ("action", "vote"),
    [
        (pressed("helpful"), Vote.HELPFUL),
        (pressed("unhelpful"), Vote.UNHELPFUL),
        (pressed("button1", params={"vote": "helpful"}), Vote.HELPFUL),
    ],
)
def test_a_vote(action: dict[str, Any], vote: Vote) -> None:
    reply_id = CARD + track_of("cidA==", "k1")
    expected = Feedback("ding", "cidA==", reply_id, "ann", vote, NOW)
    assert parse_action(action, "ding", ["cidB==", "cidA=="], NOW) == expected


def test_the_button_that_withdraws() -> None:
    reply_id = CARD + track_of("cidA==", "k1")
    found = parse_action(pressed("recall"), "ding", ["cidA=="], NOW)
    assert found == RecallAsked("ding", "cidA==", reply_id, "ann")


@pytest.mark.parametrize(
    "action",
    [
        pressed("other"),
        pressed(),
        pressed("helpful", group="cidC=="),
        {**pressed("helpful"), "content": "{"},
        {**pressed("helpful"), "content": "[" * 5000},
        {**pressed("helpful"), "userId": None},
        {**pressed("helpful"), "outTrackId": 5},
    ],
)
def test_what_is_no_button_of_ours(action: dict[str, Any]) -> None:
    assert parse_action(action, "ding", ["cidB==", "cidA=="], NOW) is None
