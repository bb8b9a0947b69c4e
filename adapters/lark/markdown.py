"""Markdown as Lark's cards want it.

Cards take CommonMark and tags of their own: `<at id=all></at>` rings a whole group, `<a>` and
`<link>` hide an address. What we post was written by documents and models, so no tag of theirs
may come through; code must look as it was written all the same.
"""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.markup import FENCE

MAX_TABLES = 4
"""In one Markdown element; further ones become lines of text, else the card is refused."""

_READER = MarkdownIt("commonmark", {"html": False}).enable("table")
_TAGS = (
    "at|a|link|person|font|text_tag|number_tag|local_datetime|raw|audio|img|button|card|record|hr"
)
_ANY_TAG = re.compile(rf"<(?=/?(?:{_TAGS})\b)", re.IGNORECASE)
_RINGING_TAG = re.compile(r"<(?=/?at\b)", re.IGNORECASE)
_BROKEN = "<\u200b"
"""A space without width behind the bracket: looks the same and is no tag."""

_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_ADDRESS = re.compile(r"<(https?://[^\s<>]+)>")
_LESS_THAN = re.compile(r"<(?!br ?/?>)")
"""A line break does no harm, and tables need it."""
_ENTITY = re.compile(r"&(?=#?\w{1,31};)")
_CELL_BORDER = re.compile(r"(?<!\\)\|")


def card_markdown(markdown: str) -> str:
    """The same text without foreign tags, with at most MAX_TABLES tables; code blocks begin at
    the line's beginning, where Lark wants them."""
    lines = markdown.splitlines()
    shown: list[str] = []
    at = 0
    for start, end, block in _blocks(_READER.parse(markdown), lines):
        if start < at:  # inside a block that was dealt with
            continue
        shown += map(_plain, lines[at:start])
        shown += block
        at = end
    return "\n".join([*shown, *map(_plain, lines[at:])])


def _blocks(tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[tuple[int, int, list[str]]]:
    """The places (from line, to line) of code, and of tables too many, with what stands there."""
    tables = 0
    for token in tokens:
        if token.map is None:
            continue
        start, end = token.map
        if token.type in ("fence", "code_block"):
            yield start, end, _code(token)
        elif token.type == "table_open":
            tables += 1
            if tables > MAX_TABLES:
                yield start, end, _rows(lines[start:end])


def _code(token: Token) -> list[str]:
    longest = max((len(run) for run in re.findall(r"`+", token.content)), default=0)
    fence = "`" * max(len(FENCE), longest + 1)
    language = re.match(r"[\w+#.-]*", token.info)
    content = _RINGING_TAG.sub(_BROKEN, token.content).rstrip("\n")
    return [f"{fence}{language[0] if language else ''}", *content.split("\n"), fence]


def _rows(lines: Sequence[str]) -> list[str]:
    rows = [line for index, line in enumerate(lines) if index != 1]
    cells = [[cell.strip() for cell in _CELL_BORDER.split(row.strip().strip("|"))] for row in rows]
    return [_plain(f"- {' · '.join(row)}") for row in cells]


def _plain(line: str) -> str:
    """A line outside code blocks; what stands in `code` within it is kept apart."""
    pieces: list[str] = []
    at = 0
    for span in _SPAN.finditer(line):
        pieces += [_escaped(line[at : span.start()]), _ANY_TAG.sub(_BROKEN, span.group())]
        at = span.end()
    return "".join([*pieces, _escaped(line[at:])])


def _escaped(text: str) -> str:
    # Entities and backslashes could put together an address that nobody saw when it was checked.
    text = _ENTITY.sub("&#38;", text)
    text = re.sub(r"\\(?=[:/.@])", "&#92;", text)
    text = _IMAGE.sub(r"\1", text).replace("![", "&#33;[")
    return _LESS_THAN.sub("&#60;", _ADDRESS.sub(r"\1", text))
