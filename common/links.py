"""Addresses in a text, by linkify-it-py: what a chat platform might make a link of."""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from linkify_it import LinkifyIt

from common.language import CHINESE

OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "0.0.0.0"})  # noqa: S104 - compared, not bound
"""The reader's own machine."""

ENDING = ".,:;!?。，：；！？"
"""What ends a sentence behind an address rather than belongs to it."""

_DOMAINS = (
    "com net org edu gov cn io top xyz info biz me cc site online app dev ru link shop live club"
    " vip icu wang fun test tk gg ly tv co ai us uk de jp kr hk tw eu"
)
"""The library's own list takes all countries: `setup.py` would be an address in Paraguay."""

_FILE_ENDING = (
    "py|md|sh|js|ts|rs|go|cc|cs|pl|so|rb|hs|ml|kt|vb|mk|tf|db|gz|bz|xz|ps|in|ac|am|la|pt|th"
)
_MAYBE_HOST = re.compile(rf"[\w-]+(?:\.[\w-]+)*\.(?!(?:{_FILE_ENDING})$)[a-z]{{2}}", re.ASCII)
_SIGN = rf"[^\s<>\"'`()\[\]{CHINESE}]"
_EXPLICIT = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.-]{{0,30}}://|(?<![A-Za-z0-9_.-])(?i:www)\.)"
    rf"(?:{_SIGN}|\({_SIGN}*\))+"
)
"""Any scheme, whatever follows: the library knows those of the web, and only sound hosts."""

_CHINESE = re.compile(f"[{CHINESE}]")


class Link(NamedTuple):
    """A stretch of a text that is an address."""

    start: int
    end: int
    address: str


def links(text: str) -> list[Link]:
    """The addresses in a text, bare host names and mail addresses among them. Chinese characters
    may stand directly beside one, and are no part of it."""
    explicit = [_link(text, *found.span()) for found in _EXPLICIT.finditer(text)]
    rest = _CHINESE.sub(" ", _masked(text, explicit, " "))
    if not ("." in rest and (found := _linkify().match(rest))):
        return explicit
    return sorted([*explicit, *(_link(text, one.index, one.last_index) for one in found)])


def masked(text: str, sign: str) -> str:
    """The text with each character of its addresses replaced by a sign."""
    return _masked(text, links(text), sign)


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
def _linkify() -> LinkifyIt:
    return LinkifyIt(options={"fuzzy_ip": False}).tlds(_DOMAINS.split())
