"""A reply as the body of a message: a card with its sources and buttons, or plain text."""

import json
from typing import Any

from adapters.base import Reply
from adapters.dialects import LARK, LARK_SOURCES
from adapters.markdown import rendered
from adapters.markup import byte_size, fit, fitted, json_size, sources
from adapters.texts import phrase

MAX_BYTES = 28_000
"""Lark takes 30 KB of request body, and counts marks for style more than once."""
MAX_SOURCES_BYTES = 6_000

TEXT_ELEMENT = "answer"
"""The element that grows while an answer is written."""

BUTTONS = ("helpful", "unhelpful", "recall")


def card(reply: Reply, *, buttons: bool, streamed: bool = False) -> str:
    """The card's JSON, small enough for the platform. `streamed` is for a card that was shown
    while it was written."""
    below = [*_sources(reply), *(_buttons(reply) if buttons and reply.kind == "answer" else [])]
    streaming = False if streamed else None

    def made(text: str, more: str) -> str:
        return _card([_markdown(rendered(text, LARK) + more), *below], streaming=streaming)

    return fitted(reply, MAX_BYTES, made, json_size)


def draft_card(text: str) -> str:
    """The card of an answer that is being written."""
    return _card([_markdown(draft_text(text))], streaming=True)


def draft_text(text: str) -> str:
    """An answer as far as it is written."""
    return fit(text, MAX_BYTES // 2, lambda kept: rendered(kept, LARK), byte_size)


def plain(reply: Reply) -> str:
    """The content of a rich text without any marks, where the platform can't show the card."""
    below = "\n".join(["", "", *sources(reply, MAX_SOURCES_BYTES)[1:]])

    def made(text: str, more: str) -> str:
        shown = {"tag": "text", "text": text + more + below}
        return _json({"zh_cn": {"title": "", "content": [[shown]]}})

    return fitted(reply, MAX_BYTES, made, json_size)


def _card(elements: list[dict[str, Any]], *, streaming: bool | None) -> str:
    config: dict[str, Any] = {"update_multi": True}
    if streaming is not None:
        config["streaming_mode"] = streaming
    return _json({"schema": "2.0", "config": config, "body": {"elements": elements}})


def _markdown(content: str) -> dict[str, Any]:
    return {"tag": "markdown", "element_id": TEXT_ELEMENT, "content": content}


def _sources(reply: Reply) -> list[dict[str, Any]]:
    heading, *lines = sources(reply, MAX_SOURCES_BYTES) or [""]
    if not lines:
        return []
    content = "  \n".join([f"**{heading}**", *(rendered(line, LARK_SOURCES) for line in lines)])
    return [{"tag": "hr"}, {"tag": "markdown", "text_size": "notation", "content": content}]


def _buttons(reply: Reply) -> list[dict[str, Any]]:
    language = "zh" if reply.chinese else "en"
    columns = [
        {
            "tag": "column",
            "width": "auto",
            "elements": [
                {
                    "tag": "button",
                    "size": "small",
                    "text": {
                        "tag": "plain_text",
                        "content": phrase(f"button_{wish}", reply.chinese),
                    },
                    "behaviors": [{"type": "callback", "value": {"do": wish, "in": language}}],
                }
            ],
        }
        for wish in BUTTONS
    ]
    return [{"tag": "column_set", "columns": columns}]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
