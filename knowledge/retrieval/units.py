"""Taking a passage apart into what can be quoted by itself: sentences, list items, rows of tables,
blocks of code. Line by line, for this is done with every answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from common.markdown import FENCE_LINE

UNIT_CHARS = (80, 240)
"""A paragraph is taken apart into sentences of together at least, one longer than at most as many
characters: shorter ones have no meaning of their own."""

WHOLE_CHARS = 300
"""A table or block of code up to this long stays whole."""

SHORT_CHARS = 30
"""A paragraph shorter than this that is no sentence, such as "Note", is about the next one."""

TITLE = re.compile(r"#{1,6} ")
_WORD = re.compile(r"\w")
_UNDERLINE = re.compile(r"(?:=+|-+)\s*$")
_LEADS_ON = re.compile(r"[:：][*_`]*$")
_ROW = re.compile(r"\s*[|+]")
_RULE = re.compile(r"[\s|+:=-]+$")
_ITEM = re.compile(r"\s*(?:[-*+•] |\d{1,3}[.)、] )")
_SENTENCE_END = re.compile(
    r"[!?;…][\"'”’»)\]*_`]*\s+|[。！？；…]+[\"'”’»)\]）】*_`]*|(?<!\d)\.[\"'”’)*_`]*\s+"
)
_ENDS_SENTENCE = re.compile(r"[.!?;。！？；`|~][\"'”’)*_`]*$")
_ENDS = re.compile(r"\n|[.!?;](?=\s)|[。！？；…]")


@dataclass(frozen=True, slots=True)
class Unit:
    """Characters `start` to `end` of a text, in its `block`th paragraph, list, table or block of
    code, in its `section`th section with the heading `title`, "" before the first heading. Of a
    table that was taken apart into rows, and of a block of code into parts, `head` and `tail` are
    shown around what is shown of it."""

    start: int
    end: int
    block: int = 0
    section: int = 0
    title: str = ""
    kind: Literal["text", "row", "code"] = "text"
    head: str = ""
    tail: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def units(text: str) -> list[Unit]:
    """The units of a text, in order; what leads to something, such as a heading or a line with a
    colon at its end, is one with it."""
    found: list[Unit] = []
    lines = _lines(text)
    section, title = 0, ""
    for number, block in enumerate(_blocks(lines, within_code=_begins_within_code(lines))):
        if TITLE.match(block[0].text) and len(block) == 1:
            section, title = section + 1, block[0].text.lstrip("#").strip()
        made = [
            replace(unit, block=number, section=section, title=title)
            for unit in _taken_apart(text, block)
        ]
        if found and made and _leads_on(text[found[-1].start : found[-1].end]):
            lead = found.pop()
            if not (_is_title(text, lead) and _is_title(text, made[0])):
                made = _with_lead(text, lead, made)
        found += made
    return found


def _is_title(text: str, unit: Unit) -> bool:
    """Is it nothing but a heading? One above another says nothing that the path does not."""
    said = text[unit.start : unit.end]
    return TITLE.match(said) is not None and "\n" not in said


def _lines(text: str) -> list[_Line]:
    found, at = [], 0
    for line in text.split("\n"):
        found.append(_Line(at, line))
        at += len(line) + 1
    return found


def _begins_within_code(lines: Sequence[_Line]) -> bool:
    """Is the first line one of a block of code that begins above? Fences are odd in number, and
    the first of them names no language."""
    fences = [line.text.strip() for line in lines if FENCE_LINE.match(line.text)]
    return len(fences) % 2 == 1 and fences[0] in ("```", "~~~")


def _blocks(lines: Sequence[_Line], *, within_code: bool) -> Iterator[list[_Line]]:
    """Lines that belong together: up to a blank line or a heading; a table; a block of code."""
    block: list[_Line] = []
    number = 0
    if within_code:
        number = 1 + next(n for n, line in enumerate(lines) if FENCE_LINE.match(line.text))
        yield list(lines[:number])
    while number < len(lines):
        line = lines[number]
        size = _code(lines, number) or _table(lines, number)
        if size or not line.text.strip() or TITLE.match(line.text):
            if block:
                yield block
            block = []
        if size:
            yield list(lines[number : number + size])
        elif TITLE.match(line.text):
            yield [line]
        elif line.text.strip():
            block.append(line)
        number += size or 1
    if block:
        yield block


def _code(lines: Sequence[_Line], first: int) -> int:
    """How many lines of code begin there, with their fences."""
    if not (fence := FENCE_LINE.match(lines[first].text)):
        return 0
    for number in range(first + 1, len(lines)):
        if lines[number].text.strip().startswith(fence[1]):
            return number - first + 1
    return len(lines) - first


def _table(lines: Sequence[_Line], first: int) -> int:
    rows = 0
    while first + rows < len(lines) and _ROW.match(lines[first + rows].text):
        rows += 1
    return rows if rows > 1 else 0


def _leads_on(text: str) -> bool:
    if len(text) < SHORT_CHARS and not _ENDS_SENTENCE.search(text):
        return True
    last = text.rpartition("\n")[2]
    underlined = "\n" in text and _UNDERLINE.match(last)
    return bool(TITLE.match(last) or _LEADS_ON.search(last) or underlined)


def _with_lead(text: str, lead: Unit, made: Sequence[Unit]) -> list[Unit]:
    """What leads to a block goes with its first unit, or with the head of its rows."""
    first = made[0]
    if first.kind == "text":
        return [replace(first, start=lead.start), *made[1:]]
    said = text[lead.start : lead.end].rstrip()
    return [replace(unit, head=f"{said}\n\n{unit.head}".rstrip()) for unit in made]


def _taken_apart(text: str, block: Sequence[_Line]) -> list[Unit]:
    start, end = block[0].start, block[-1].end
    opened, closed = (FENCE_LINE.match(line.text) is not None for line in (block[0], block[-1]))
    if (opened or closed) and len(block) > 1:
        if end - start <= WHOLE_CHARS and opened and closed:
            return [Unit(start, end)]
        head = block[0].text if opened else "```"
        mark = FENCE_LINE.match(head)
        tail = mark[1] if mark else "```"
        inside = block[opened : len(block) - closed]
        return [Unit(a, b, kind="code", head=head, tail=tail) for a, b in _paragraphs(inside)]
    if _ROW.match(block[0].text) and len(block) > 1:
        count = _head(block)
        if end - start <= WHOLE_CHARS or count == len(block):
            return [Unit(start, end)]
        head = "\n".join(line.text for line in block[:count])
        return [Unit(line.start, line.end, kind="row", head=head) for line in block[count:]]
    return [unit for item in _items(block) for unit in _sentences(text, item)]


def _head(table: Sequence[_Line]) -> int:
    """How many rows are the head of a table: an empty one takes the row below with it. A part of
    a table that has none begins with a row."""
    if len(table) < 2 or not _RULE.match(table[1].text):
        return 0
    return 2 if _WORD.search(table[0].text) or len(table) < 3 else 3


def _paragraphs(code: Sequence[_Line]) -> Iterator[tuple[int, int]]:
    """Lines of code up to a blank one, or of `UNIT_CHARS` together."""
    begun: _Line | None = None
    for line, following in zip(code, [*code[1:], None], strict=True):
        if line.text.strip():
            begun = begun or line
        if begun and (
            following is None
            or not following.text.strip()
            or following.end - begun.start > UNIT_CHARS[1]
        ):
            yield begun.start, line.end
            begun = None


def _items(block: Sequence[_Line]) -> Iterator[list[_Line]]:
    """The items of a list, short ones together."""
    item: list[_Line] = []
    for line in block:
        if item and _ITEM.match(line.text) and line.start - item[0].start >= UNIT_CHARS[0]:
            yield item
            item = []
        item.append(line)
    yield item


def _sentences(text: str, lines: Sequence[_Line]) -> Iterator[Unit]:
    start, end = lines[0].start, lines[-1].end
    if end - start > UNIT_CHARS[1]:
        for match in _SENTENCE_END.finditer(text, start, end):
            if match.end() - start >= UNIT_CHARS[0] and end - match.end() >= UNIT_CHARS[0]:
                yield Unit(start, match.end())
                start = match.end()
    yield Unit(start, end)


def first_whole(text: str, room: int) -> str:
    """The beginning of a text that fits and ends with a sentence or a line; a code block that
    was cut is closed."""
    if len(text) <= room:
        return text
    ends = [match.end() for match in _ENDS.finditer(text[: room - 8])]
    kept = text[: ends[-1]].rstrip() if ends else text[: room - 8].rsplit(" ", 1)[0]
    return kept + ("\n```" if kept.count("```") % 2 else "") + "\n…"
