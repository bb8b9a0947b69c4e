"""The frames of WeCom's long connection: JSON objects, both ways.

{"cmd", "headers": {"req_id"}, "body"}                  a command, or something that happened
{"headers": {"req_id"}, "errcode", "errmsg"}            the ack of the command with that id
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

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
