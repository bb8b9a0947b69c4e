"""Answers in DingTalk's Markdown."""

import re

from adapters.base import Reply
from adapters.dialects import DINGTALK, hard_lines
from adapters.markdown import rendered
from adapters.markup import byte_size, composed, fit, json_size
from adapters.payload import clean

MAX_BYTES = 15_000
"""Of a message's whole body in UTF-8."""

ENVELOPE_BYTES = 500
"""What stands in the body besides title and text."""

TITLE_CHARS = 50
_MARKS = re.compile(r"[\s#>*_`~|\[\]]+")


def message(reply: Reply, asker: str = "") -> dict[str, str]:
    """Title and text of a reply, in few enough bytes; `asker` is the staff id to mention."""

    def wrapped(text: str) -> dict[str, str]:
        shown = hard_lines(text)
        return {
            "title": title_of(reply.text),
            "text": f"@{asker}\n\n{shown}" if asker else shown,
        }

    return composed(reply, DINGTALK, MAX_BYTES - ENVELOPE_BYTES, wrapped, json_size)


def dingtalk(text: str) -> str:
    """Markdown that a document or a model wrote, so that DingTalk shows it line by line, rings
    nobody and hides no address."""
    return fit(text, MAX_BYTES, lambda kept: hard_lines(rendered(kept, DINGTALK)), byte_size)


def title_of(text: str) -> str:
    """What the list of chats shows."""
    first = next((line for line in clean(text).splitlines() if _MARKS.sub("", line)), "…")
    plain = _MARKS.sub(" ", first).strip()
    return plain if len(plain) <= TITLE_CHARS else f"{plain[:TITLE_CHARS]}…"
