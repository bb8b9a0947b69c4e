"""What is posted must not do anything: no mention, image or link that we did not produce."""

import re
from collections.abc import Callable

from common.language import HAN
from common.links import OWN_MACHINE, host_of, replaced
from common.markdown import FENCE, outside_code, parts, split_code

_ADDRESS = r"\([^)\s]{0,2000}(?:\s[^)\n]{0,500})?\)"
_IMAGE = re.compile(rf"!\[([^\[\]]{{0,500}})\]{_ADDRESS}")
_LINK = re.compile(rf"\[([^\[\]]{{1,500}})\]{_ADDRESS}")
_LINK_LEFT = re.compile(r"\](?=\(\s*<?(?:[a-z][a-z0-9+.-]*:|//|www\.))", re.IGNORECASE)
_AT_TAG = re.compile(r"<(/?)(at\b|font\b|button\b|a\b|@)", re.IGNORECASE)
_AT = re.compile(r"(?<![A-Za-z0-9_])[@＠﹫](?=\w)")
"""Chinese has no space before a mention. In `user@host` it is none."""

_AT_IN_CODE = re.compile(
    rf"(?<![A-Za-z0-9_])[@＠﹫](?=(?:all|everyone|here|channel)(?![\w.-])|[{HAN}])", re.IGNORECASE
)
_TAG_IN_CODE = re.compile(r"<(?=/?at[\s>]|@)", re.IGNORECASE)
"""What mentions even where a client doesn't take it for code; decorators and `x@main` stay."""


def harmless(text: str) -> str:
    """Text without hidden link targets, images, platform tags and mentions of people or of all.

    Code can be copied as it is: it is shown, not interpreted. What is code only for some readers,
    such as an open block or the line of a fence, counts as text.
    """
    return "".join(
        _block(part) if is_code and _has_two_fences(part) else _prose(part)
        for part, is_code in parts(text)
    )


def without_foreign_links(text: str, hosts: frozenset[str], instead: str) -> str:
    """Addresses outside code stay only where they lead to one of our hosts or to the reader's own
    machine; the bare name of another host is set as code. Within code addresses are shown, not
    linked."""

    def judged(address: str) -> str:
        host = host_of(address)
        if host in hosts | OWN_MACHINE:
            return address
        return f"`{address}`" if address == host else instead

    return _outside_code(text, judged)


def unlinked(text: str, hosts: frozenset[str]) -> str:
    """A quote whose addresses can be read and copied, but lead nowhere by a click, unless to one of
    these hosts or to the reader's own machine."""

    def judged(address: str) -> str:
        return address if host_of(address) in hosts | OWN_MACHINE else f"`{address}`"

    return _outside_code(text, judged)


def _outside_code(text: str, judged: Callable[[str], str]) -> str:
    def changed(prose: str) -> str:
        shown = replaced(prose, judged)
        if shown == prose:
            return prose
        # Code beside code would run together with it.
        before = " " if shown.startswith("`") else ""
        return f"{before}{shown} " if shown.endswith("`") else before + shown

    return outside_code(text, changed)


def _has_two_fences(block: str) -> bool:
    """Does the block begin and end as everybody's code does, with no line between that some take
    for its end?"""
    lines = block.rstrip().split("\n")
    fences = [number for number, line in enumerate(lines) if line.lstrip().startswith(FENCE)]
    return fences == [0, len(lines) - 1] != [0, 0]


def _block(text: str) -> str:
    fence, _, code = text.partition("\n")
    return f"{_plain(fence)}\n{_code(code)}"


def _prose(text: str) -> str:
    pieces = enumerate(split_code(text))
    return "".join(_code(piece) if index % 2 else _plain(piece) for index, piece in pieces)


def _code(text: str) -> str:
    return _AT_IN_CODE.sub("@\u200b", _TAG_IN_CODE.sub("‹", text))


def _plain(text: str) -> str:
    text = _IMAGE.sub(r"\1", text)
    text = _LINK_LEFT.sub("] ", _LINK.sub(r"\1", text))
    text = _AT_TAG.sub(r"‹\1\2", text)
    return _AT.sub("@\u200b", text)
