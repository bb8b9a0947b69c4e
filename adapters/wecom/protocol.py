"""The frames of WeCom's long connection, and its codes: JSON objects, both ways.

{"cmd", "headers": {"req_id"}, "body"}                  a command, or something that happened
{"headers": {"req_id"}, "errcode", "errmsg"}            the ack of the command with that id
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from adapters.base import AdapterError, LoginRefused, NetworkError, RateLimited
from adapters.codes import Codes, Meaning
from adapters.payload import parsed, text

SUBSCRIBE = "aibot_subscribe"
PING = "ping"
RESPOND = "aibot_respond_msg"
WELCOME = "aibot_respond_welcome_msg"
SEND = "aibot_send_msg"

HAPPENED = ("aibot_msg_callback", "aibot_event_callback")
"""What WeCom sends of its own accord."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame from WeCom. `code` is that of an ack, None for what happened."""

    req_id: str
    code: int | None
    body: Mapping[str, Any]

    @property
    def event(self) -> str:
        """Which event it tells of; "" for a message."""
        return text(self.body, "event", "eventtype")


def read(message: str | bytes) -> Frame | None:
    """The frame in a text; None for anything else, and for commands that we don't know."""
    data = parsed(message)
    req_id = text(data, "headers", "req_id")
    if not req_id:
        return None
    if data.get("cmd") in HAPPENED:
        body = data.get("body")
        return Frame(req_id, None, body) if isinstance(body, dict) else None
    code = data.get("errcode")
    return Frame(req_id, code, {}) if type(code) is int else None


def write(command: str, req_id: str, body: Mapping[str, Any] | None) -> str:
    """The text of a command."""
    frame: dict[str, Any] = {"cmd": command, "headers": {"req_id": req_id}}
    if body is not None:
        frame["body"] = body
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def new_id(command: str) -> str:
    """A `req_id` of our own; WeCom's clients begin theirs with the command."""
    return f"{command}_{uuid4().hex}"


WRONG_SECRET = 853000
NOT_SUBSCRIBED = 846609
TOO_MANY = 45009
GONE = frozenset({846605, 846608})
"""This can't be answered in place any more; a push may still say it."""

BLOCK_S = 60.0
"""How long a chat stays shut after too many messages."""

CODES: Codes = {
    -1: Meaning("WeCom is busy", NetworkError),
    NOT_SUBSCRIBED: Meaning("WeCom wants the bot to sign in again", NetworkError),
    WRONG_SECRET: Meaning(
        "WeCom refuses bot_id and secret: copy BotID and Secret again from the bot's page in the "
        "administration, with its connection set to long connection",
        LoginRefused,
        zh="企业微信拒绝登录：请从管理后台机器人页面重新复制 BotID 和 Secret，连接方式选长连接",
    ),
    TOO_MANY: Meaning("WeCom takes no more messages for this chat now", RateLimited, BLOCK_S),
    45033: Meaning("WeCom takes fewer messages at once", RateLimited, 2.0),
    40007: Meaning("WeCom refuses the message: it does not know the file"),
    40008: Meaning("WeCom refuses the message: it does not know this kind of message"),
    40058: Meaning("WeCom refuses the message: it is malformed or too long"),
    40201: Meaning("WeCom refuses the message: its check of contents forbids it"),
    846607: Meaning("WeCom refuses the message: nobody in this chat has spoken to the bot yet"),
}


def refusal(code: int) -> AdapterError:
    """The error for the code of a command that WeCom refused."""
    meaning = CODES.get(code, Meaning("WeCom refuses the message: unknown reason"))
    return meaning.as_error(f"{meaning.words} ({code})", code)
