"""What a reply looks like as a webhook's message, within the platform's limit."""

from dataclasses import replace
from typing import Any

from adapters.base import Reply
from adapters.dialects import DINGTALK, LARK, WECOM, hard_lines
from adapters.markup import byte_size, composed, json_size
from adapters.webhook.settings import Platform

MAX_BYTES = 19_800
"""Of the whole body, less a signature, for Lark (20 KB) and DingTalk (20000)."""
MAX_WECOM_BYTES = 4096
"""Of the text alone."""

_LARK = replace(LARK, tables=5, links=False)


def message(platform: Platform, reply: Reply, title: str) -> dict[str, Any]:
    """The body to post."""
    if platform == "lark":
        return composed(reply, _LARK, MAX_BYTES, lambda text: _lark(text, title), json_size)
    if platform == "dingtalk":
        return composed(reply, DINGTALK, MAX_BYTES, lambda text: _dingtalk(text, title), json_size)
    text = composed(reply, WECOM, MAX_WECOM_BYTES, str, byte_size)
    return {"msgtype": "markdown_v2", "markdown_v2": {"content": text}}


def _lark(text: str, title: str) -> dict[str, Any]:
    card = {
        "schema": "2.0",
        "header": {"title": {"tag": "plain_text", "content": title}, "template": "blue"},
        "body": {"elements": [{"tag": "markdown", "content": text}]},
    }
    return {"msg_type": "interactive", "card": card}


def _dingtalk(text: str, title: str) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"title": title, "text": hard_lines(text)}}
