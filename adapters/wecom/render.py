"""What a reply looks like in a WeCom chat."""

from adapters.base import Reply
from adapters.dialects import WECOM
from adapters.markdown import rendered
from adapters.markup import byte_size, composed, fit
from common.language import is_chinese

MAX_BYTES = 20480

_LATE = ("（答案还没有写完，写完后另发一条）", "(still writing; the answer follows in a message)")
_NONE = ("（这个问题没有给出回答）", "(this was not answered)")


def render(reply: Reply) -> str:
    """The reply as WeCom's Markdown, within the limit."""
    return composed(reply, WECOM, MAX_BYTES, str, byte_size)


def draft(text: str, below: str = "") -> str:
    """An answer as far as it is."""
    return fit(text, MAX_BYTES, lambda kept: rendered(kept, WECOM) + below, byte_size)


def follows(text: str) -> str:
    """Ends a draft whose answer will take longer than a draft may stand open."""
    return draft(text, f"\n\n{_LATE[0 if is_chinese(text) else 1]}")


def unanswered(text: str) -> str:
    """Ends a draft that came to nothing. It can't be withdrawn, and must not stay open."""
    return _NONE[0 if is_chinese(text) else 1]
