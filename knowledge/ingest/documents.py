"""Files to text, in the reader's own process: Markdown, reStructuredText and plain text are read
here, all other formats are made into Markdown first."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from common.decoding import ReadError, decode
from knowledge.ingest.office import to_markdown
from knowledge.ingest.split import TextKind

MAX_TEXT_CHARS = 5_000_000
"""More text than that in one file is a dump, not a document."""

MAX_UNPACKED_BYTES = 400_000_000
MAX_RATIO = 200
"""Office files are zip archives: XML rarely shrinks below a hundredth. What unpacks to more is a
decompression bomb."""

TEXT_KINDS: dict[str, TextKind] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdx": "markdown",
    ".rst": "rst",
    ".txt": "text",
}
ZIPPED = frozenset({".docx", ".pptx", ".xlsx"})


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file. `has_lines`: line numbers are those of the file itself."""

    text: str
    format: TextKind
    has_lines: bool


def digest(path: Path) -> str:
    """What changes with a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> Document:
    """The text of a file. Raises ReadError with the reason, or OSError."""
    suffix = path.suffix.lower()
    if suffix in TEXT_KINDS:
        kind, text = TEXT_KINDS[suffix], decode(path.read_bytes())
        if kind == "markdown":
            text = without_front_matter(text)
        document = Document(text, kind, has_lines=True)
    else:
        if suffix in ZIPPED:
            check_archive(path)
        # Lone surrogates, which broken documents contain, could be stored nowhere.
        text = to_markdown(path).encode("utf-8", "replace").decode()
        document = Document(text, "markdown", has_lines=False)
    if not document.text.strip():
        scanned = suffix == ".pdf"
        raise ReadError("no text in it (scanned pages?)" if scanned else "empty")
    if len(document.text) > MAX_TEXT_CHARS:
        raise ReadError(f"too much text: {len(document.text)} characters")
    return document


def without_front_matter(text: str) -> str:
    """Blanks a YAML head; the lines below keep their numbers."""
    if not text.startswith("---\n"):
        return text
    end = text.find("\n---\n", 3)
    return text if end < 0 else "\n" * text.count("\n", 0, end + 5) + text[end + 5 :]


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
