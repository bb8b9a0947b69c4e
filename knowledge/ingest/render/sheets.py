"""Spreadsheets: each block of rows a table, each sheet a section."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from knowledge.ingest.render.lines import Line
from knowledge.ingest.render.tables import markdown_table


def sheet_lines(path: Path) -> list[Line]:
    """Lines of Markdown, numbered by the rows of their sheet. A formula whose value was never
    computed is shown as it is written; a cell merged over rows is said in each of them."""
    from openpyxl import load_workbook  # a fifth of the reader's start, for few of its files

    written = load_workbook(path)
    computed = load_workbook(path, data_only=True) if _has_formulas(written) else written
    made: list[Line] = []
    for sheet in written.worksheets:
        rows = _rows(sheet, computed[sheet.title])
        filled = groupby(enumerate(rows, 1), key=lambda row: any(row[1]))
        blocks = [list(block) for has_words, block in filled if has_words]
        if not blocks:
            continue
        made += [Line(f"## {sheet.title}", 1), Line("", 1)]
        for block in blocks:
            made += [*_block(block), Line("", block[-1][0])]
    return made


def _has_formulas(book: Any) -> bool:
    return any(
        cell.data_type == "f" for sheet in book.worksheets for row in sheet.rows for cell in row
    )


def _rows(sheet: Any, values: Any) -> list[list[str]]:
    rows = [
        [
            _shown(value.value if value.value is not None else cell)
            for cell, value in zip(row, own, strict=True)
        ]
        for row, own in zip(sheet.iter_rows(), values.iter_rows(), strict=True)
    ]
    for area in sheet.merged_cells.ranges:
        text = rows[area.min_row - 1][area.min_col - 1]
        for number in range(area.min_row, area.max_row):
            rows[number][area.min_col - 1] = text
    return rows


def _shown(value: Any) -> str:
    if hasattr(value, "data_type"):  # a cell that has no value: empty, or a formula
        value = getattr(value.value, "text", value.value)
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = value.isoformat(" ") if hasattr(value, "hour") else str(value)
    return text.removesuffix(" 00:00:00")


def _block(block: list[tuple[int, list[str]]]) -> Iterator[Line]:
    """Rows as a table; of one row of one cell only the words."""
    used = [column for column in range(len(block[0][1])) if any(row[column] for _, row in block)]
    rows = [(number, [cells[column] for column in used]) for number, cells in block]
    titles = []
    while rows and len(used) > 1 and sum(map(bool, rows[0][1])) == 1 and rows[1:]:
        titles.append(rows.pop(0))  # a title above the table
    for number, cells in titles:
        yield from (Line(f"**{''.join(cells)}**", number), Line("", number))
    if len(rows) == 1 and len(used) == 1:
        yield Line(rows[0][1][0], rows[0][0])
    else:
        yield from markdown_table(rows)
