"""The Markdown of each platform: what it knows, and what must not come through in it."""

import re
from dataclasses import replace

from adapters.markdown import BREAK, Dialect, broken_links

_AT = re.compile(r"(?<![A-Za-z0-9_.])[@＠﹫](?=\S)")
"""Chinese has no space before a mention. In `user@host` it is none."""
_EVERY_TABLE = 1000


# Lark: CommonMark and tags of its own: `<at id=all></at>` rings a whole group, `<a>` and `<link>`
# hide an address. Code must look as it was written all the same.
_LARK_TAG = re.compile(
    r"<(?=/?(?:at|a|link|person|font|text_tag|number_tag|local_datetime|raw|audio|img|button|card"
    r"|record|hr)\b)",
    re.IGNORECASE,
)
_RINGING = re.compile(r"<(?=/?at\b)", re.IGNORECASE)
_LESS_THAN = re.compile(r"<(?!br ?/?>)")
"""A line break does no harm, and tables need it."""
_ENTITY = re.compile(r"&(?=#?\w{1,31};)")
_ESCAPE = re.compile(r"\\(?=[:/.@])")


def _lark_source(text: str) -> str:
    # Entities and backslashes could put together an address that nobody saw when it was checked.
    text = _ESCAPE.sub("&#92;", _ENTITY.sub("&#38;", text))
    return _LESS_THAN.sub("&#60;", text.replace("![", "&#33;["))


def _lark_prose(text: str) -> str:
    return _lark_source(broken_links(text))


LARK = Dialect(
    prose=_lark_prose,
    span=lambda text: _LARK_TAG.sub(f"<{BREAK}", text),
    block=lambda text: _RINGING.sub(f"<{BREAK}", text),
    tables=4,  # in one element; with more the card is refused
    code_at_margin=True,
)
LARK_SOURCES = replace(LARK, prose=_lark_source, links=True)
"""For the lines of sources, which are links on every platform, with addresses of ours."""


# DingTalk: no tables, and code blocks are not promised. Some addresses make the client do
# something, such as send a message.
_SCHEME = re.compile(r"(dtmd|dingtalk)(?=:)", re.IGNORECASE)
_TAG = re.compile(r"<(?=[A-Za-z/!?@＠])")


def _dingtalk_code(text: str) -> str:
    return _SCHEME.sub(rf"\1{BREAK}", broken_links(text))


def _dingtalk_prose(text: str) -> str:
    return _AT.sub(f"@{BREAK}", _TAG.sub(f"<{BREAK}", _dingtalk_code(text)))


DINGTALK = Dialect(prose=_dingtalk_prose, span=_dingtalk_code, block=_dingtalk_code, tables=0)


def hard_lines(text: str) -> str:
    """DingTalk's lines that stay lines. Two spaces behind a backslash would break a shell's long
    command."""
    lines = [line.rstrip() for line in text.split("\n")]
    ended = [line if not line or line.endswith("\\") else f"{line}  " for line in lines]
    return "\n".join(ended).rstrip()


# WeCom: `<@userid>` mentions, `<font>` colours, and `<think>` folds.
_MENTION = re.compile(r"<(?=[@＠])")
_WECOM_TAG = re.compile(r"<(?=/?(?:font|think|at|a)\b)", re.IGNORECASE)


def _wecom_code(text: str) -> str:
    return broken_links(_MENTION.sub("< ", text))


def _wecom_prose(text: str) -> str:
    return _AT.sub(f"@{BREAK}", _WECOM_TAG.sub("‹", _wecom_code(text)))


WECOM = Dialect(prose=_wecom_prose, span=_wecom_code, block=_wecom_code, tables=_EVERY_TABLE)
