"""A document on its way to Markdown: lines that know where in the file they come from."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_FRAMES = frozenset(["code-group", "tabs", "tab-set", "grid", "div", "card", "cards", "steps",
                     "v-pre", "raw", "block", "center", "columns", "column", "aside", "container",
                     "hero", "grid-item", "row", "col"])  # fmt: skip
"""Containers that only arrange what is in them; their name says nothing."""

NAMES = {
    "note": "Note", "tip": "Tip", "info": "Info", "warning": "Warning", "danger": "Danger",
    "caution": "Caution", "important": "Important", "hint": "Hint", "attention": "Attention",
    "error": "Error", "seealso": "See also", "todo": "To do", "example": "Example",
    "question": "Question", "success": "Success", "failure": "Failure", "bug": "Bug",
    "abstract": "Abstract", "quote": "Quote", "summary": "Summary", "secondary": "Note",
    "details": "Details", "versionadded": "New in version", "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version", "versionremoved": "Removed in version",
}  # fmt: skip

_TITLE = re.compile(r"\s*[\[{]?(?P<title>.*?)[\]}]?\s*(?:\{[^{}]*\})?\s*$")


class Line(NamedTuple):
    """A line without its end; `number` is the 1-based line of the file that it stands for."""

    text: str
    number: int


def numbered(text: str) -> list[Line]:
    """The lines of a file."""
    return [Line(line, number) for number, line in enumerate(text.split("\n"), 1)]


def indent(text: str) -> int:
    """Columns before the first letter of a line."""
    expanded = text.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def dedented(lines: Sequence[Line]) -> list[Line]:
    """Lines without the indentation that all of them share."""
    shared = min((indent(line.text) for line in lines if line.text.strip()), default=0)
    return [Line(line.text.expandtabs(4)[shared:], line.number) for line in lines]


def indented(lines: Iterable[Line], by: int) -> list[Line]:
    """Lines moved to the right; blank ones stay blank."""
    return [Line(" " * by + text if text.strip() else "", number) for text, number in lines]


def block_end(lines: Sequence[Line], at: int, outer: int) -> int:
    """Where the block ends that begins at a line and is indented by more than `outer` columns;
    blank lines behind it are not part of it."""
    end = at
    for number in range(at, len(lines)):
        if lines[number].text.strip():
            if indent(lines[number].text) <= outer:
                break
            end = number + 1
    return end


def label(kind: str, title: str, number: int, before: str = "") -> list[Line]:
    """The bold line above a block that has a title, or a kind that says something."""
    found = _TITLE.match(title)
    said = (found["title"] if found else title).strip().strip("*")
    if said.startswith((".", "#")):
        said = ""
    if kind in _FRAMES and not said:
        return []
    named = kind.lower().rpartition(":")[2]
    if named.startswith("version") or named == "deprecated":
        said = f"{NAMES.get(named, named)} {said}".strip()
    said = said or NAMES.get(named, "" if "-" in named else named.capitalize())
    if not said:
        return []
    blank = before.rstrip() if ">" in before else ""
    return [Line(f"{before}**{said}**", number), Line(blank, number)]
