"""Taking a passage apart into what can be quoted by itself: sentences, list items, rows of tables,
blocks of code. Line by line, for this is done with every answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from common.markdown import FENCE_LINE
from knowledge.retrieval.blocks import ROW, TITLE, Line, blocks

UNIT_CHARS = (80, 240)
"""A paragraph is taken apart into sentences of together at least, one longer than at most as many
characters: shorter ones have no meaning of their own."""

WHOLE_CHARS = 300
"""A table or block of code up to this long stays whole."""

SHORT_CHARS = 30
"""A paragraph shorter than this that is no sentence, such as "Note", is about the next one."""

LOWEST = 7
"""One level below the lowest heading."""

_WORD = re.compile(r"\w")
_NAME = re.compile(r"`[^`\n]+`")
_BOLD = re.compile(r"\*\*[^*\n]+\*\*")
_BREAK = re.compile(r"(?:-{3,}|\*{3,}|_{3,}) *")
_UNDERLINE = re.compile(r"(?:=+|-+)\s*$")
_LEADS_ON = re.compile(r"[:：][*_`]*$")
_LEANS = re.compile(r"\s*(?:```|~~~|\||[a-z，。；、：）)])")
_RULE = re.compile(r"[\s|+:=-]+$")
_ITEM = re.compile(r"\s*(?:[-*+•] |\d{1,3}[.)、] )")
_SENTENCE_END = re.compile(
    r"[!?…][\"'”’»)\]*_`]*\s+|[。！？…]+[\"'”’»)\]）】*_`]*|(?<!\d)\.[\"'”’)*_`]*\s+"
)
_ENDS_SENTENCE = re.compile(r"[.!?;。！？；`|~][\"'”’)*_`]*$")
_ENDS = re.compile(r"\n|[.!?;](?=\s)|[。！？；…]")


@dataclass(frozen=True, slots=True)
class Unit:
    """Characters `start` to `end` of a text, in its `block`th paragraph, list, table or block of
    code, in its `section`th section with the heading `title`, "" before the first heading, below
    the sections `above`. Of a table that was taken apart into rows, of a list that something leads
    to into items, and of a block of code into parts, `head` and `tail` are shown around what is
    shown of it."""

    start: int
    end: int
    block: int = 0
    section: int = 0
    title: str = ""
    above: tuple[int, ...] = ()
    kind: Literal["text", "item", "row", "code"] = "text"
    head: str = ""
    tail: str = ""


def units(text: str) -> list[Unit]:
    """The units of a text, in order; what leads to something, such as a heading or a line with a
    colon at its end, is one with it, and none where nothing follows. A name alone in a paragraph is
    the heading of what is told of it."""
    found: list[Unit] = []
    within = _Section(0, 0, "", ())
    opened = [within]
    number = 0
    listed: Unit | None = None
    for block in blocks(text):
        if len(block) == 1 and (level := _level(block[0].text)):
            opened = [one for one in opened if one.level < level]
            above = tuple(one.number for one in opened if one.number)
            within = _Section(level, within.number + 1, _title(block[0].text), above)
            opened.append(within)
        if _BREAK.fullmatch(block[0].text):
            within, opened = replace(within, title="", above=()), []
            continue
        made = [_placed(unit, number, within) for unit in _taken_apart(text, block)]
        number += 1
        last = found[-1] if found else None
        if listed and _is_listed(block[0].text):
            made = [_listed(unit, listed.head, listed.block) for unit in made]
        elif last and made and last.kind == "text" and _leads_on(text[last.start : last.end]):
            if not (_is_title(text, last) and _is_title(text, made[0])):
                made = _with_lead(text, last, made)
            found.pop()
            listed = made[0] if made[0].kind == "item" else None
        else:
            listed = next((unit for unit in made if unit.kind == "item"), None)
        found += made
    if found and _only_leads(text[found[-1].start : found[-1].end], alone=len(found) == 1):
        found.pop()
    return found


@dataclass(frozen=True, slots=True)
class _Section:
    level: int
    number: int
    title: str
    above: tuple[int, ...]


def _level(line: str) -> int:
    """Of a heading, 1 the highest; of a name that stands alone, or a rule, below which something
    else begins, one that is lower than all; 0 of any other line."""
    if TITLE.match(line):
        return len(line) - len(line.lstrip("#"))
    return LOWEST if _NAME.fullmatch(line) or _BREAK.fullmatch(line) else 0


def _title(line: str) -> str:
    """What the line of a heading says."""
    return line[1:-1] if _NAME.fullmatch(line) else line.lstrip("#").strip()


def _is_title(text: str, unit: Unit) -> bool:
    """Is it nothing but a heading? One above another says nothing that the path does not."""
    said = text[unit.start : unit.end]
    return "\n" not in said and _level(said.rstrip()) > 0


def _leads_on(text: str) -> bool:
    if len(text) < SHORT_CHARS and not _ENDS_SENTENCE.search(text):
        return True
    last = text.rpartition("\n")[2]
    underlined = "\n" in text and _UNDERLINE.match(last)
    return bool(_level(last) or _LEADS_ON.search(last) or _BOLD.fullmatch(last) or underlined)


def goes_on(text: str) -> bool:
    """Does a text begin with what something before it leads to: an item, code, a table, or the rest
    of a sentence?"""
    return _LEANS.match(text) is not None or _ITEM.match(text) is not None


def leans(text: str, unit: Unit) -> bool:
    """Does a unit with this text make little sense without what stands before it: code, a table, or
    the rest of a sentence?"""
    return unit.kind == "code" or _LEANS.match(text) is not None


def _only_leads(text: str, *, alone: bool) -> bool:
    """Does the last unit of a text say no more than what would follow?"""
    last = text.rstrip().rpartition("\n")[2]
    if _level(last) or alone:
        return "\n" not in text and _level(last) > 0
    return len(text) < UNIT_CHARS[0] and bool(_LEADS_ON.search(last) or _BOLD.fullmatch(last))


def _placed(unit: Unit, block: int, within: _Section) -> Unit:
    # As `replace` would, but that takes longer than all else here.
    return Unit(
        start=unit.start,
        end=unit.end,
        block=block,
        section=within.number,
        title=within.title,
        above=within.above,
        kind=unit.kind,
        head=unit.head,
        tail=unit.tail,
    )


def _listed(unit: Unit, head: str, block: int) -> Unit:
    """A unit of a list that `head` leads to."""
    return replace(unit, block=block, kind="item", head=head) if unit.kind == "text" else unit


def _is_listed(line: str) -> bool:
    """Is it the next item of a list, or more of the last one?"""
    return _ITEM.match(line) is not None or line.startswith(("  ", "\t"))


def _with_lead(text: str, lead: Unit, made: Sequence[Unit]) -> list[Unit]:
    """What leads to a block goes with its first unit, or with the head of its rows or items."""
    first = made[0]
    said = text[lead.start : lead.end].rstrip()
    if first.kind == "text" and _LEADS_ON.search(said) and _ITEM.match(text, first.start):
        return [_listed(unit, f"{said}\n", first.block) for unit in made]
    if first.kind == "text":
        return [replace(first, start=lead.start), *made[1:]]
    return [replace(unit, head=f"{said}\n\n{unit.head}".rstrip()) for unit in made]


def _taken_apart(text: str, block: Sequence[Line]) -> list[Unit]:
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
    if ROW.match(block[0].text) and len(block) > 1:
        count = _head(block)
        if end - start <= WHOLE_CHARS or count == len(block):
            return [Unit(start, end)]
        head = "\n".join(line.text for line in block[:count])
        return [Unit(line.start, line.end, kind="row", head=head) for line in block[count:]]
    begins = next((n for n, line in enumerate(block) if _ITEM.match(line.text)), 0)
    if begins and _LEADS_ON.search(block[begins - 1].text) and end - start > WHOLE_CHARS:
        head = text[start : block[begins - 1].end]
        found = [unit for item in _items(block[begins:]) for unit in _sentences(text, item)]
        return [replace(unit, kind="item", head=head) for unit in found]
    return [unit for item in _items(block) for unit in _sentences(text, item)]


def _head(table: Sequence[Line]) -> int:
    """How many rows are the head of a table: an empty one takes the row below with it. A part of
    a table that has none begins with a row."""
    if len(table) < 2 or not _RULE.match(table[1].text):
        return 0
    return 2 if _WORD.search(table[0].text) or len(table) < 3 else 3


def _paragraphs(code: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """Lines of code up to a blank one, or of `UNIT_CHARS` together."""
    begun: Line | None = None
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


def _items(block: Sequence[Line]) -> Iterator[list[Line]]:
    """The items of a list, short ones together."""
    item: list[Line] = []
    for line in block:
        if item and _ITEM.match(line.text) and line.start - item[0].start >= UNIT_CHARS[0]:
            yield item
            item = []
        item.append(line)
    yield item


def _sentences(text: str, lines: Sequence[Line]) -> Iterator[Unit]:
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
