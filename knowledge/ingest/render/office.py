"""HTML, Word and slides to Markdown, by markitdown, which takes 0.8 s and 155 MB to import; PDF in
the order in which it is read, ruled tables as tables."""

import io
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from knowledge.ingest.render.html_page import main_part
from knowledge.ingest.render.lines import Line
from knowledge.ingest.render.tables import markdown_table

_RULES = 6
"""Fewer lines or boxes than that on a page rule no table; looking for one takes long."""

Box = tuple[float, float, float, float]


def to_markdown(path: Path) -> str:
    """The Markdown of a file; raises whatever its converter raises."""
    suffix = path.suffix.lower()
    if suffix in (".html", ".htm"):
        page = main_part(path.read_bytes())
        return _converted(io.BytesIO(page.encode("utf-8", "replace")), ".html", "utf-8")
    with path.open("rb") as stream:
        return _converted(stream, suffix, None)


def _converted(stream: Any, suffix: str, charset: str | None) -> str:
    from markitdown import StreamInfo

    # Escaped names such as cache\_fraction would be found by nobody, and quoted with the slash.
    plain = {"escape_underscores": False, "escape_asterisks": False, "escape_misc": False}
    info = StreamInfo(extension=suffix, charset=charset)
    return str(_converter().convert_stream(stream, stream_info=info, **plain).text_content)


@cache
def _converter() -> Any:
    from markitdown import MarkItDown

    return MarkItDown(enable_plugins=False)


def pdf_lines(path: Path) -> list[Line]:
    """Lines of Markdown, numbered by their pages. Raises whatever pdfminer and pdfplumber do."""
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LTCurve, LTTextContainer

    made: list[Line] = []
    for number, page in enumerate(extract_pages(path), 1):
        ruled = sum(isinstance(item, LTCurve) for item in page) >= _RULES
        tables = _tables(path, number, page.height) if ruled else []
        texts = (item for item in page if isinstance(item, LTTextContainer))
        for text in _page(texts, tables, number):
            made += [*text, Line("", number)]
    return made


def _page(
    texts: Iterator[Any], tables: list[tuple[Box, list[list[str]]]], number: int
) -> Iterator[list[Line]]:
    """Paragraphs, and each table where its first words would be."""
    for item in texts:
        middle = (item.x0 + item.x1) / 2, (item.y0 + item.y1) / 2
        inside = next((t for t in tables if _holds(t[0], *middle)), None)
        if inside is None:
            lines = [" ".join(line.split()) for line in item.get_text().strip().split("\n")]
            yield [Line(line, number) for line in lines if line]
        elif inside[1]:
            yield markdown_table([(number, row) for row in inside[1]])
            inside[1].clear()


def _tables(path: Path, number: int, height: float) -> list[tuple[Box, list[list[str]]]]:
    """A page's ruled tables, with their place as pdfminer counts it, from the foot."""
    import pdfplumber

    found = []
    with pdfplumber.open(path, pages=[number]) as document:
        for table in document.pages[0].find_tables():
            rows = [[" ".join((cell or "").split()) for cell in row] for row in table.extract()]
            if len(rows) > 1 and max(map(len, rows)) > 1:
                x0, top, x1, bottom = table.bbox
                found.append(((x0, height - bottom, x1, height - top), rows))
    return found


def _holds(box: Sequence[float], x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
