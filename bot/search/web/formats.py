"""What kind of thing was fetched, by what its server says and by its first bytes."""

import re

from bot.search.web.types import PageError

HTML = frozenset({"text/html", "application/xhtml+xml"})
MARKDOWN = frozenset({"text/markdown", "text/x-markdown"})
TEXT = frozenset({"text/plain", "text/x-rst"})
PDF = "application/pdf"
UNSAID = frozenset({"", "application/octet-stream", "binary/octet-stream"})

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_MARK_UP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_SNIFFED = 1024


def media_type(content_type: str) -> str:
    """The type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def charset_of(content_type: str) -> str:
    """The encoding that a Content-Type names; "" for none."""
    match = _CHARSET.search(content_type)
    return match[1].lower() if match else ""


def check_type(content_type: str) -> None:
    """Before a body is read: could it be text? Raises PageError."""
    said = media_type(content_type)
    if said not in HTML | MARKDOWN | TEXT | UNSAID | {PDF}:
        raise PageError(f"not text, but {said[:60]!r}")


def kind_of(content_type: str, data: bytes) -> str:
    """html, markdown, text or pdf, whatever it is served as. Raises PageError for anything else."""
    said, head = media_type(content_type), data[:_SNIFFED]
    if not data.strip():
        raise PageError("empty")
    if b"%PDF-" in head:
        return "pdf"
    if said == PDF:
        raise PageError("said to be a PDF, and is none")
    if b"\0" in head and not head.startswith(_WIDE) and "utf-16" not in charset_of(content_type):
        raise PageError("binary")
    if said in HTML or _MARK_UP.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    return "markdown" if said in MARKDOWN else "text"
