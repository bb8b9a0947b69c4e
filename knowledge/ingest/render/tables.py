"""Tables of Markdown: written from rows, and with their head repeated where they are long."""

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


def with_heads(lines: Sequence[Line], tokens: Sequence[Token], most: int) -> list[Line]:
    """The lines with the head of every table longer than `most` characters repeated above each
    part of it that fits, so that no row is found or shown without the names of its columns."""
    made: list[Line] = []
    done = 0
    for token in tokens:
        if token.type != "table_open" or token.map is None or token.level:
            continue
        first, last = token.map
        head = lines[first : first + 2]
        cost = sum(len(line.text) + 1 for line in head)
        rows = lines[first + 2 : last]
        if cost + sum(len(line.text) + 1 for line in rows) <= most or cost > most // 3:
            continue
        made += [*lines[done : first + 2]]
        used = cost
        for row in rows:
            size = len(row.text) + 1
            if used + size > most and used > cost:
                made += [Line("", row.number), *(Line(line.text, row.number) for line in head)]
                used = cost
            made.append(row)
            used += size
        done = last
    return [*made, *lines[done:]]
