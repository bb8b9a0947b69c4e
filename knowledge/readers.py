"""Files to text. Markdown, reStructuredText and plain text are read here; all other formats by
markitdown in a child process, which bad files can't take down with this one.
"""

import json
import os
import select
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from charset_normalizer import from_bytes

from knowledge.sources import SourceFile
from knowledge.split import TextKind
from knowledge.types import KnowledgeError

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


class ReadError(KnowledgeError):
    """A file can't be read; the message is the reason that is reported."""


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file. `has_lines`: line numbers are those of the file itself."""

    text: str
    format: TextKind
    has_lines: bool


class Reader:
    """Reads files one after the other; blocking. Use it with `with`: it ends its child process."""

    def __init__(self, timeout_s: float = 60.0) -> None:
        self._timeout_s = timeout_s
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def read(self, file: SourceFile) -> Document:
        """The text of a file. Raises ReadError with the reason."""
        suffix = file.absolute.suffix.lower()
        if suffix in TEXT_KINDS:
            kind = TEXT_KINDS[suffix]
            text = decode(file.absolute.read_bytes())
            if kind == "markdown":
                text = without_front_matter(text)
            document = Document(text, kind, has_lines=True)
        else:
            if suffix in ZIPPED:
                check_archive(file.absolute)
            document = Document(self._convert(file.absolute), "markdown", has_lines=False)
        if not document.text.strip():
            scanned = suffix == ".pdf"
            raise ReadError("no text in it (scanned pages?)" if scanned else "empty")
        if len(document.text) > MAX_TEXT_CHARS:
            raise ReadError(f"too much text: {len(document.text)} characters")
        return document

    def _convert(self, path: Path) -> str:
        child = self._running()
        assert child.stdin and child.stdout  # noqa: S101 - both are pipes, see _running
        try:
            child.stdin.write(json.dumps(str(path)).encode() + b"\n")
            child.stdin.flush()
            answer = self._line(child.stdout.fileno(), time.monotonic() + self._timeout_s)
        except (BrokenPipeError, EOFError):
            status = child.wait()
            self._end()
            raise ReadError(f"the converter broke down on it (status {status})") from None
        except TimeoutError:
            self._end()
            raise ReadError(f"reading it took more than {self._timeout_s:g} s") from None
        if "error" in answer:
            raise ReadError(str(answer["error"]))
        return str(answer["text"]).encode("utf-8", "replace").decode()

    def _line(self, pipe: int, until: float) -> dict[str, object]:
        """One JSON line from the child. Raises EOFError or TimeoutError."""
        parts: list[bytes] = []
        while not parts or not parts[-1].endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(pipe, 1 << 20)
            if not part:
                raise EOFError
            parts.append(part)
        found: dict[str, object] = json.loads(b"".join(parts))
        return found

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "knowledge.convert"],
                cwd=Path(__file__).parent.parent,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what was still to be written is for nobody any more


def decode(data: bytes) -> str:
    """Bytes of a text file, line ends unified. Raises ReadError for a binary file."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif b"\0" in data[:100_000]:
        raise ReadError("a binary file")
    else:
        text = _decoded(data)
    controls = sum(c < " " and c not in "\t\n\r\f\x1b" for c in text[:10_000])
    if controls > len(text[:10_000]) / 20:
        raise ReadError("a binary file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8-sig" or _looks_chinese(text):
            return text
    best = from_bytes(data[:1_000_000]).best()
    return data.decode(best.encoding if best else "latin-1", "replace")


def _looks_chinese(text: str) -> bool:
    """Bytes of other encodings turn into rare characters when read as gb18030.

    Common ones are the first level of GB 2312, whose first byte is 0xb0 to 0xd7, and its signs.
    """
    foreign = [c.encode("gb18030") for c in text[:100_000] if not c.isascii()]
    common = sum(0xA1 <= c[0] <= 0xA3 or 0xB0 <= c[0] <= 0xD7 for c in foreign)
    return common > 0.8 * len(foreign)


def without_front_matter(text: str) -> str:
    """Blanks a YAML head; the lines below keep their numbers."""
    if not text.startswith("---\n"):
        return text
    end = text.find("\n---\n", 3)
    return text if end < 0 else "\n" * text.count("\n", 0, end + 5) + text[end + 5 :]


def check_archive(path: Path) -> None:
    """Refuses what is no archive, encrypted, or a decompression bomb, before it is unpacked."""
    if path.read_bytes()[:8].startswith(b"\xd0\xcf\x11\xe0"):
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
