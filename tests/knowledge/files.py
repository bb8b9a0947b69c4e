"""Real files of every format, made here: whole ones, broken ones and hostile ones."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from docx import Document as WordDocument
from openpyxl import Workbook
from pptx import Presentation
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

SENTENCE = "The kettle server listens on port 7311."
CHINESE = "水壶服务默认监听端口。"


def write_pdf(path: Path, text: str = SENTENCE, *, password: str = "") -> None:
    """One page with a line of text; empty text gives a page like a scanned one."""
    lock = StandardEncryption(password) if password else None
    canvas = Canvas(str(path), encrypt=lock)
    if not text.isascii():
        pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
        canvas.setFont("STSong-Light", 12)
    canvas.drawString(72, 720, text)
    canvas.save()


def write_word(path: Path) -> None:
    """A heading, a sentence in each language, a table."""
    document = WordDocument()
    document.add_heading("Ports", 1)
    document.add_paragraph(SENTENCE)
    document.add_paragraph(CHINESE)
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text = "option"
    table.rows[0].cells[1].text = "cache_fraction"
    document.save(str(path))


def write_slides(path: Path) -> None:
    """One slide with a title and a text."""
    slides = Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[1])
    slide.shapes.title.text = "Ports"
    slide.placeholders[1].text = f"{SENTENCE}\n{CHINESE}"
    slides.save(str(path))


def write_sheet(path: Path) -> None:
    """Two cells of text."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["option", "meaning"])
    sheet.append([SENTENCE, CHINESE])
    book.save(path)


def write_notebook(path: Path) -> None:
    """A text cell and a code cell with its output."""
    cells = [
        {"cell_type": "markdown", "source": ["# Ports\n", SENTENCE, "\n", CHINESE]},
        {
            "cell_type": "code",
            "source": "kettle.serve(port=7311)",
            "outputs": [{"output_type": "stream", "text": "what it said"}],
        },
    ]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}))


def write_bomb(path: Path, megabytes: int) -> None:
    """An office file whose one part unpacks to this many megabytes of zeros."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/document.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(megabytes):
            part.write(bytes(1_000_000))


def write_lying_bomb(path: Path) -> None:
    """The same, but its directory says that it unpacks to little."""
    real = io.BytesIO()
    with zipfile.ZipFile(real, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", bytes(300_000_000))
    size = (300_000_000).to_bytes(4, "little")
    path.write_bytes(real.getvalue().replace(size, (1000).to_bytes(4, "little")))


def write_cells(path: Path, *cells: dict[str, Any]) -> None:
    """A notebook of these cells."""
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}))


def write_book(
    path: Path, sheets: dict[str, list[list[Any]]], merged: dict[str, list[str]]
) -> None:
    """A workbook of these sheets, with cells merged."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for area in merged.get(name, ()):
            sheet.merge_cells(area)
    book.save(path)


def write_columns(path: Path, left: list[str], right: list[str]) -> None:
    """A page with two columns of lines."""
    canvas = Canvas(str(path))
    for at, lines in ((72, left), (320, right)):
        for number, line in enumerate(lines):
            canvas.drawString(at, 720 - 14 * number, line)
    canvas.save()
