"""Cutting a file of code into pieces along its structure, in whole lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.code.outline import PATH, Definition, heading_at, outline_of
from knowledge.code.types import MAX_LINES

JOINED_LINES = 30
"""Neighbours that are no definitions of their own are joined up to this length."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of a file; `line` is the first one, 1-based."""

    line: int
    heading: str
    text: str


def chunks_of(lines: Sequence[str], language: str) -> list[Chunk]:
    """A file in pieces of at most MAX_LINES lines: functions and classes whole where they fit."""
    outline = outline_of(lines, language)
    chunks: list[Chunk] = []
    for span in _spans(lines, 0, len(lines), outline):
        first, last = _without_blanks(lines, *span)
        if first < last:
            text = "\n".join(lines[first:last])
            chunks.append(Chunk(first + 1, _heading(outline, first, last), text))
    return chunks


def _without_blanks(lines: Sequence[str], first: int, last: int) -> Span:
    while first < last and not lines[first].strip():
        first += 1
    while first < last and not lines[last - 1].strip():
        last -= 1
    return first, last


def _heading(outline: Sequence[Definition], first: int, last: int) -> str:
    """What the span is the whole of, or what all of it stands in."""
    whole = [d for d in outline if d.first == first and d.last >= last]
    if whole:
        return PATH.join(whole[0].path)
    around = [d for d in outline if d.first <= first and last <= d.last]
    if around:
        return PATH.join(around[-1].path)
    return heading_at(outline, first)


def _spans(
    lines: Sequence[str], first: int, last: int, outline: Sequence[Definition]
) -> Iterator[Span]:
    """The pieces of lines `first` to `last`: its outermost definitions, and what is between."""
    at = first
    for inner in _outermost(outline, first, last):
        yield from _cut(lines, at, inner.first)
        begin = max(at, inner.first)
        if inner.last - begin <= MAX_LINES:
            yield begin, inner.last
        else:
            yield from _spans(lines, begin, inner.last, _within(outline, inner))
        at = max(at, inner.last)
    yield from _cut(lines, at, last)


def _outermost(outline: Sequence[Definition], first: int, last: int) -> Iterator[Definition]:
    """Definitions that stand in no other; runs of tiny ones are left to be joined."""
    end = first
    for definition in outline:
        if definition.first >= end and definition.last <= last:
            end = definition.last
            if definition.last - definition.first > 1:
                yield definition


def _within(outline: Sequence[Definition], around: Definition) -> list[Definition]:
    deeper = [d for d in outline if len(d.path) > len(around.path)]
    return [d for d in deeper if around.first <= d.first and d.last <= around.last]


def _cut(lines: Sequence[str], first: int, last: int) -> Iterator[Span]:
    """Lines without definitions in them, cut where a blank or a shallow line allows it."""
    while last - first > MAX_LINES:
        places = range(first + JOINED_LINES, first + MAX_LINES)
        # The latest of the best places: pieces should not be smaller than they need be.
        cut = min(places, key=lambda number: (_depth(lines, number), -number))
        yield first, cut
        first = cut
    if first < last:
        yield first, last


def _depth(lines: Sequence[str], number: int) -> int:
    """How bad it would be to begin a piece at a line."""
    if not lines[number].strip():
        return 99
    blank_before = not lines[number - 1].strip()
    return len(lines[number]) - len(lines[number].lstrip()) - (2 if blank_before else 0)
