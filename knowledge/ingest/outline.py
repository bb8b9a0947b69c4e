"""Where headings, code blocks and tables stand in a document, by markdown-it-py for Markdown."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.types import Heading, Outline


def blocks(text: str) -> list[Token]:
    """The block tokens of Markdown, what is within lines left as it is."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline"])
    return parser.parse(text)


def markdown_outline(tokens: Sequence[Token]) -> Outline:
    """Headings, code blocks and tables of Markdown, from its block tokens."""
    headings: list[Heading] = []
    solid: list[tuple[int, int]] = []
    for token, following in pairwise(tokens):
        if token.map is None:
            continue
        if token.type == "heading_open" and token.level == 0:
            title = " ".join(following.content.split())
            headings.append(Heading(token.map[0], int(token.tag[1]), title))
        elif token.type in ("fence", "code_block", "table_open"):
            solid.append((token.map[0], token.map[1]))
    if tokens and tokens[-1].type in ("fence", "code_block") and tokens[-1].map:
        solid.append((tokens[-1].map[0], tokens[-1].map[1]))
    return Outline(tuple(headings), tuple(sorted(solid)))


_UNDERLINE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*$")
_CODE = re.compile(r"\s*\.\. (code-block|code|sourcecode|parsed-literal|math|.*-table|table)::")
_DIRECTIVE = re.compile(r"\s*\.\. ")
_GRID = re.compile(r"\s*\+[-=+]+\+\s*$")
_COLUMNS = re.compile(r"\s*=+( +=+)+\s*$")


def rst_outline(text: str) -> Outline:
    """Section titles by their adornments, in the order in which the styles appear; literal blocks,
    code directives and tables.

    docutils itself would want every directive and role of the reader's project to be known, and
    reports lines only loosely; the rules of its specification for these are this short.
    """
    lines = text.split("\n")
    styles: list[str] = []
    headings: list[Heading] = []
    for number, (title, below) in enumerate(pairwise(lines)):
        mark = _UNDERLINE.match(below)
        stripped = title.strip()
        if not mark or not stripped or _UNDERLINE.match(title):
            continue
        if len(below.rstrip()) < len(stripped) or title.startswith((" ", "\t", "..")):
            continue
        above = lines[number - 1] if number else ""
        style = mark.group(1) + ("^" if above.rstrip() == below.rstrip() else "")
        if style not in styles:
            styles.append(style)
        headings.append(Heading(number, styles.index(style) + 1, stripped))
    return Outline(tuple(headings), tuple(_rst_blocks(lines)))


def _rst_blocks(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Line ranges [first, last) of code and tables, in order."""
    number = 0
    while number < len(lines):
        line = lines[number]
        first, last = number, number + 1
        if _CODE.match(line):
            last = indented_below(lines, number)
        elif line.rstrip().endswith("::") and not _DIRECTIVE.match(line):
            last = indented_below(lines, number)
            first = next((n for n in range(number + 1, last) if lines[n].strip()), number)
        elif _GRID.match(line):
            last = _run(lines, number, ("+", "|"))
        elif _COLUMNS.match(line):
            last = _columns_end(lines, number)
        elif line.lstrip().startswith(">>> "):
            last = next((n for n in range(number, len(lines)) if not lines[n].strip()), len(lines))
        if last > first + 1:
            yield first, last
        number = max(last, number + 1)


def indented_below(lines: Sequence[str], number: int) -> int:
    """Where the block ends that is indented below a line; just below it when there is none."""
    outer, end = _indent(lines[number]), number + 1
    for inner in range(number + 1, len(lines)):
        if lines[inner].strip():
            if _indent(lines[inner]) <= outer:
                break
            end = inner + 1
    return end


def _columns_end(lines: Sequence[str], number: int) -> int:
    """A simple table ends at a line of `=` with an empty line below it."""
    for inner in range(number + 1, len(lines)):
        below = lines[inner + 1] if inner + 1 < len(lines) else ""
        if _COLUMNS.match(lines[inner]) and not below.strip():
            return inner + 1
    return len(lines)


def _run(lines: Sequence[str], number: int, starts: tuple[str, ...]) -> int:
    inside = range(number, len(lines))
    return next((n for n in inside if not lines[n].lstrip().startswith(starts)), len(lines))


def _indent(line: str) -> int:
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())
