"""Markdown of documents and models, made fit for a platform: it rings nobody, hides no address, and
holds only what the platform can show.

The text is read by markdown-it and changed in place, so that lists, quotes and headings stay as
they were written. What is code is decided by the reader's client in the end: so what a platform
must never see is broken up there too.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby, zip_longest
from operator import itemgetter

from markdown_it import MarkdownIt
from markdown_it.token import Token

from common.markdown import fence_for

BREAK = "\u200b"
"""A space without width: looks the same, and takes the meaning from what it parts."""

MAX_CELLS = 8_000
"""Rows are filled up to the table's width: a wide head above many short rows would take seconds."""

_ADDRESS = re.compile(r"\s*<?(?:[a-zA-Z][a-zA-Z0-9+.-]*:|//|www\.)")
_LEFT = re.compile(rf"\](?=[(:](?:{_ADDRESS.pattern}|\s*[^)\s]*[\\&]))")
"""Of a link or its definition, with an address or what an escape or entity might make one."""
_BACKTICKS = re.compile("`+")
_INDENT = re.compile(r"[\s>]*")
_WEB = ("https://", "http://")

BAR = "\\|"

Piece = tuple[bool, str]
"""Is it code, and its text."""
Change = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A platform's Markdown. `prose`, `span` and `block` make harmless what stands outside code, in
    `code` within a line, and in blocks of code. Tables beyond `tables` become lines. Where `links`
    do not stay, their address is shown. Where code is only taken for code at the line's beginning,
    it is put there."""

    prose: Change
    span: Change
    block: Change
    tables: int
    links: bool = False
    code_at_margin: bool = False


class _Parser(MarkdownIt):
    """CommonMark without HTML, and `more` rules; addresses stay as they were written."""

    def __init__(self, *more: str) -> None:
        super().__init__("commonmark", {"html": False})
        # Escapes are kept apart from text, and definitions of links are text like any other.
        self.enable(list(more)).disable(["reference", "text_join"])

    def normalizeLink(self, url: str) -> str:  # noqa: N802  # the library's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802  # the library's name
        return link

    def validateLink(self, url: str) -> bool:  # noqa: N802  # the library's name
        return bool(url)


_PARSER, _WITHOUT_TABLES = _Parser("table"), _Parser()


def rendered(markdown: str, dialect: Dialect) -> str:
    """The text as the platform may show it; code that was left open is closed."""
    lines = markdown.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    widest = max(line.count("|") for line in lines)
    parser = _PARSER if widest * len(lines) <= MAX_CELLS else _WITHOUT_TABLES
    shown: list[str] = []
    at = 0
    for start, end, block in _blocks(parser.parse("\n".join(lines)), lines, dialect):
        shown += [dialect.prose(line) for line in lines[at:start]]
        shown += block
        at = max(at, end)
    return "\n".join([*shown, *(dialect.prose(line) for line in lines[at:])])


def broken_links(text: str) -> str:
    """No link is left, and no definition of one, whoever reads the text."""
    return _LEFT.sub("] ", text)


def _blocks(
    tokens: Sequence[Token], lines: Sequence[str], dialect: Dialect
) -> Iterator[tuple[int, int, list[str]]]:
    """The places (from line, to line) of code, tables and prose, with what is to stand there."""
    tables = 0
    rows: list[list[str]] = []
    for token in tokens:
        start, end = token.map or (0, 0)
        match token.type:
            case "fence" | "code_block":
                yield start, end, _code(token, lines[start], dialect)
            case "table_open":
                table, rows = (start, end), []
                tables += 1
            case "tr_open":
                rows.append([])
            case "inline" if rows:
                rows[-1].append(_inline(token, dialect))
            case "inline":
                yield (
                    start,
                    end,
                    _prose(
                        shown=_inline(token, dialect),
                        said=token.content.split("\n"),
                        lines=lines[start:end],
                    ),
                )
            case "table_close":
                start, end = table
                indent = _INDENT.match(lines[start])
                rule = lines[start + 1].strip(" \t>")
                rows = [rows[0], *map(_without_tail, rows[1:])]
                made = _as_table(rows, rule) if tables <= dialect.tables else _as_lines(rows)
                yield start, end, [f"{indent[0] if indent else ''}{row}" for row in made]
                rows = []


def _code(token: Token, line: str, dialect: Dialect) -> list[str]:
    fence = fence_for(token.content)
    language = re.match(r"[\w+#.-]*", token.info)
    content = dialect.block(token.content).rstrip("\n").split("\n")
    first = line[: line.find(token.markup)] if token.markup and not dialect.code_at_margin else ""
    others = re.sub(r"[^\s>]", " ", first)
    return [f"{first}{fence}{language[0] if language else ''}"] + [
        f"{others}{code}" for code in (*content, fence)
    ]


def _as_table(rows: list[list[str]], rule: str) -> list[str]:
    head, *body = [f"| {' | '.join(cell.replace('|', BAR) for cell in row)} |" for row in rows]
    return [head, rule, *body]


def _as_lines(rows: list[list[str]]) -> list[str]:
    """Each row as a line that names its columns."""
    head, *body = rows
    named = [
        [f"{name}: {cell}" if name else cell for name, cell in zip(head, row, strict=False) if cell]
        for row in body
    ]
    return [f"- {'; '.join(cells)}" for cells in named or [head]]


def _without_tail(row: list[str]) -> list[str]:
    """Without the empty cells that the reader has filled it up with."""
    while row and not row[-1]:
        row.pop()
    return row


def _prose(shown: str, said: Sequence[str], lines: Sequence[str]) -> list[str]:
    """The lines of a paragraph or heading, each behind what stands before it: a list's mark, …"""
    before = [
        line[: line.rfind(words)] if (words := part.strip()) in line else ""
        for line, part in zip(lines, said, strict=False)
    ]
    return [
        f"{mark}{line}" for mark, line in zip_longest(before, shown.split("\n")) if line is not None
    ]


def _inline(token: Token, dialect: Dialect) -> str:
    """What stands in a paragraph, heading or cell."""
    pieces = _pieces(token.children or [], token.content, links=dialect.links)
    return "".join(
        (dialect.span if is_code else dialect.prose)("".join(text for _, text in run))
        for is_code, run in groupby(pieces, key=itemgetter(0))
    )


def _pieces(tokens: Sequence[Token], source: str, *, links: bool) -> list[Piece]:
    pieces: list[Piece] = []
    opened: list[int] = []
    for token in tokens:
        match token.type:
            case "code_inline":
                pieces.append((True, _span(token.content)))
            case "link_open":
                opened.append(len(pieces))
                address = str(token.attrs["href"])
            case "link_close":
                begin = opened.pop()
                if not token.info:  # what stands between angle brackets is its own address
                    pieces[begin:] = _link(pieces[begin:], address, source, stays=links)
            case "image":
                words = _pieces(token.children or [], source, links=False)
                address = str(token.attrs["src"])
                leads = _ADDRESS.match(address)
                pieces += _link(words, address, source, stays=False) if leads else words
            case "softbreak":
                pieces.append((False, "\n"))
            case "hardbreak":
                pieces.append((False, "  \n"))
            case "text":
                pieces.append((False, token.content))
            case _:  # emphasis, and what was escaped: as it was written
                pieces.append((False, token.markup))
    return pieces


def _link(words: list[Piece], address: str, source: str, *, stays: bool) -> list[Piece]:
    """A link as it may be shown. An address that was put together from escapes and entities is
    left out: nobody saw it when the text was checked."""
    said = "".join(text for _, text in words).strip()
    if address not in source:
        return words
    if not _ADDRESS.match(address) or (stays and address.startswith(_WEB)):
        return [(False, "["), *words, (False, f"]({address})")]
    if said in ("", address):
        return [(False, address)]
    return [*words, (False, f" ({address})")]


def _span(content: str) -> str:
    runs = {len(run) for run in _BACKTICKS.findall(content)}
    mark = "`" * next(length for length in count(1) if length not in runs)
    space = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{mark}{space}{content}{space}{mark}"
