"""Where headings, code blocks and tables stand in a document, by markdown-it-py for Markdown."""

import re
from collections.abc import Sequence
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.types import Heading, Outline

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


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
            title = _ESCAPED.sub(r"\1", " ".join(following.content.split()))
            headings.append(Heading(token.map[0], int(token.tag[1]), title))
        elif token.type in ("fence", "code_block", "table_open"):
            solid.append((token.map[0], token.map[1]))
    if tokens and tokens[-1].type in ("fence", "code_block") and tokens[-1].map:
        solid.append((tokens[-1].map[0], tokens[-1].map[1]))
    return Outline(tuple(headings), tuple(sorted(solid)))
