"""Figures and rows as the evaluation commands show and write them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.cli.index import say, say_json


def show(figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints one JSON object, or a line per figure."""
    if as_json:
        say_json(figures)
        return
    width = max(16, *(len(name) for name in figures))
    for name, value in figures.items():
        say(f"{name:<{width}} {value}")


def rounded(value: float) -> float:
    """Four digits are enough to read."""
    return round(value, 4) if isinstance(value, float) else value


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes one JSON object per line, in a folder that is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
