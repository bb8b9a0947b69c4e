"""Jupyter notebooks: cells of text as they are, code fenced, and what the code put out below it."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from knowledge.ingest.render.lines import Line

MAX_OUTPUT_CHARS = 600
MAX_OUTPUT_LINES = 12
"""Of one output: what is asked for stands at its beginning, the rest is data."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OBJECT = re.compile(r"\[?\(?<[^<>\n]*(?: at 0x[0-9a-fA-F]+|Figure size|Axes)[^<>\n]*>.*")
"""Where an object lies in memory says nothing."""


def notebook_lines(path: Path) -> list[Line]:
    """Lines of Markdown, numbered by their cells, from 1. Raises ValueError or KeyError for what
    is no notebook."""
    book = json.loads(path.read_text(encoding="utf-8"))
    cells = book["cells"] if "worksheets" not in book else _old_cells(book)
    meta = book.get("metadata", {})
    language = meta.get("language_info", {}).get("name") or "python"
    made: list[Line] = []
    for number, cell in enumerate(cells, 1):
        text = "\n\n".join(_parts(cell, language))
        if text.strip():
            made += [Line(line, number) for line in f"{text}\n".split("\n")]
    return made


def _old_cells(book: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [cell for sheet in book["worksheets"] for cell in sheet["cells"]]


def _parts(cell: Mapping[str, Any], language: str) -> Iterator[str]:
    source = _joined(cell.get("source", cell.get("input", ""))).rstrip()
    if cell.get("cell_type") == "heading":
        source = f"{'#' * int(cell.get('level', 1))} {source}"
    if cell.get("cell_type") != "code":
        yield source
        return
    if source:
        yield _fenced(source, language)
    for output in cell.get("outputs", ()):
        yield from _output(output)


def _output(output: Mapping[str, Any]) -> Iterator[str]:
    """What the reader of the notebook sees below a cell, as far as it is text."""
    if output.get("ename"):
        yield _fenced(f"{output['ename']}: {_bounded(str(output.get('evalue', '')))}", "text")
        return
    data = output.get("data", output)
    if written := _joined(data.get("text/markdown", "")):
        yield _bounded(written)
    elif text := _bounded(_joined(data.get("text/plain", data.get("text", "")))):
        yield _fenced(text, "text")


def _joined(text: Any) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def _bounded(text: str) -> str:
    lines = [line for line in _ANSI.sub("", text).split("\n") if not _OBJECT.fullmatch(line)]
    kept = "\n".join(lines[:MAX_OUTPUT_LINES]).strip("\n")
    short = kept[:MAX_OUTPUT_CHARS]
    cut = len(lines) > MAX_OUTPUT_LINES or len(short) < len(kept)
    return f"{short}\n…" if cut and short else short


def _fenced(text: str, language: str) -> str:
    mark = "~~~~" if "```" in text else "```"
    return f"{mark}{language}\n{text}\n{mark}"
