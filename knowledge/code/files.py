"""Which files of a folder are code worth searching, and their text."""

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

from common.decoding import ReadError, decode
from common.visible import visible
from knowledge.code.outline import DATA, language_of
from knowledge.ingest.sources import LEFT_OUT, SourceFile, glob_pattern

MAX_BYTES = 500_000
MAX_DATA_BYTES = 60_000
"""Longer files of keys and values are data, not configuration."""

MAX_FILES = 50_000
MAX_LINE_CHARS = 1000
"""Of a longer line only the beginning is kept: nobody wrote it by hand."""

_VENDORED = frozenset(
    {"third_party", "thirdparty", "3rdparty", "vendor", "vendors", "_vendor", "bower_components"}
)
_PRODUCED = frozenset({"build", "dist", "target", "site-packages"})
"""Left out where git does not say that they belong to the repository."""

_NOT_WRITTEN = re.compile(
    r".*(?:\.min\.\w+|[._-]lock\.json|\.bundle\.js|\.map|_pb2(?:_grpc)?\.pyi?|\.pb\.\w+)",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"@generated\b|generated\b.{0,80}\bdo not (?:edit|modify)"
    r"|do not (?:edit|modify).{0,80}generated",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_CHARS = 600


def list_code(
    name: str,
    root: Path,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    committed: Collection[str] = (),
) -> list[SourceFile]:
    """The files of a repository to search, sorted; links, and what they lead to, are not followed.

    `include` and `exclude` are patterns below the folder (none: all code); where it is under git,
    only the committed paths count.
    """
    left_out = LEFT_OUT | _VENDORED | (frozenset() if committed else _PRODUCED)
    found: list[SourceFile] = []
    for absolute, path in _walk(root, left_out):
        if committed and path not in committed:
            continue  # what is not committed may be private, and has no address
        if not _is_wanted(path, include, exclude):
            continue
        try:
            status = absolute.lstat()
        except OSError:
            continue  # gone since it was listed
        most = MAX_DATA_BYTES if language_of(path) in DATA else MAX_BYTES
        if stat.S_ISREG(status.st_mode) and 0 < status.st_size <= most:
            size, mtime = status.st_size, status.st_mtime_ns
            found.append(SourceFile(name, _shown(path), absolute, size, mtime))
            if len(found) == MAX_FILES:
                break
    return sorted(found, key=lambda file: file.path)


def _is_wanted(path: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    if any(glob_pattern(glob).fullmatch(path) for glob in exclude):
        return False
    if include:
        return any(glob_pattern(glob).fullmatch(path) for glob in include)
    return bool(language_of(path)) and not _NOT_WRITTEN.fullmatch(PurePosixPath(path).name)


def read_code(file: SourceFile) -> tuple[list[str], str] | None:
    """The lines of a file and git's hash of it; None for what can't be read, was not written by
    people, or is no text."""
    try:
        descriptor = os.open(file.absolute, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        text = decode(data)
    except (OSError, ReadError):
        return None
    lines = text.split("\n")
    average = len(text) / (len(lines) or 1)
    if len(data) > MAX_BYTES or average > 200 or _GENERATED.search(text[:_HEAD_CHARS]):
        return None
    git_hash = hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False)
    return [clean_line(line) for line in lines], git_hash.hexdigest()


def _walk(root: Path, left_out: Collection[str]) -> Iterator[tuple[Path, str]]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name.lower() not in left_out and not name.startswith(".")
        )
        for name in sorted(names):
            path = Path(folder, name)
            yield path, path.relative_to(root).as_posix()


def _shown(path: str) -> str:
    return visible(path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def clean_line(line: str) -> str:
    """A line of code without control characters, and not endless."""
    kept = line[:MAX_LINE_CHARS] + " …" if len(line) > MAX_LINE_CHARS else line
    # What half a surrogate pair or a control character would do further on is not worth knowing.
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "\ufffd", kept)
