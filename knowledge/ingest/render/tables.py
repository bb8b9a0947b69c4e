"""Tables of Markdown, written from rows; what is too long to be shown at once in parts that can
stand alone."""

import re
from collections.abc import Sequence

from markdown_it.token import Token

from knowledge.ingest.render.lines import Line

Row = tuple[int, Sequence[str]]
"""The line of the file where it stands, and its cells."""


def markdown_table(rows: Sequence[Row], heads: int = 1) -> list[Line]:
    """A table; of several rows in its head, all but the last are joined into it."""
    width = max((len(cells) for _, cells in rows), default=0)
    if not width:
        return []
    filled = [(number, [*cells, *[""] * (width - len(cells))]) for number, cells in rows]
    head, body = filled[:heads], filled[heads:]
    names = [
        " ".join(dict.fromkeys(cells[column] for _, cells in head if cells[column]))
        for column in range(width)
    ]
    first = filled[0][0]
    made = [_row(first, names), Line("|" + " --- |" * width, first)]
    return [*made, *(_row(number, cells) for number, cells in body)]


def _row(number: int, cells: Sequence[str]) -> Line:
    plain = (" ".join(cell.split()).replace("\\|", "|").replace("|", "\\|") for cell in cells)
    return Line(f"| {' | '.join(plain)} |", number)


def in_parts(lines: Sequence[Line], tokens: Sequence[Token], most: int) -> list[Line]:
    """The lines with every table and block of code longer than `most` characters in parts that fit:
    each part of a table below its head, so that no row is found or shown without the names of its
    columns, and each part of code in a block of its own. A first row in bold below an empty head is
    the head."""
    made: list[Line] = []
    done = 0
    for token in tokens:
        if token.map is None or token.level or token.type not in ("table_open", "fence"):
            continue
        first, last = token.map
        block = lines[first:last]
        parts = _headed(block) if token.type == "table_open" else block
        if _size(parts) > most:
            parts = _tables(parts, most) if token.type == "table_open" else _fences(parts, most)
        if parts is not block:
            made += [*lines[done:first], *parts]
            done = last
    return [*made, *lines[done:]]


_BOLD = re.compile(r"(\*\*|__)(?=\S)(?:(?!\1).)+\1")


def _headed(block: Sequence[Line]) -> Sequence[Line]:
    """A table with the first row as its head where that is written as one: Markdown has no table
    without a head, so that many leave it empty."""
    if len(block) < 4 or block[0].text.strip(" \t|"):
        return block
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", block[2].text.strip().strip("|"))]
    filled = [cell for cell in cells if cell]
    if not filled or not all(_BOLD.fullmatch(cell) for cell in filled):
        return block
    return [block[2], block[1], *block[3:]]


def _tables(block: Sequence[Line], most: int) -> list[Line]:
    head, rows = block[:2], block[2:]
    cost = _size(head)
    if cost > most // 3:
        return list(block)
    made, used = list(head), cost
    for row in rows:
        if used + len(row.text) >= most and used > cost:
            made += [Line("", row.number), *(Line(line.text, row.number) for line in head)]
            used = cost
        made.append(row)
        used += len(row.text) + 1
    return made


def _fences(block: Sequence[Line], most: int) -> list[Line]:
    """Blocks of code that each begin and end, at blank lines where there are any."""
    opening = block[0].text
    mark = opening[: len(opening) - len(opening.lstrip("` ~"))]
    body = block[1:-1] if block[-1].text.strip() == mark.strip() else block[1:]
    limit = most - 2 * len(opening)
    made, used = [block[0]], 0
    for line in body:
        is_late = used > limit * 2 // 3 and not line.text.strip()
        if used and (used + len(line.text) >= limit or is_late):
            made += [Line(text, line.number) for text in (mark, "", opening)]
            used = 0
            if is_late:
                continue
        made.append(line)
        used += len(line.text) + 1
    return [*made, Line(mark, block[-1].number)]


def _size(lines: Sequence[Line]) -> int:
    return sum(len(line.text) + 1 for line in lines)
