"""The lines of a text that belong together. Line by line, for this is done with every answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.markdown import FENCE_LINE

TITLE = re.compile(r"#{1,6} ")
ROW = re.compile(r"\s*[|+]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text, which begins at character `start` of it."""

    start: int
    text: str

    @property
    def end(self) -> int:
        """Behind its last character."""
        return self.start + len(self.text)


def blocks(text: str) -> Iterator[list[Line]]:
    """Lines that belong together: up to a blank line or a heading; a table; a block of code."""
    lines = _lines(text)
    block: list[Line] = []
    number = 0
    if _begins_within_code(lines):
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


def _lines(text: str) -> list[Line]:
    found, at = [], 0
    for line in text.split("\n"):
        found.append(Line(at, line))
        at += len(line) + 1
    return found


def _begins_within_code(lines: Sequence[Line]) -> bool:
    """Is the first line one of a block of code that begins above? Fences are odd in number, and
    the first of them names no language."""
    fences = [line.text.strip() for line in lines if FENCE_LINE.match(line.text)]
    return len(fences) % 2 == 1 and fences[0] in ("```", "~~~")


def _code(lines: Sequence[Line], first: int) -> int:
    """How many lines of code begin there, with their fences."""
    if not (fence := FENCE_LINE.match(lines[first].text)):
        return 0
    for number in range(first + 1, len(lines)):
        if lines[number].text.strip().startswith(fence[1]):
            return number - first + 1
    return len(lines) - first


def _table(lines: Sequence[Line], first: int) -> int:
    rows = 0
    while first + rows < len(lines) and ROW.match(lines[first + rows].text):
        rows += 1
    return rows if rows > 1 else 0
