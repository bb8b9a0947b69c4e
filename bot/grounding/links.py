"""Addresses: what counts as one, and which may be posted."""

import re
from urllib.parse import urlsplit

from bot.grounding.markdown import SPAN, parts
from bot.grounding.normalize import CHINESE

OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "0.0.0.0"})  # noqa: S104 - compared, not bound
"""The reader's own machine."""

ENDING = ".,:;!?。，：；！？"
"""What ends a sentence behind an address rather than belongs to it."""

_REST = rf"[^\s<>\"'`()\[\]，。；{CHINESE}]"
_DOMAIN = (
    "com|net|org|edu|gov|cn|io|top|xyz|info|biz|me|cc|site|online|app|dev|ru|link|shop|live|club|vip"
    "|icu|wang|fun|test|tk|gg|ly|tv|co|ai|us|uk|de|jp|kr|hk|tw|eu|xn--[a-z0-9-]+"
)
_FILE_ENDING = (
    "py|md|sh|js|ts|rs|go|cc|cs|pl|so|rb|hs|ml|kt|vb|mk|tf|db|gz|bz|xz|ps|in|ac|am|la|pt|th"
)

ADDRESS = (
    rf"[A-Za-z][A-Za-z0-9+.-]*://{_REST}+"
    rf"|(?<![A-Za-z0-9_.-])www\.{_REST}+"
    r"|(?<![A-Za-z0-9_])[A-Za-z0-9_][A-Za-z0-9_.+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]*[A-Za-z]"
    # Chat platforms make links of bare host names too.
    rf"|(?<![A-Za-z0-9_@.-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+(?i:{_DOMAIN})"
    rf"(?![A-Za-z0-9_-])(?!\.\w)(?:[:/]{_REST}*)?"
)
"""A pattern of addresses, bare host names among them. Letters and digits are spelled out: Chinese
characters may stand directly beside an address, and count as letters for `\\w` and `\\b`."""

_ADDRESS = re.compile(ADDRESS)
_MAYBE_HOST = re.compile(rf"[\w-]+(?:\.[\w-]+)*\.(?!(?:{_FILE_ENDING})$)[a-z]{{2}}", re.ASCII)


def addresses(text: str) -> list[str]:
    """The addresses in a text."""
    return [found.group().rstrip(ENDING) for found in _ADDRESS.finditer(text)]


def may_be_address(text: str) -> bool:
    """Could somebody's platform make a link of it? So can of any name with a country's ending."""
    return bool(_ADDRESS.search(text) or _MAYBE_HOST.fullmatch(text.lower()))


def host_of(address: str) -> str:
    """The host that an address leads to; "" where there is none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def without_foreign_links(text: str, hosts: frozenset[str], instead: str) -> str:
    """Addresses outside code stay only where they lead to one of our hosts or to the reader's own
    machine. Within code they are shown, not linked, and the documents hold them."""

    def judged(match: re.Match[str]) -> str:
        address = match.group()
        ending = address[len(address.rstrip(ENDING)) :]
        return address if host_of(address) in hosts | OWN_MACHINE else instead + ending

    def prose(part: str) -> str:
        pieces = enumerate(SPAN.split(part))
        return "".join(piece if i % 2 else _ADDRESS.sub(judged, piece) for i, piece in pieces)

    return "".join(part if is_code else prose(part) for part, is_code in parts(text))
