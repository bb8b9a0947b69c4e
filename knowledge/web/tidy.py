"""The text of a page made harmless and short: no links, no images, no invisible characters.

It stays data: what it says is never done.
"""

import re
import unicodedata

from common.markdown import FENCE_LINE, parts
from knowledge.web.types import PageError

MAX_CHARS, MOST_CHARS = 40_000, 400_000
"""Of a page, what is kept of its text, and what is looked at."""

MAX_TITLE_CHARS = 200

_SPAN = re.compile(r"(`+[^`\n]+`+)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_TARGET = r"\(\s*(?:<[^<>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+[\"'][^\"'\n]*[\"'])?\s*\)"
_IMAGE = re.compile(rf"!\[[^\[\]\n]*\](?:{_TARGET}|\[[^\[\]\n]*\])")
_LINK = re.compile(rf"\[([^\[\]\n]*)\](?:{_TARGET}|\[[^\[\]\n]*\])")
_PLAIN_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\((?:https?://|www\.|mailto:|/|#)[^()\s]*\)")
_DEFINITION = re.compile(r"^ {0,3}\[[^\[\]\n]+\]:\s*\S+.*$", re.MULTILINE)
_BLANKS = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
_KEPT_CONTROLS = "\n\t"


def tidy(text: str, *, markdown: bool) -> str:
    """A page's text; `markdown` tells whether it was written as such, or is plain."""
    tidied = [
        part if is_code else _prose(part, markdown=markdown)
        for part, is_code in parts(visible(text[:MOST_CHARS]))
    ]
    return shortened(_BLANKS.sub("\n\n", "".join(tidied)).strip("\n"), MAX_CHARS)


def title_of(text: str) -> str:
    """A title on one line."""
    return " ".join(visible(text).split()).rstrip("¶ ")[:MAX_TITLE_CHARS]


def visible(text: str) -> str:
    """Without control characters, and those that are not seen or turn the direction of text, which
    could hide words from a reader but not from a model."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    seen = "".join(
        c for c in text if c in _KEPT_CONTROLS or unicodedata.category(c) not in ("Cc", "Cf", "Co")
    )
    return seen.encode("utf-8", "replace").decode()


def shortened(text: str, room: int) -> str:
    """Cut at the end of a line; a code block that was cut is closed."""
    if len(text) <= room:
        return text
    kept = text[:room].rsplit("\n", 1)[0]
    marks = [match[1] for match in map(FENCE_LINE.match, kept.split("\n")) if match]
    return kept + ("\n" + marks[-1] if len(marks) % 2 else "")


def _prose(text: str, *, markdown: bool) -> str:
    if not markdown:
        return _PLAIN_LINK.sub(r"\1", text)
    pieces = enumerate(_SPAN.split(_DEFINITION.sub("", text)))
    return "".join(piece if i % 2 else _unlinked(_ESCAPE.sub(r"\1", piece)) for i, piece in pieces)


def _unlinked(text: str) -> str:
    """Twice, for a picture within a link."""
    for _ in range(2):
        text = _LINK.sub(r"\1", _IMAGE.sub("", text))
    return text


HTML = frozenset({"text/html", "application/xhtml+xml"})
MARKDOWN = frozenset({"text/markdown", "text/x-markdown"})
TEXT = frozenset({"text/plain", "text/x-rst"})
PDF = "application/pdf"
UNSAID = frozenset({"application/octet-stream", "binary/octet-stream"})

_MARK_UP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_SNIFFED = 1024


def check_type(media_type: str) -> None:
    """Before a body is read: could it be text? Raises PageError."""
    if media_type not in HTML | MARKDOWN | TEXT | UNSAID | {PDF}:
        raise PageError(f"not text, but {media_type[:60]!r}")


def kind_of(media_type: str, charset: str, data: bytes) -> str:
    """html, markdown, text or pdf, whatever it is served as. Raises PageError for anything else."""
    head = data[:_SNIFFED]
    if not data.strip():
        raise PageError("empty")
    if b"%PDF-" in head:
        return "pdf"
    if media_type == PDF:
        raise PageError("said to be a PDF, and is none")
    if b"\0" in head and not head.startswith(_WIDE) and "utf-16" not in charset:
        raise PageError("binary")
    if media_type in HTML or _MARK_UP.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    return "markdown" if media_type in MARKDOWN else "text"
