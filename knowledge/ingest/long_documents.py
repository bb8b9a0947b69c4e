"""Long documents in stretches: semantic-text-splitter looks at all that follows for every piece,
so that its time grows with the square of what it is given at once."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]

STRETCH = 20_000
"""Characters that are cut at once, at most; few pages are longer."""

GIANT = STRETCH // 2
"""A code block or table from this length on is cut by itself, so that a stretch of text can end
before or behind every other one."""

RUN = 400
"""Nobody writes so many letters without a blank or a sign between them. Looking for the words in
such a run takes longest of all."""

_BETWEEN = re.compile(r"[\s!-/:-@\[-`{-~\u2010-\u2027\u3000-\u3011\uff01-\uff0f\uff1a-\uff20]")
_ENDS = ("\n\n", "\n", "。", ". ", "，", " ")
"""Where to cut where there is no heading, best first."""


def stretches(
    text: str, titles: Sequence[Span], levels: Sequence[int], solid: Sequence[Span]
) -> Iterator[tuple[int, int, bool]]:
    """(start, end, is it part of a giant block) of all stretches of a text, in order.

    `titles` are the lines of its headings and `levels` their levels; `solid` are its code blocks
    and tables.
    """
    for first, last, inside in _around_giants(len(text), solid):
        for start, end in _long_enough(
            text, (first, last), titles, levels, [] if inside else solid
        ):
            for part in _runs(text, start, end):
                yield *part, inside


def _around_giants(length: int, solid: Sequence[Span]) -> Iterator[tuple[int, int, bool]]:
    done = 0
    for first, last in solid:
        if last - first > GIANT and first >= done:
            if first > done:
                yield done, first, False
            yield first, last, True
            done = last
    if done < length:
        yield done, length, False


def _long_enough(
    text: str, span: Span, titles: Sequence[Span], levels: Sequence[int], solid: Sequence[Span]
) -> Iterator[Span]:
    start, end = span
    while end - start > STRETCH:
        at = _best_end(text, start + GIANT, start + STRETCH, titles, levels, solid)
        yield start, at
        start = at
    yield start, end


def _best_end(
    text: str,
    low: int,
    high: int,
    titles: Sequence[Span],
    levels: Sequence[int],
    solid: Sequence[Span],
) -> int:
    """Before the highest heading between two offsets, or else behind a paragraph, line, sentence
    or word; never in a code block or table."""
    near = range(bisect_left(titles, (low,)), bisect_right(titles, (high,)))
    if near:
        return titles[max(near, key=lambda number: (-levels[number], number))][0]
    for mark in _ENDS:
        found = text.rfind(mark, low, high)
        if found >= 0:
            return _outside(found + len(mark), solid)
    return _outside(high, solid)


def _outside(at: int, solid: Sequence[Span]) -> int:
    number = bisect_left(solid, (at,)) - 1
    return solid[number][0] if number >= 0 and at < solid[number][1] else at


def _runs(text: str, start: int, end: int) -> Iterator[Span]:
    windows = range(start + RUN, end, RUN)
    cuts = [at for at in windows if not _BETWEEN.search(text, at - RUN, at)]
    yield from pairwise([start, *cuts, end])
