"""Addresses in a text: whatever a chat platform might make a link of.

Those of Latin letters are found by a pattern, glued to any sign and of any scheme, for the text is
not to be trusted; those in other scripts by linkify-it-py, which knows what is a letter and wants
a border before and behind an address.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from common.language import CHINESE

if TYPE_CHECKING:
    from linkify_it import LinkifyIt

OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "0.0.0.0"})  # noqa: S104 - compared, not bound
"""The reader's own machine."""

ENDING = ".,:;!?。，：；！？"
"""What ends a sentence behind an address rather than belongs to it."""

_DOMAINS = (
    "com|net|org|edu|gov|cn|io|top|xyz|info|biz|me|cc|site|online|app|dev|ru|link|shop|live|club|vip"
    "|icu|wang|fun|test|tk|gg|ly|tv|co|ai|us|uk|de|jp|kr|hk|tw|eu"
)
"""The library's own list takes all countries: `setup.py` would be an address in Paraguay."""

_FILE_ENDING = (
    "py|md|sh|js|ts|rs|go|cc|cs|pl|so|rb|hs|ml|kt|vb|mk|tf|db|gz|bz|xz|ps|in|ac|am|la|pt|th"
)
_MAYBE_HOST = re.compile(rf"[\w-]+(?:\.[\w-]+)*\.(?!(?:{_FILE_ENDING})$)[a-z]{{2}}", re.ASCII)
_SIGN = r"[^\s<>\"'`()\[\]]"
_REST = rf"(?:{_SIGN}|\({_SIGN}*\))"
_GLUED = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]{{0,30}}://{_REST}+"
    rf"|(?<![A-Za-z0-9_.-])(?i:www)\.{_REST}+"
    r"|(?<![A-Za-z0-9_])[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]*[A-Za-z]"
    rf"|(?<![\w@.-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    rf"(?i:{_DOMAINS}|xn--[a-z0-9-]+)(?![A-Za-z0-9_-])(?!\.\w)(?:[:/]{_REST}*)?"
)
_CHINESE = re.compile(f"[{CHINESE}]")


class Link(NamedTuple):
    """A stretch of a text that is an address."""

    start: int
    end: int
    address: str


def links(text: str) -> list[Link]:
    """The addresses in a text, bare host names and mail addresses among them. Chinese characters
    may stand directly beside one, and are no part of it."""
    bare = _CHINESE.sub(" ", text)
    glued = [_link(text, *found.span()) for found in _GLUED.finditer(bare)]
    rest = _masked(bare, glued, " ")
    found = _linkify().match(rest) if "." in rest and not rest.isascii() else None
    return sorted([*glued, *(_link(text, one.index, one.last_index) for one in found or ())])


def masked(text: str, sign: str) -> str:
    """The text with each character of its addresses replaced by a sign; models/Block.cc is a path
    as a whole."""
    return _masked(text, [link for link in links(text) if text[: link.start][-1:] != "/"], sign)


def replaced(text: str, change: Callable[[str], str]) -> str:
    """The text with its addresses changed."""
    pieces, end = [], 0
    for link in links(text):
        pieces += [text[end : link.start], change(link.address)]
        end = link.end
    return "".join([*pieces, text[end:]])


def may_be_address(text: str) -> bool:
    """Could somebody's platform make a link of it? So can of any name with a country's ending."""
    return bool(links(text) or _MAYBE_HOST.fullmatch(text.lower()))


def host_of(address: str) -> str:
    """The host that an address leads to; "" where there is none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _masked(text: str, found: list[Link], sign: str) -> str:
    for link in found:
        text = text[: link.start] + sign * (link.end - link.start) + text[link.end :]
    return text


def _link(text: str, start: int, end: int) -> Link:
    address = text[start:end].rstrip(ENDING)
    return Link(start, start + len(address), address)


@cache
def _linkify() -> "LinkifyIt":
    from linkify_it import LinkifyIt  # with its patterns a tenth of a second; few texts need it

    return LinkifyIt(options={"fuzzy_email": False}).tlds(_DOMAINS.split("|"))
