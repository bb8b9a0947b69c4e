"""Cutting a document into pieces along its structure.

The cuts come from semantic-text-splitter; markdown-it-py tells where headings, code blocks and
tables stand, so that each piece knows the headings above it and no code block or table is torn
while it fits into a passage.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from markdown_it import MarkdownIt
from semantic_text_splitter import MarkdownSplitter, TextSplitter

TextKind: TypeAlias = Literal["markdown", "rst", "text"]

MIN_LETTERS = 8
"""A piece with fewer Chinese characters or Latin words says nothing that could be asked for:
separators, badges and one-word cells are near to every short message and blind the gate."""

PATH = " > "
"""Between the headings of a path."""

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_INFORMATIVE = re.compile(r"[\u4e00-\u9fff]|[A-Za-z]{2,}")


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters `start` to `end` of a document; `line` is 1-based; `heading` joined by " > "."""

    start: int
    end: int
    line: int
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading at a 0-based line; `level` 1 is the highest."""

    line: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Outline:
    """Headings in order, and the 0-based line ranges [first, last) that should stay whole."""

    headings: tuple[Heading, ...] = ()
    solid: tuple[tuple[int, int], ...] = ()


def split(
    text: str,
    kind: TextKind,
    outline: Outline,
    chars: tuple[int, int],
    solid_chars: int,
    *,
    by_section: bool = False,
) -> list[Piece]:
    """Cuts a text with this outline into pieces of `chars` (from, to) characters.

    Code blocks and tables stay whole up to `solid_chars` characters, beyond that they are cut at
    line ends. Pieces `by_section` end at the next heading, however short they are. Pieces
    without words are left out.
    """
    pieces = parts(text, kind, outline, chars, solid_chars, by_section=by_section)
    return [piece for piece in pieces if len(_INFORMATIVE.findall(piece.text)) >= MIN_LETTERS]


def parts(
    text: str,
    kind: TextKind,
    outline: Outline,
    chars: tuple[int, int],
    solid_chars: int,
    *,
    by_section: bool,
) -> list[Piece]:
    """What `split` cuts, with the pieces that have no words."""
    lines = _LineIndex(text)
    cuts = _cuts(text, kind, chars)
    if by_section:
        cuts = _at_headings(text, cuts, [lines.span(h.line, h.line + 1) for h in outline.headings])
    spans = _mend(cuts, [lines.span(a, b) for a, b in outline.solid], solid_chars)
    return [_piece(text, start, end, outline, lines) for start, end in spans]


def _piece(text: str, start: int, end: int, outline: Outline, lines: "_LineIndex") -> Piece:
    """A piece that begins with headings, such as a page's title and its first section's, stands
    below the last of them."""
    line = within = lines.at(start)
    read = start
    for heading in outline.headings[bisect_left(outline.headings, line, key=_line_of) :]:
        first, last = lines.span(heading.line, heading.line + 1)
        if last > end or text[read:first].strip():
            break
        within, read = heading.line, last
    return Piece(start, end, line + 1, heading_at(outline, within), text[start:end])


def is_chinese(text: str) -> bool:
    """At least every twentieth character is Chinese."""
    return 20 * len(_CHINESE.findall(text)) > len(text)


def outline_of(text: str, kind: TextKind) -> Outline:
    """Headings and unbreakable blocks of a document."""
    if kind == "markdown":
        return _markdown_outline(text)
    if kind == "rst":
        return _rst_outline(text)
    return Outline()


def heading_at(outline: Outline, line: int) -> str:
    """The headings above a 0-based line, outermost first."""
    path: list[Heading] = []
    for heading in outline.headings:
        if heading.line > line:
            break
        while path and path[-1].level >= heading.level:
            path.pop()
        path.append(heading)
    return PATH.join(heading.text for heading in path)


def _line_of(heading: Heading) -> int:
    return heading.line


class _LineIndex:
    """Character offsets to 0-based lines and back."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._length = len(text)

    def at(self, offset: int) -> int:
        return bisect_right(self._starts, offset) - 1

    def span(self, first: int, last: int) -> tuple[int, int]:
        end = self._starts[last] if last < len(self._starts) else self._length
        return self._starts[first], end


def _cuts(text: str, kind: TextKind, chars: tuple[int, int]) -> list[tuple[int, int]]:
    splitter = MarkdownSplitter(chars) if kind == "markdown" else TextSplitter(chars)
    return [(start, start + len(piece)) for start, piece in splitter.chunk_indices(text)]


def _at_headings(
    text: str, cuts: Iterable[tuple[int, int]], titles: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Cuts before every heading (offsets of their lines) whose section has words of its own.

    A question among many on a page would otherwise be embedded together with its neighbours,
    and be near to none of them.
    """
    starts = [start for start, _ in titles]
    sections: list[tuple[int, int]] = []
    for start, end in cuts:
        inner = starts[bisect_right(starts, start) : bisect_right(starts, end - 1)]
        for first, last in pairwise([start, *inner, end]):
            if sections and not _has_body(text, sections[-1], titles):
                sections[-1] = (sections[-1][0], last)
            else:
                sections.append((first, last))
    return sections


def _has_body(text: str, part: tuple[int, int], titles: Sequence[tuple[int, int]]) -> bool:
    """Are there words between these offsets besides the headings?"""
    inside = titles[bisect_left(titles, (part[0],)) : bisect_left(titles, (part[1],))]
    words = len(_INFORMATIVE.findall(text, *part))
    return words > sum(len(_INFORMATIVE.findall(text, *title)) for title in inside)


def _mend(
    cuts: Iterable[tuple[int, int]], solid: Sequence[tuple[int, int]], most: int
) -> list[tuple[int, int]]:
    """Joins neighbouring cuts where a code block or table was torn between them."""
    whole: list[tuple[int, int]] = []
    firsts = [first for first, _ in solid]
    for start, end in cuts:
        block = bisect_right(firsts, start - 1) - 1
        torn = block >= 0 and solid[block][0] < start < solid[block][1]
        if torn and whole and whole[-1][1] > solid[block][0] and end - whole[-1][0] <= most:
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole


def _markdown_outline(text: str) -> Outline:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline"])
    headings: list[Heading] = []
    solid: list[tuple[int, int]] = []
    tokens = parser.parse(text)
    for token, following in pairwise(tokens):
        if token.map is None:
            continue
        if token.type == "heading_open" and token.level == 0:
            title = " ".join(following.content.split())
            headings.append(Heading(token.map[0], int(token.tag[1]), title))
        elif token.type in ("fence", "code_block", "table_open"):
            solid.append((token.map[0], token.map[1]))
    if tokens and tokens[-1].type in ("fence", "code_block") and tokens[-1].map:
        solid.append((tokens[-1].map[0], tokens[-1].map[1]))
    return Outline(tuple(headings), tuple(sorted(solid)))


_RST_UNDERLINE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*$")


def _rst_outline(text: str) -> Outline:
    """Section titles by their adornments, in the order in which the styles appear.

    docutils itself would want every directive and role of the reader's project to be known, and
    reports lines only loosely; the rule of its specification for titles is this short.
    """
    lines = text.split("\n")
    styles: list[str] = []
    headings: list[Heading] = []
    for number, (title, below) in enumerate(pairwise(lines)):
        mark = _RST_UNDERLINE.match(below)
        stripped = title.strip()
        if not mark or not stripped or _RST_UNDERLINE.match(title):
            continue
        if len(below.rstrip()) < len(stripped) or title.startswith((" ", "\t", "..")):
            continue
        above = lines[number - 1] if number else ""
        style = mark.group(1) + ("^" if above.rstrip() == below.rstrip() else "")
        if style not in styles:
            styles.append(style)
        headings.append(Heading(number, styles.index(style) + 1, stripped))
    return Outline(tuple(headings))
