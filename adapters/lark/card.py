"""A reply as the body of a message: a card with its sources and buttons, or plain text."""

import json
from collections.abc import Callable
from typing import Any

from adapters.base import Reply
from adapters.lark.markdown import card_markdown
from adapters.markup import cut, sources, sources_heading

MAX_BYTES = 28_000
"""Lark takes 30 KB of request body, and counts marks for style more than once."""
MAX_SOURCES_BYTES = 6_000

TEXT_ELEMENT = "answer"
"""The element that grows while an answer is written."""

MORE = {
    True: "……（回答太长，其余内容见下方来源）",
    False: "… (cut here; the sources below say more)",
}
BUTTONS = (
    ("helpful", "👍 有帮助", "👍 Helpful"),
    ("unhelpful", "👎 没帮助", "👎 Not helpful"),
    ("recall", "撤回", "Withdraw"),
)


def card(reply: Reply, *, buttons: bool, streamed: bool = False) -> str:
    """The card's JSON, small enough for the platform. `streamed` is for a card that was shown
    while it was written."""
    below = [*_sources(reply), *(_buttons(reply) if buttons and reply.kind == "answer" else [])]
    streaming = False if streamed else None

    def made(text: str) -> str:
        return _card([_markdown(text), *below], streaming=streaming)

    return _fitted(reply.text, MORE[reply.chinese], made)


def draft_card(text: str) -> str:
    """The card of an answer that is being written."""
    return _card([_markdown(_begun(text))], streaming=True)


def draft_text(text: str) -> str:
    """An answer as far as it is written."""
    return card_markdown(_begun(text))


def _begun(text: str) -> str:
    return cut(text, MAX_BYTES // 2, "…")


def plain(reply: Reply) -> str:
    """The content of a rich text without any marks, where the platform can't show the card."""

    def made(text: str) -> str:
        return _json({"zh_cn": {"title": "", "content": [[{"tag": "text", "text": text}]]}})

    return _fitted("\n".join([reply.text, "", *sources(reply)]), MORE[reply.chinese], made)


def wire_size(content: str) -> int:
    """How many bytes a content takes inside the request's JSON."""
    return len(_json(content).encode())


def _fitted(text: str, more: str, made: Callable[[str], str]) -> str:
    """What is made of a text, or of as much of it as there is room for."""
    room = MAX_BYTES
    while True:
        shown = cut(text, room, more)
        content = made(shown)
        size = wire_size(content)
        if size <= MAX_BYTES or room < 500:
            return content
        # What JSON escapes takes more room; how much, depends on the text.
        room = min(room - 100, int(len(shown.encode()) * 0.97 * MAX_BYTES / size))


def _card(elements: list[dict[str, Any]], *, streaming: bool | None) -> str:
    config: dict[str, Any] = {"update_multi": True}
    if streaming is not None:
        config["streaming_mode"] = streaming
    return _json({"schema": "2.0", "config": config, "body": {"elements": elements}})


def _markdown(text: str) -> dict[str, Any]:
    return {"tag": "markdown", "element_id": TEXT_ELEMENT, "content": card_markdown(text)}


def _sources(reply: Reply) -> list[dict[str, Any]]:
    lines = [f"**{sources_heading(reply)}**"]
    for line in sources(reply):
        lines.append(card_markdown(line))
        if len("  \n".join(lines).encode()) > MAX_SOURCES_BYTES:
            lines[-1] = "…"
            break
    if len(lines) == 1:
        return []
    content = "  \n".join(lines)
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
                    "text": {"tag": "plain_text", "content": chinese if reply.chinese else english},
                    "behaviors": [{"type": "callback", "value": {"do": wish, "in": language}}],
                }
            ],
        }
        for wish, chinese, english in BUTTONS
    ]
    return [{"tag": "column_set", "columns": columns}]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
