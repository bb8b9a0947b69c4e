"""Where in a file the lines of its text come from, and the anchors of its headings."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from knowledge.types import Outline

_UNSAID = re.compile(r"[^\w\- ]")
_MARKS = re.compile(r"[`*]|\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class LineMap:
    """`runs` are (line of the text, number in the file, what each further line adds: 0 or 1), in
    order; `anchors` are (line of the text, anchor of the heading there). Lines of the text count
    from 0, numbers in the file from 1: lines, or the cells, rows or pages of what has no lines."""

    runs: tuple[tuple[int, int, int], ...] = ((0, 1, 1),)
    anchors: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, numbers: Sequence[int], outline: Outline, named: Mapping[int, str]) -> "LineMap":
        """From the number of each line; `named` are anchors that the file itself gives, by their
        number."""
        found: list[tuple[int, str]] = []
        seen: dict[str, int] = {}
        for heading in outline.headings:
            anchor = named.get(numbers[heading.line]) or slug(heading.text)
            count = seen[anchor] = seen.get(anchor, -1) + 1
            found.append((heading.line, f"{anchor}-{count}" if count else anchor))
        return cls(tuple(_runs(numbers)), tuple(found))

    @classmethod
    def load(cls, text: str) -> "LineMap":
        """From what `dump` wrote."""
        if not text:
            return cls()
        found = json.loads(text)
        return cls(tuple(map(tuple, found["runs"])), tuple(map(tuple, found["anchors"])))

    def dump(self) -> str:
        """As JSON."""
        return json.dumps({"runs": self.runs, "anchors": self.anchors}, ensure_ascii=False)

    def places(self, first: int, count: int) -> tuple[tuple[int, str], ...]:
        """(number in the file, anchor of the section) of `count` lines of the text."""
        starts = [at for at, _, _ in self.runs]
        titles = [at for at, _ in self.anchors]
        found = []
        for line in range(first, first + count):
            at, number, step = self.runs[bisect_right(starts, line) - 1]
            title = bisect_right(titles, line)
            anchor = self.anchors[title - 1][1] if title else ""
            found.append((number + step * (line - at), anchor))
        return tuple(found)


def slug(title: str) -> str:
    """The anchor that most builders and hosts of Markdown give a heading."""
    plain = _UNSAID.sub("", _MARKS.sub(r"\1", title).lower())
    return plain.strip().replace(" ", "-")


def _runs(numbers: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    """Runs of lines whose numbers all grow by one or all stay the same."""
    if not numbers:
        return
    start, step = 0, -1
    for line, (before, number) in enumerate(pairwise(numbers), 1):
        grown = number - before
        if step < 0 and grown in (0, 1):
            step = grown
        elif grown != step:
            yield start, numbers[start], max(step, 0)
            start, step = line, -1
    yield start, numbers[start], max(step, 0)
