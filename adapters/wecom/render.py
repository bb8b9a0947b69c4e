"""What a reply looks like in a WeCom chat."""

import re

from adapters.base import Reply
from adapters.markup import compose, cut, defused

MAX_BYTES = 20480

_LATE = ("（答案还没有写完，写完后另发一条）", "(still writing; the answer follows in a message)")
_NONE = ("（这个问题没有给出回答）", "(this was not answered)")

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def render(reply: Reply) -> str:
    """The reply as WeCom's Markdown, within the limit."""
    return compose(defused(reply.text), reply, MAX_BYTES) or "…"


def draft(text: str) -> str:
    """An answer as far as it is."""
    return cut(defused(text), MAX_BYTES, "…")


def follows(text: str) -> str:
    """Ends a draft whose answer will take longer than a draft may stand open."""
    return _with_line(text, _LATE)


def unanswered(text: str) -> str:
    """Ends a draft that came to nothing. It can't be withdrawn, and must not stay open."""
    return _NONE[0 if _CHINESE.search(text) else 1]


def _with_line(text: str, lines: tuple[str, str]) -> str:
    line = lines[0 if _CHINESE.search(text) else 1]
    return f"{cut(defused(text), MAX_BYTES - 200, '…')}\n\n{line}"
