"""Reading what Lark pushes: payloads as the platform sends them, and nonsense."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import EVERYBODY, Feedback, IncomingMessage, RecallAsked, Vote
from adapters.lark.content import Me, forwarded
from adapters.lark.events import parse, parse_item, toast
from adapters.payload import seconds

ME = Me("lark", "cli_dou", "ou_dou")
ANN = {"sender_id": {"open_id": "ou_ann", "union_id": "on_1"}, "sender_type": "user"}


def payload(kind: str, event: Any, at: str = "1608725989000") -> dict[str, Any]:
    """An event with its header."""
    header = {"event_id": "ev", "event_type": kind, "create_time": at, "app_id": "cli_dou"}
    return {"schema": "2.0", "header": header, "event": event}


def message(kind: str = "text", content: Any = None, **more: Any) -> dict[str, Any]:
    """A message event."""
    body = {
        "message_id": "om_1",
        "create_time": "1609073151345",
        "chat_id": "oc_1",
        "chat_type": "group",
        "message_type": kind,
        "content": content if isinstance(content, str) else json.dumps(content),
    }
    return payload("im.message.receive_v1", {"sender": ANN, "message": {**body, **more}})


def read(kind: str = "text", content: Any = None, **more: Any) -> IncomingMessage:
    """What became of a message event."""
    found = parse(message(kind, content, **more), ME)
    assert isinstance(found, IncomingMessage)
    return found


def called(*people: tuple[str, str]) -> list[dict[str, Any]]:
    """Mentions, by open id and name."""
    return [
        {"key": f"@_user_{n}", "id": {"open_id": open_id, "user_id": ""}, "name": name}
        for n, (open_id, name) in enumerate(people, 1)
    ]


def test_a_reply_inside_a_thread_that_mentions_the_bot() -> None:
    found = read(
        content={"text": "@_user_1 how do I install it?"},
        mentions=called(("ou_dou", "豆哥")),
        root_id="om_0",
        parent_id="om_9",
        thread_id="omt_1",
    )
    assert found == IncomingMessage(
        adapter="lark",
        group="oc_1",
        user="ou_ann",
        message_id="om_1",
        text="how do I install it?",
        sent_at=1609073151.345,
        mention=True,
        reply_to="om_9",
        thread="omt_1",
    )


def test_others_keep_their_names_and_are_listed() -> None:
    people = [("ou_dou", "豆哥"), ("ou_bob", "Bob")] + [(f"ou_{n}", f"P{n}") for n in range(3, 11)]
    found = read(content={"text": "@_user_1 @_user_2 ask @_user_10"}, mentions=called(*people))
    assert found.text == "@Bob ask @P10"
    assert found.mentions == tuple(one for one, _ in people[1:])
    assert found.mention


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("@_all 大家好", []),
        ("@_all大家好", [{"key": "@_all", "id": {"open_id": "all"}, "name": "all"}]),
    ],
)
def test_all_is_everybody_and_not_the_bot(text: str, mentions: list[Any]) -> None:
    found = read(content={"text": text}, mentions=mentions)
    assert (found.text, found.mention, found.mentions) == ("大家好", False, (EVERYBODY,))


def test_a_name_that_is_only_typed_is_no_mention() -> None:
    found = read(content={"text": "@豆哥 hello"})
    assert (found.text, found.mention) == ("@豆哥 hello", False)


def test_a_private_chat_is_a_mention() -> None:
    assert read(content={"text": "hi"}, chat_type="p2p").mention


def test_a_rich_text() -> None:
    content = {
        "title": "Trouble",
        "content": [
            [
                {"tag": "at", "user_id": "@_user_1", "user_name": "豆哥"},
                {"tag": "text", "text": " see ", "style": ["bold"]},
                {"tag": "a", "href": "https://a.example", "text": "this"},
            ],
            [{"tag": "img", "image_key": "img_1"}],
            [{"tag": "code_block", "language": "PYTHON", "text": "import x\n"}],
            [{"tag": "emotion", "emoji_type": "SMILE"}, {"tag": "text", "text": "ok"}],
            [{"tag": "media", "file_key": "f", "image_key": "i"}],
            [{"tag": "at", "user_id": "all"}],
            "nonsense",
        ],
    }
    found = read("post", content, mentions=called(("ou_dou", "豆哥")))
    assert found.text == ("Trouble\nsee this (https://a.example)\n```python\nimport x\n```\nok")
    assert found.attachments == ("image", "video")
    assert (found.mention, found.mentions) == (True, (EVERYBODY,))
    below_language = read("post", {"zh_cn": content})
    assert below_language.attachments == ("image", "video")


@pytest.mark.parametrize(
    ("kind", "attached"),
    [
        ("image", "image"),
        ("sticker", "sticker"),
        ("audio", "voice"),
        ("media", "video"),
        ("file", "file"),
        ("folder", "folder"),
        ("interactive", "card"),
        ("merge_forward", "forward"),
        ("location", "location"),
    ],
)
def test_what_is_not_text_is_an_attachment(kind: str, attached: str) -> None:
    found = read(kind, {"file_key": "x", "file_name": "train.log"})
    assert (found.text, found.attachments) == ("", (attached,))


@pytest.mark.parametrize("content", ["Merged and Forwarded Message", '{"content": "Merged"}'])
def test_a_bundle_in_both_its_forms(content: str) -> None:
    assert read("merge_forward", content).attachments == ("forward",)


def test_a_bundles_messages_in_their_order_with_bundles_inside() -> None:
    def item(message_id: str, above: str, kind: str, text: str = "") -> dict[str, Any]:
        return {
            "message_id": message_id,
            "upper_message_id": above,
            "msg_type": kind,
            "body": {"content": json.dumps({"text": text})},
        }

    items = [
        item("b", "", "merge_forward"),
        item("1", "b", "text", "one"),
        item("c", "b", "merge_forward"),
        item("2", "b", "text", "two"),
        item("3", "c", "text", "inner"),
        item("4", "c", "image"),
        item("c", "c", "merge_forward"),  # claims to hold itself
        {},
    ]
    found = forwarded(items, "b", ME)
    assert found.text == "one\ninner\ntwo"
    assert found.attachments == ("forward", "image")


@pytest.mark.parametrize("sender_type", ["app", "", "anonymous"])
def test_bots_are_not_listened_to(sender_type: str) -> None:
    event = message(content={"text": "beep"})
    event["event"]["sender"] = {**ANN, "sender_type": sender_type}
    assert parse(event, ME) is None


@pytest.mark.parametrize(
    ("emoji", "kind", "vote"),
    [
        ("THUMBSUP", "created", Vote.HELPFUL),
        ("ThumbsDown", "created", Vote.UNHELPFUL),
        ("THUMBSUP", "deleted", Vote.NONE),
        ("ThumbsDown", "deleted", Vote.NONE),
        ("SMILE", "created", None),
    ],
)
def test_thumbs_are_votes(emoji: str, kind: str, vote: Vote | None) -> None:
    event = {
        "message_id": "om_1",
        "reaction_type": {"emoji_type": emoji},
        "operator_type": "user",
        "user_id": {"open_id": "ou_ann"},
        "action_time": "1627641418803",
    }
    found = parse(payload(f"im.message.reaction.{kind}_v1", event), ME)
    expected = vote and Feedback("lark", "", "om_1", "ou_ann", vote, 1627641418.803)
    assert found == expected
    own = {**event, "operator_type": "app"}
    assert parse(payload(f"im.message.reaction.{kind}_v1", own), ME) is None


def pressed(value: Any) -> dict[str, Any]:
    """Somebody pressed a button."""
    event = {
        "operator": {"open_id": "ou_ann"},
        "action": {"value": value, "tag": "button"},
        "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
    }
    return payload("card.action.trigger", event, at="1608725989000123")


def test_buttons() -> None:
    asked = pressed({"do": "helpful", "in": "zh"})
    vote = parse(asked, ME)
    assert vote == Feedback("lark", "oc_1", "om_1", "ou_ann", Vote.HELPFUL, 1608725989.000123)
    assert toast(vote, asked)["toast"]["content"] == "谢谢反馈"  # type: ignore[index]  # is JSON
    asked = pressed({"do": "recall", "in": "en"})
    recall = parse(asked, ME)
    assert recall == RecallAsked("lark", "oc_1", "om_1", "ou_ann")
    line: Any = toast(recall, asked)["toast"]
    assert line["content"] == "Being withdrawn"
    assert line["i18n"]["zh_cn"] == "正在撤回"
    for value in ("helpful", {"do": "fly"}, {}, None, 5):
        assert parse(pressed(value), ME) is None
    assert toast(None, asked) == {}


def test_a_message_of_the_history() -> None:
    item = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "msg_type": "text",
        "create_time": "1609073151345",
        "sender": {"id": "ou_ann", "id_type": "open_id", "sender_type": "user"},
        "body": {"content": '{"text": "@_user_1 hi"}'},
        "mentions": [{"key": "@_user_1", "id": "ou_dou", "id_type": "open_id", "name": "豆哥"}],
    }
    found = parse_item(item, ME, private=False)
    assert found is not None
    assert (found.text, found.mention, found.user) == ("hi", True, "ou_ann")
    assert parse_item({**item, "mentions": []}, ME, private=True).mention  # type: ignore[union-attr]  # is a message
    own = {**item, "sender": {"id": "cli_dou", "id_type": "app_id", "sender_type": "app"}}
    assert parse_item(own, ME, private=False) is None


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("1608725989000", 1608725989.0),
        ("1608725989000123", 1608725989.000123),
        ("1608725989", 1608725989.0),
        (1608725989000, 1608725989.0),
        ("", 0.0),
        (None, 0.0),
        ("-5", 0.0),
        ("1e9", 0.0),
        ("9" * 400, 0.0),
        ([], 0.0),
    ],
)
def test_times(written: Any, read_as: float) -> None:
    assert seconds(written) == read_as


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KINDS = (
    "im.message.receive_v1",
    "im.message.recalled_v1",
    "im.message.reaction.created_v1",
    "im.chat.member.bot.added_v1",
    "card.action.trigger",
)


@given(st.sampled_from(KINDS), anything)
def test_nonsense_is_none_and_never_an_error(kind: str, event: Any) -> None:
    parse(payload(kind, event), ME)
    parse({"header": {"event_type": kind}, "event": event}, ME)
    parse_item(event if isinstance(event, dict) else {}, ME, private=False)


@given(
    st.sampled_from(["text", "post", "image", "merge_forward", "", "x"]),
    anything.map(json.dumps) | st.text(max_size=30),
    anything,
    anything,
)
def test_no_content_is_an_error(kind: str, content: str, mentions: Any, chat_type: Any) -> None:
    parse(message(kind, content, mentions=mentions, chat_type=chat_type), ME)
