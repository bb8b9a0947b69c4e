"""What a reply looks like as a webhook's message, within the platform's limit."""

import json
import re
from collections.abc import Callable
from typing import Any

from adapters.base import Reply
from adapters.markup import FENCE, compose, defused, outside_code
from adapters.webhook.settings import Platform

MAX_BYTES: dict[Platform, int] = {"lark": 19_800, "dingtalk": 19_800, "wecom": 4096}
"""Of the whole body, less a signature, for Lark (20 KB) and DingTalk (20000); of the text alone
for WeCom."""

_LARK_TAG = re.compile(r"<(?=[a-zA-Z/])")
_LARK_MENTION = re.compile(r"<(?=/?(?:at|person)\b)", re.IGNORECASE)
_TABLE_RULE = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?")
_LARK_TABLES = 5


def message(platform: Platform, reply: Reply, title: str) -> dict[str, Any]:
    """The body to post."""
    wrap, measure = _WRAPS[platform], _MEASURES[platform]
    limit = room = MAX_BYTES[platform]
    text = defused(reply.text)
    while True:
        made = wrap(compose(text, reply, room) or "…", title)
        size = measure(made)
        if size <= limit or not room:
            return made
        # Quotes, line breaks and the like grow in the body: so much less of them.
        room = int(0.98 * room * limit / size)


def _lark(text: str, title: str) -> dict[str, Any]:
    # Tags are broken by a space of no width: inside code only those that would ring somebody.
    safe = outside_code(_LARK_MENTION.sub("<\u200b", text), lambda t: _LARK_TAG.sub("<\u200b", t))
    element = {"tag": "markdown", "content": _with_tables(safe, _LARK_TABLES)}
    card = {
        "schema": "2.0",
        "header": {"title": {"tag": "plain_text", "content": title}, "template": "blue"},
        "body": {"elements": [element]},
    }
    return {"msg_type": "interactive", "card": card}


def _dingtalk(text: str, title: str) -> dict[str, Any]:
    """DingTalk swallows single line breaks."""
    lines = [line.rstrip() for line in _with_tables(text, 0).split("\n")]
    shown = "\n".join(f"{line}  " if line else "" for line in lines)
    return {"msgtype": "markdown", "markdown": {"title": title, "text": shown}}


def _with_tables(text: str, allowed: int) -> str:
    """The text with so many tables; the rows of further ones become lines."""
    kept, in_block, tables = [], False, 0
    for line in text.split("\n"):
        if line.lstrip().startswith(FENCE):
            in_block = not in_block
        elif not in_block and _TABLE_RULE.fullmatch(line.strip()):
            tables += 1
            if tables > allowed:
                continue
        kept.append(line)
    return "\n".join(kept)


def _wecom(text: str, title: str) -> dict[str, Any]:
    del title
    return {"msgtype": "markdown_v2", "markdown_v2": {"content": text}}


def _bytes_of_body(body: dict[str, Any]) -> int:
    return len(json.dumps(body, ensure_ascii=False).encode())


def _bytes_of_text(body: dict[str, Any]) -> int:
    return len(body["markdown_v2"]["content"].encode())


_WRAPS: dict[Platform, Callable[[str, str], dict[str, Any]]] = {
    "lark": _lark,
    "dingtalk": _dingtalk,
    "wecom": _wecom,
}
_MEASURES: dict[Platform, Callable[[dict[str, Any]], int]] = {
    "lark": _bytes_of_body,
    "dingtalk": _bytes_of_body,
    "wecom": _bytes_of_text,
}
