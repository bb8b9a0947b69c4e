"""Files to Markdown, in the reader's own process: what each format means, see `render`."""

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from common.decoding import ReadError, decode
from knowledge.ingest.render.flavours import Flavours
from knowledge.ingest.render.includes import Includes
from knowledge.ingest.render.lines import Line, numbered
from knowledge.ingest.render.notebook import notebook_lines
from knowledge.ingest.render.office import pdf_lines, to_markdown
from knowledge.ingest.render.sheets import sheet_lines
from knowledge.ingest.split import TextKind

_SPHINX = re.compile(r"\.\. (?:[\w:-]+::|_[^:]+:)(?:\s|$)")
"""Text that is written for Sphinx, often to be included, whatever its file is called."""

_FIRST = re.compile(r"#\s+\S|=+\s*$")
_TITLE = re.compile(r"title:\s*(?P<quote>[\"']?)(?P<title>.+?)(?P=quote)\s*$")
_ENTRY = re.compile(r"(?P<key>version|lang|language|locale):(?:\s+(?P<value>.*))?$")
_SCALAR = re.compile(
    r"""(?P<quote>["'])(?P<quoted>.*)(?P=quote)\s*(?:\#.*)?"""
    r"|(?P<plain>[^\s\"'\[{&*!|>%@`#].*?)(?:\s+\#.*)?\s*"
)
MAX_HEAD_CHARS = 40
"""No version and no language is longer."""

MAX_TEXT_CHARS = 5_000_000
"""More text than that in one file is a dump, not a document."""

MAX_UNPACKED_BYTES = 400_000_000
MAX_RATIO = 200
"""Office files are zip archives: XML rarely shrinks below a hundredth. What unpacks to more is a
decompression bomb."""

MARKDOWN = frozenset({".md", ".markdown", ".mdx"})
RST = frozenset({".rst", ".rest"})
TEXT = frozenset({".txt"})
ZIPPED = frozenset({".docx", ".pptx", ".xlsx"})


@dataclass(frozen=True, slots=True)
class Head:
    """What the YAML head of a page states: version and language as they are written, empty where
    none is; `notes` say what could not be understood."""

    version: str = ""
    language: str = ""
    notes: tuple[str, ...] = ()


NO_HEAD = Head()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file with what it includes, before it is rendered; `kind` is the suffix that it could have.

    `digest` changes with the content of all that was read. `recheck`: that may be another when the
    file is the same; `notes` say what could not be included or understood.
    """

    lines: Sequence[Line]
    digest: str
    kind: str = ""
    recheck: bool = False
    notes: tuple[str, ...] = ()
    head: Head = NO_HEAD


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file, each line with the number of its line there, or of its cell, row or page.
    `has_lines`: these are the numbers of lines. `is_clean`: no tag or comment in it is markup.
    `anchors` are those that the file itself gives its headings, by their line."""

    lines: Sequence[Line]
    format: TextKind
    has_lines: bool
    is_clean: bool = False
    anchors: Mapping[int, str] = field(default_factory=dict)


def digest(path: Path) -> str:
    """What changes with a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load(path: Path, root: Path) -> Loaded:
    """A file of the source in `root`. Raises ReadError with the reason, or OSError."""
    own = digest(path)
    kind = path.suffix.lower()
    if kind not in MARKDOWN | RST | TEXT:
        return Loaded((), own, kind)
    lines = numbered(decode(path.read_bytes()))
    if kind in TEXT:
        if not any(_SPHINX.match(line.text) for line in lines):
            return Loaded(lines, own, kind)
        kind = ".rst"
    head = NO_HEAD
    if kind in MARKDOWN:
        head, lines = front_matter(lines)
    includes = Includes(path, root)
    lines = includes.expand(lines, rst=kind in RST)
    all_digests = "".join([own, *map(digest, includes.files)])
    both = hashlib.sha256(all_digests.encode()).hexdigest() if includes.files else own
    notes = (*head.notes, *includes.notes)
    return Loaded(lines, both, kind, bool(includes.files or notes), notes, head)


def read(path: Path, loaded: Loaded) -> Document:
    """The text of a file. Raises ReadError with the reason, or OSError."""
    document = _rendered(path, loaded)
    size = sum(len(line.text) + 1 for line in document.lines)
    if not any(line.text.strip() for line in document.lines):
        scanned = path.suffix.lower() == ".pdf"
        raise ReadError("no text in it (scanned pages?)" if scanned else "empty")
    if size > MAX_TEXT_CHARS:
        raise ReadError(f"too much text: {size} characters")
    return document


def _rendered(path: Path, loaded: Loaded) -> Document:
    suffix = loaded.kind
    anchors: dict[int, str] = {}
    if suffix in RST:
        from knowledge.ingest.render.rst import rst_lines

        lines = list(rst_lines(loaded.lines, anchors))
        return Document(lines, "markdown", has_lines=True, is_clean=True, anchors=anchors)
    if suffix in MARKDOWN:
        lines = list(Flavours(anchors).blocks(loaded.lines))
        return Document(lines, "markdown", has_lines=True, anchors=anchors)
    if suffix in TEXT:
        return Document(loaded.lines, "text", has_lines=True)
    if suffix in ZIPPED:
        check_archive(path)
    if suffix == ".ipynb":
        lines = list(Flavours().blocks(notebook_lines(path)))
        return Document(lines, "markdown", has_lines=True)
    if suffix == ".xlsx":
        return Document(sheet_lines(path), "markdown", has_lines=True, is_clean=True)
    if suffix == ".pdf":
        return Document(pdf_lines(path), "markdown", has_lines=True, is_clean=True)
    return Document(numbered(to_markdown(path)), "markdown", has_lines=False)


def front_matter(lines: Sequence[Line]) -> tuple[Head, list[Line]]:
    """What the head states, and the lines without it; its title stands above them where they have
    none."""
    if not lines or lines[0].text.rstrip() != "---":
        return NO_HEAD, list(lines)
    ends = (n for n in range(1, len(lines)) if lines[n].text.rstrip() == "---")
    end = next(ends, None)
    if end is None:
        return NO_HEAD, list(lines)
    rest = list(lines[end + 1 :])
    titles = (_TITLE.match(line.text) for line in lines[1:end])
    title = next((found["title"] for found in titles if found), "")
    first = next((line.text for line in rest if line.text.strip()), "")
    if title and not any(_FIRST.match(line.text) for line in rest) and not first.startswith("<h1"):
        rest = [Line(f"# {title}", lines[0].number), Line("", lines[0].number), *rest]
    return _stated(lines[1 : end + 1]), rest


def _stated(lines: Sequence[Line]) -> Head:
    """From the lines of a head and the one that ends it."""
    found: dict[str, str] = {}
    notes: list[str] = []
    for line, following in pairwise(lines):
        entry = _ENTRY.match(line.text.rstrip())
        if not entry:
            continue
        written = (entry["value"] or "").strip()
        scalar = _SCALAR.fullmatch(written)
        value = (scalar["quoted"] or scalar["plain"] or "").strip() if scalar else ""
        is_empty = not written and not following.text.startswith((" ", "- "))
        if value and len(value) <= MAX_HEAD_CHARS:
            found.setdefault(entry["key"], value)
        elif not is_empty:
            notes.append(f"line {line.number}: `{entry['key']}` should be one short text")
    languages = (found.get(key, "") for key in ("lang", "language", "locale"))
    return Head(found.get("version", ""), next(filter(None, languages), ""), tuple(notes))


def check_archive(path: Path) -> None:
    """Refuses what is no archive, encrypted, or a decompression bomb, before it is unpacked."""
    with path.open("rb") as file:
        if file.read(8).startswith(b"\xd0\xcf\x11\xe0"):
            raise ReadError("encrypted, or in the old binary Office format")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ReadError(f"broken: {error}") from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise ReadError("encrypted")
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES or unpacked > MAX_RATIO * max(packed, 100_000):
        raise ReadError(f"unpacks to {unpacked / 1e6:.0f} MB; a decompression bomb?")
