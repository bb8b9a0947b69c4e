"""Cutting a document into pieces along its structure.

The cuts come from semantic-text-splitter; the outline says where headings, code blocks and tables
stand, so that each piece knows the headings above it and no code block or table is torn while it
fits into a passage.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from knowledge.ingest.long_documents import stretches
from knowledge.ingest.outline import blocks, markdown_outline
from knowledge.types import PATH as PATH
from knowledge.types import HeadingPaths as HeadingPaths
from knowledge.types import Outline as Outline
from knowledge.types import Piece

TextKind: TypeAlias = Literal["markdown", "text"]
Span: TypeAlias = tuple[int, int]

MIN_LETTERS = 8
"""A piece with fewer words or Chinese characters says nothing that could be asked for:
separators, badges and one-word cells are near to every short message and blind the gate."""

MIN_BODY = 3
"""A shorter piece is kept for this many words or numbers below its headings: "The port is 7311."
is an answer, "Coming soon." is none."""

_SYLLABLES = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # Chinese, Japanese, Korean
_INFORMATIVE = re.compile(rf"[{_SYLLABLES}]|[^\W\d_{_SYLLABLES}]{{2,}}")
_SAID = re.compile(rf"{_INFORMATIVE.pattern}|\d+")


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
    line ends. Pieces `by_section` end at the next heading, however short they are. What has too
    few words to be found by itself goes to its neighbour, and `by_section` is left out.
    """
    pieces = parts(text, kind, outline, chars, solid_chars, by_section=by_section)
    lines = _LineIndex(text)
    titles = [lines.span(heading.line, heading.line + 1) for heading in outline.headings]

    def is_telling(piece: Piece) -> bool:
        if len(_INFORMATIVE.findall(piece.text)) >= MIN_LETTERS:
            return True
        return _below(text, (piece.start, piece.end), titles) >= MIN_BODY

    telling = [is_telling(piece) for piece in pieces]
    if by_section or not any(telling):
        return [piece for piece, is_kept in zip(pieces, telling, strict=True) if is_kept]
    return _with_neighbours(text, pieces, telling)


def _with_neighbours(text: str, pieces: Sequence[Piece], telling: Sequence[bool]) -> list[Piece]:
    """Every piece that tells nothing alone, joined to the one before it where that is of the same
    section or nothing follows, else to the one behind it."""
    joined: list[Piece] = []
    waiting: Piece | None = None
    for piece, is_alone in zip(pieces, telling, strict=True):
        if is_alone:
            joined.append(_joined(text, waiting or piece, piece, piece.heading))
            waiting = None
        elif joined and waiting is None and joined[-1].heading == piece.heading:
            joined[-1] = _joined(text, joined[-1], piece, piece.heading)
        else:
            waiting = waiting or piece
    if waiting:
        joined[-1] = _joined(text, joined[-1], pieces[-1], joined[-1].heading)
    return joined


def _joined(text: str, first: Piece, last: Piece, heading: str) -> Piece:
    return Piece(
        start=first.start,
        end=last.end,
        line=first.line,
        heading=heading,
        text=text[first.start : last.end],
    )


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
    titles = [lines.span(heading.line, heading.line + 1) for heading in outline.headings]
    solid = [lines.span(first, last) for first, last in outline.solid]
    cuts = _cuts(text, kind, chars, titles, solid, outline)
    if by_section:
        cuts = _at_headings(text, cuts, titles, solid_chars)
    spans = _mend(text, cuts, solid, solid_chars)
    return _pieces(text, spans, outline, titles, lines)


def outline_of(text: str, kind: TextKind) -> Outline:
    """Headings and unbreakable blocks of a document."""
    if kind == "markdown":
        return markdown_outline(blocks(text))
    return Outline()


class _LineIndex:
    """Character offsets to 0-based lines and back."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._length = len(text)

    def at(self, offset: int) -> int:
        return bisect_right(self._starts, offset) - 1

    def span(self, first: int, last: int) -> Span:
        end = self._starts[last] if last < len(self._starts) else self._length
        return self._starts[first], end


def _pieces(
    text: str,
    spans: Sequence[Span],
    outline: Outline,
    titles: Sequence[Span],
    lines: _LineIndex,
) -> list[Piece]:
    """A piece that begins with headings, such as a page's title and its first section's, stands
    below the last of them."""
    paths = HeadingPaths(outline)
    found: list[Piece] = []
    for start, end in spans:
        line = within = lines.at(start)
        read = start
        for number in range(bisect_left(titles, (lines.span(line, line)[0],)), len(titles)):
            first, last = titles[number]
            if last > end or text[read:first].strip():
                break
            within, read = outline.headings[number].line, last
        found.append(Piece(start, end, line + 1, paths.at(within), text[start:end]))
    return found


def _cuts(
    text: str,
    kind: TextKind,
    chars: tuple[int, int],
    titles: Sequence[Span],
    solid: Sequence[Span],
    outline: Outline,
) -> list[Span]:
    plain = TextSplitter(chars)
    marked = MarkdownSplitter(chars) if kind == "markdown" else plain
    levels = [heading.level for heading in outline.headings]
    cuts: list[Span] = []
    for first, last, inside in stretches(text, titles, levels, solid):
        splitter = plain if inside else marked
        for start, piece in splitter.chunk_indices(text[first:last]):
            begin = _line_start(text, first + start) if splitter is plain else first + start
            cuts.append((begin, first + start + len(piece)))
    return cuts


def _line_start(text: str, offset: int) -> int:
    """TextSplitter trims blanks, but a line of code needs those it begins with."""
    start = offset
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    return start if start == 0 or text[start - 1] == "\n" else offset


def _at_headings(text: str, cuts: Sequence[Span], titles: Sequence[Span], most: int) -> list[Span]:
    """Cuts before every heading (offsets of their lines) whose section has words of its own; a
    heading without any goes to the next section, up to `most` characters.

    A question among many on a page would otherwise be embedded together with its neighbours,
    and be near to none of them.
    """
    starts = [start for start, _ in titles]
    sections: list[Span] = []
    for start, end in cuts:
        inner = starts[bisect_right(starts, start) : bisect_right(starts, end - 1)]
        for first, last in pairwise([start, *inner, end]):
            before = sections[-1] if sections else (first, first)
            if sections and last - before[0] <= most and not _has_body(text, before, titles):
                sections[-1] = (before[0], last)
            else:
                sections.append((first, last))
    return sections


def _has_body(text: str, part: Span, titles: Sequence[Span]) -> bool:
    """Are there words between these offsets besides the headings?"""
    return _below(text, part, titles, _INFORMATIVE) > 0


def _below(text: str, part: Span, titles: Sequence[Span], words: re.Pattern[str] = _SAID) -> int:
    """The number of words between these offsets besides the headings."""
    inside = titles[bisect_left(titles, (part[0],)) : bisect_left(titles, (part[1],))]
    in_titles = sum(len(words.findall(text, *title)) for title in inside)
    return len(words.findall(text, *part)) - in_titles


def _mend(text: str, cuts: Sequence[Span], solid: Sequence[Span], most: int) -> list[Span]:
    """Joins neighbouring cuts where a code block or table was torn between them; where that is
    too long, cuts before and behind the block instead."""
    whole: list[Span] = []
    firsts = [first for first, _ in solid]
    for start, end in cuts:
        number = bisect_right(firsts, start - 1) - 1
        block = solid[number] if number >= 0 else (0, 0)
        if not (whole and block[0] < start < block[1] and whole[-1][1] > block[0]):
            whole.append((start, end))
        elif end - whole[-1][0] <= most:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        elif block[1] - block[0] <= most:
            before = whole.pop()[0]
            within = before if block[1] - before <= most else block[0]
            whole += _trimmed(text, (before, within), (within, block[1]), (block[1], end))
        else:
            whole.append((start, end))
    return whole


def _trimmed(text: str, *spans: Span) -> list[Span]:
    """Spans without the blank lines at their ends; none for a blank one."""
    found = []
    for start, end in spans:
        kept = text[start:end].rstrip()
        if kept:
            lead = kept[: len(kept) - len(kept.lstrip())]
            found.append((start + lead.rfind("\n") + 1, start + len(kept)))
    return found
