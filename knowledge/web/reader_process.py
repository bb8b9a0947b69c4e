"""The reading process, `python -m knowledge.web.reader_process`, see `reader`.

A hostile page may make its reader loop or eat all memory: so pages are read here, within limits, by
a process that is ended after use. Each message is a page, `{"kind": "html", "charset": "", "data":
base64}`, each answer `{"title": "...", "text": "..."}` or `{"error": "..."}`. What a page breaks
down on ends the process.
"""

import base64
import contextlib
import io
import re
from functools import partial

from common.process import Message
from common.process_child import serve
from knowledge.web.tidy import tidy, title_of

LEAST_CHARS = 200
"""An article is rarely shorter."""

_STYLE = (
    "concat(translate(@style, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ \t', 'abcdefghijklmnopqrstuvwxyz'), ';')"
)
_UNSEEN = (
    "display:none",
    "visibility:hidden",
    "opacity:0;",
    "font-size:0;",
    "font-size:0px;",
    ":-9999",
)
PRUNED = [
    "//*[@hidden]",
    "//template",
    "//a[contains(@class, 'headerlink') or contains(@class, 'anchor')][string-length(.) < 2]",
    *(f"//*[@style][contains({_STYLE}, '{style}')]" for style in _UNSEEN),
]
"""What a reader does not see and marks beside headings, trafilatura's own list aside."""

_META = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030"}
_NAMES_NOTHING = frozenset({"", "iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii", "utf-8"})
"""What servers say without having looked; UTF-8 is tried in any case."""


class Unreadable(Exception):
    """A page has no text that can be read; says why."""


def main() -> None:
    """Reads pages until standard input ends."""
    serve(lambda _: _answer)


def _answer(page: Message) -> Message:
    return {**read(page["kind"], page["charset"], base64.b64decode(page["data"]))}


def read(kind: str, charset: str, data: bytes) -> dict[str, str]:
    """The title and text of a page, or why there is none."""
    try:
        if kind == "pdf":
            title, text = "", tidy(_pdf(data), markdown=False)
        elif kind == "html":
            title, text = _article(text_of(data, charset, _meta_charset(data)))
        else:
            title, text = "", tidy(text_of(data, charset), markdown=kind == "markdown")
    except Unreadable as error:
        return {"error": str(error)}
    return {"title": title_of(title), "text": text} if text.strip() else {"error": "no text in it"}


def text_of(data: bytes, *charsets: str) -> str:
    """Bytes to text: UTF-8 where they are that, else as they are said to be, else as they look.

    Chinese pages in GBK, and pages that name a wrong encoding, are common. Raises Unreadable.
    """
    said = [_WIDER.get(charset, charset) for charset in charsets if charset not in _NAMES_NOTHING]
    for charset in (*(() if b"\0" in data else ("utf-8-sig",)), *said):
        with contextlib.suppress(ValueError, LookupError):
            return data.decode(charset)
    lenient = data.decode("utf-8", "replace")
    foreign = sum(not c.isascii() for c in lenient)
    if lenient.count("\ufffd") * 20 < foreign:
        return lenient  # UTF-8 with a broken character here or there
    from common.decoding import ReadError, decode

    try:
        return decode(data)
    except ReadError as error:
        raise Unreadable(str(error)) from error


def _meta_charset(data: bytes) -> str:
    match = _META.search(data[:4096])
    return match[1].decode().lower() if match else ""


def _article(html: str) -> tuple[str, str]:
    import trafilatura

    extract = partial(
        trafilatura.extract,
        html,
        output_format="markdown",
        include_formatting=True,
        include_tables=True,
        include_links=False,
        include_images=False,
        prune_xpath=PRUNED,
        favor_recall=True,  # what is beside the point is found out later; lost is lost
    )
    text = extract(include_comments=False) or ""
    whole = extract(include_comments=True) or ""
    if len(text) < max(LEAST_CHARS, len(whole) / 3):
        text = whole  # a thread, whose posts were taken for comments
    about = trafilatura.extract_metadata(html, extensive=False)
    return (about.title or "" if about else ""), tidy(text, markdown=True)


def _pdf(data: bytes) -> str:
    from markitdown import MarkItDown, MarkItDownException, StreamInfo
    from markitdown.converters import PdfConverter

    # No other converter: one would take a broken PDF for plain text.
    converter = MarkItDown(enable_builtins=False, enable_plugins=False)
    converter.register_converter(PdfConverter())
    try:
        found = converter.convert_stream(io.BytesIO(data), stream_info=StreamInfo(extension=".pdf"))
    except MarkItDownException as error:
        raise Unreadable("a broken PDF") from error
    return str(found.text_content)


if __name__ == "__main__":
    main()
