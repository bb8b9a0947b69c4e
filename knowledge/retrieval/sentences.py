"""Taking a passage apart into what can be quoted by itself: whole sentences, list items, and code
blocks and tables with the sentence that leads to them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from knowledge.ingest.split import HeadingPaths, Outline, outline_of, parts
from knowledge.types import Piece

UNIT_CHARS = (40, 200)
"""A unit is about a sentence or two: shorter ones have no meaning of their own."""

_WORD = re.compile(r"\w")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_HEADING = re.compile(r"#{1,6} |(?:=+|-+)$")
_LEADS_ON = re.compile(r"[:：][*_`]*$")
_SENTENCE_END = re.compile(r"(?:[!?;…。！？；]|(?<!\d)\.)[\"'”’»)\]）】*_`]*$")
_ENDS = re.compile(r"\n|[.!?;](?=\s)|[。！？；…]")
_BEGINS_ANEW = re.compile(r"#{1,6} |[-*+•] |\d{1,3}[.)、] |[|>]|```|~~~|<|!\[")
_ENDS_ITSELF = re.compile(r"#{1,6} |[|]|```|~~~")


def units(text: str) -> list[Piece]:
    """Consecutive parts of a passage that are whole; none reaches beyond a heading."""
    found: list[Piece] = []
    for start, end, heading in _sections(text):
        found += [
            replace(piece, start=start + piece.start, end=start + piece.end, heading=heading)
            for piece in _whole(text[start:end])
        ]
    return found


def _sections(text: str) -> Iterator[tuple[int, int, str]]:
    """From each heading to the next, with the headings above; a heading with nothing below it
    opens the section after it."""
    outline = outline_of(text, "markdown")
    paths = HeadingPaths(outline)
    lines = [0, *(match.end() for match in re.finditer("\n", text))]
    titles = {lines[heading.line]: heading.line for heading in outline.headings}
    begun = 0
    for start, end in pairwise(sorted({0, *titles, len(text)})):
        body = text[start:end].partition("\n")[2] if start in titles else text[start:end]
        if _WORD.search(body) or end == len(text):
            yield begun, end, paths.at(titles.get(start, 0))
            begun = end


def _whole(section: str) -> list[Piece]:
    """The parts of a section, joined where one only makes sense with the one before it."""
    outline = outline_of(section, "markdown")
    whole: list[Piece] = []
    for piece in parts(section, "markdown", outline, UNIT_CHARS, len(section), by_section=False):
        if whole and _belongs(section, whole[-1], piece, outline):
            before = whole[-1]
            whole[-1] = replace(before, end=piece.end, text=section[before.start : piece.end])
        else:
            whole.append(piece)
    return whole


def _belongs(section: str, before: Piece, piece: Piece, outline: Outline) -> bool:
    last_line = before.text.rstrip().rpartition("\n")[2]
    if _LEADS_ON.search(last_line) or _HEADING.match(last_line):
        return True
    line = section.count("\n", 0, piece.start)
    if any(first <= line < last for first, last in outline.solid):
        return True
    return not is_whole_at(section, before.end)


def is_whole_at(text: str, end: int) -> bool:
    """Does a sentence, a list item or a block end there?"""
    before, after = text[:end].rstrip(), text[end:].lstrip()
    gap = text[len(before) : len(text) - len(after)]
    if not after or _BLANK_LINE.search(gap) or _SENTENCE_END.search(before[-12:]):
        return True
    last_line = before.rpartition("\n")[2]
    new_line = _BEGINS_ANEW.match(after) or _ENDS_ITSELF.match(last_line)
    return "\n" in gap and new_line is not None


def first_whole(text: str, room: int) -> str:
    """The beginning of a text that fits and ends with a sentence or a line; a code block that
    was cut is closed."""
    if len(text) <= room:
        return text
    ends = [match.end() for match in _ENDS.finditer(text[: room - 8])]
    kept = text[: ends[-1]].rstrip() if ends else text[: room - 8].rsplit(" ", 1)[0]
    return kept + ("\n```" if kept.count("```") % 2 else "") + "\n…"
