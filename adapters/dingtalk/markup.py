"""Answers in DingTalk's Markdown, which knows less than others. Pure.

A single line break is lost unless two spaces stand before it, there are no tables, and code
blocks are not promised: what stands in code must be harmless where a client shows it as text.
"""

import json
import re
from collections.abc import Iterator

from adapters.base import Reply
from adapters.markup import FENCE, cut, sources, sources_heading

MAX_BYTES = 15_000
"""Of a message's whole body in UTF-8."""

ENVELOPE_BYTES = 500
"""What stands in the body besides title and text."""

TITLE_CHARS = 50
BREAK = "\u200b"
"""A space without width: it takes the meaning from what it parts."""

_LINK = re.compile(r"!?\[([^\[\]]*)\]\(<?([^\s()<>]+)>?(?:\s+\"[^\"()]*\")?\)")
_DEFINITION = re.compile(r"^(\s*\[[^\]]*\]):")
_ADDRESS = re.compile(r"<(https?://[^\s<>]+)>")
_SCHEME = re.compile(r"(dtmd|dingtalk)(?=:)", re.IGNORECASE)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_MENTION = re.compile(r"(?<![A-Za-z0-9_.])@(?=\S)")
_ROW = re.compile(r"\s*\|(.*)\|\s*")
_RULE = re.compile(r"\s*\|[\s:|-]*-[\s:|-]*\|\s*")
_MARKS = re.compile(r"[\s#>*_`~|\[\]]+")


def message(reply: Reply, asker: str = "") -> dict[str, str]:
    """Title and text of a reply, in few enough bytes; `asker` is the staff id to mention."""
    room = MAX_BYTES
    while True:
        text = with_sources(reply, room)
        body = {"title": title_of(reply.text), "text": f"@{asker}\n\n{text}" if asker else text}
        # Written as JSON a text grows: line breaks, quotes and backslashes are two bytes there.
        size = len(json.dumps(body, ensure_ascii=False).encode())
        if size <= MAX_BYTES - ENVELOPE_BYTES or room < ENVELOPE_BYTES:
            return body
        room = room * 9 // 10


def with_sources(reply: Reply, max_bytes: int = MAX_BYTES) -> str:
    """A reply's text; where it has to be cut, the sources stay."""
    listed = sources(reply)
    below = joined([f"{sources_heading(reply)}:", *listed]) if listed else ""
    below = cut(f"\n\n{below}", max_bytes // 2, "…") if below else ""
    more = "（太长，其余见来源）" if reply.chinese else "(too long: the rest is in the sources)"
    return cut(dingtalk(reply.text), max_bytes - len(below.encode()), more) + below


def dingtalk(text: str) -> str:
    """Markdown that a document or a model wrote, so that DingTalk shows it line by line, rings
    nobody and hides no address."""
    return joined(_lines(text[:MAX_BYTES].encode(errors="replace").decode().split("\n")))


def title_of(text: str) -> str:
    """What the list of chats shows."""
    first = next((line for line in text.splitlines() if _MARKS.sub("", line)), "…")
    plain = _MARKS.sub(" ", first).encode(errors="replace").decode().strip()
    return plain if len(plain) <= TITLE_CHARS else f"{plain[:TITLE_CHARS]}…"


def joined(lines: Iterator[str] | list[str]) -> str:
    """Lines that stay lines. Two spaces behind a backslash would break a shell's long command."""
    kept = [line.rstrip() for line in lines]
    return "\n".join(
        line if not line or line.endswith("\\") else f"{line}  " for line in kept
    ).rstrip()


def _lines(lines: list[str]) -> Iterator[str]:
    code, header = False, list[str]()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.lstrip().startswith(FENCE):
            code = not code
            yield _addresses_shown(line)
        elif code:
            yield _addresses_shown(line)
        elif not (row := _ROW.fullmatch(line)):
            header = []
            yield _harmless(line)
        elif _RULE.fullmatch(after):
            header = _cells(row[1])
        elif not _RULE.fullmatch(line):
            yield _harmless(_row_as_line(header, _cells(row[1])))
    if code:
        yield FENCE


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")]


def _row_as_line(header: list[str], cells: list[str]) -> str:
    names = [*header, *[""] * len(cells)]
    told = [f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False)]
    return f"- {'; '.join(told)}"


def _harmless(line: str) -> str:
    """One line outside a code block. Every second piece between backticks is code."""
    pieces = _addresses_shown(line).split("`")
    last = len(pieces) - 1
    for index, piece in enumerate(pieces):
        if index % 2 == 0 or index == last:
            pieces[index] = _MENTION.sub(f"@{BREAK}", _TAG.sub(f"<{BREAK}", piece))
    return "`".join(pieces)


def _addresses_shown(line: str) -> str:
    """Links become text with the address beside it; those that make the client do something,
    such as send a message, are no addresses any more."""
    line = _ADDRESS.sub(r"\1", _LINK.sub(_beside, line))
    line = _DEFINITION.sub(r"\1 :", line.replace("](", "] ("))
    return _SCHEME.sub(rf"\1{BREAK}", line)


def _beside(link: re.Match[str]) -> str:
    label, address = link[1].strip(), link[2]
    return address if label in ("", address) else f"{label} ({address})"
