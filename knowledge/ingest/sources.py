"""Which files a source has: a walk through its folder."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from common.visible import visible
from knowledge.plan import Skipped
from knowledge.types import SourceError

SUPPORTED = frozenset(
    [
        ".md",
        ".markdown",
        ".mdx",
        ".rst",
        ".rest",
        ".txt",
        ".html",
        ".htm",
        ".pdf",
        ".docx",
        ".pptx",
        ".xlsx",
        ".ipynb",
    ]
)
LIKELY = {
    **dict.fromkeys((".doc", ".docm", ".odt", ".rtf", ".wps"), ".docx"),
    **dict.fromkeys((".ppt", ".pptm", ".ppsx", ".odp"), ".pptx"),
    **dict.fromkeys((".xls", ".xlsm", ".xlsb", ".ods"), ".xlsx"),
    **dict.fromkeys((".epub", ".mobi", ".djvu", ".chm"), ".pdf"),
    **dict.fromkeys((".adoc", ".asciidoc", ".asc"), ".html, with asciidoctor"),
    **dict.fromkeys((".org", ".textile", ".tex", ".texi", ".wiki", ".creole", ".pod"), ".md"),
    **dict.fromkeys((".mht", ".xhtml", ".xml"), ".html"),
    **dict.fromkeys((".csv", ".tsv", ".numbers"), ".xlsx"),
    **dict.fromkeys((".pages", ".key"), ".pdf"),
}
"""Documents that nothing here can read, and as what they could be saved."""

OTHERS = "other files"

BESIDE = frozenset(
    [
        ".avif",
        ".bmp",
        ".css",
        ".eot",
        ".gif",
        ".ico",
        ".jpeg",
        ".jpg",
        ".js",
        ".map",
        ".mp4",
        ".otf",
        ".png",
        ".svg",
        ".tif",
        ".tiff",
        ".ttf",
        ".webm",
        ".webp",
        ".woff",
        ".woff2",
    ]
)
"""What pages show or are shown with; nobody misses it among the documents."""

LEFT_OUT = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"})
"""Folders that hold no documents of their own."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source; `path` is relative to the source's folder, with forward slashes."""

    source: str
    path: str
    absolute: Path
    size: int
    mtime_ns: int


def list_files(
    name: str, root: Path, include: Sequence[str], exclude: Sequence[str], max_bytes: int
) -> tuple[list[SourceFile], list[Skipped]]:
    """The documents below a folder, sorted, and what was left out of them and why.

    Files of other kinds (images, programs) are only counted. Links are followed only where they
    stay inside. Raises SourceError for a folder that is not there or fails.
    """
    if not root.is_dir():
        raise SourceError(
            f"source {name}: there is no folder {root}; correct its `path` in knowledge.sources"
        )
    inside = root.resolve()
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    seen: set[tuple[int, int]] = set()
    others: Counter[str] = Counter()
    for relative, absolute in sorted(_walk(name, root, inside, skipped)):
        suffix = os.path.splitext(relative)[1].lower()  # noqa: PTH122 - it is no path to open
        if not _wanted(relative, include, exclude):
            continue
        if suffix in LIKELY:
            skipped.append(Skipped(relative, f"can't read {suffix}; save it as {LIKELY[suffix]}"))
        if suffix not in SUPPORTED:
            others[suffix or "without a suffix"] += suffix not in LIKELY and suffix not in BESIDE
            continue
        found = _look(absolute, inside, max_bytes, seen)
        if isinstance(found, str):
            skipped.append(Skipped(relative, found))
        elif found:
            size, mtime = found.st_size, found.st_mtime_ns
            files.append(SourceFile(name, relative, Path(absolute), size, mtime))
    skipped += [*_missing_submodules(root), *_counted(others)]
    return files, sorted(skipped, key=lambda item: item.path)


def _counted(others: Counter[str]) -> Iterator[Skipped]:
    """One line for all files of kinds that are not read; a folder of documents has few of them."""
    if others.total():
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common() if count)
        yield Skipped(OTHERS, f"no documents: {kinds}", document=False)


def _missing_submodules(root: Path) -> Iterator[Skipped]:
    try:
        text = (root / ".gitmodules").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for path in re.findall(r"^\s*path\s*=\s*(\S.*?)\s*$", text, re.MULTILINE):
        folder = root / path
        if not folder.is_dir() or not any(folder.iterdir()):
            advice = "run `git submodule update --init` there to have its documents"
            yield Skipped(path, f"a git submodule that is not checked out; {advice}")


def _walk(name: str, root: Path, inside: Path, skipped: list[Skipped]) -> Iterator[tuple[str, str]]:
    """Printable relative paths of files and links to files below a folder, and their own paths."""
    known = {inside}

    def failed(error: OSError) -> None:
        if isinstance(error, PermissionError) and error.filename != str(root):
            skipped.append(Skipped(_shown(error.filename, root), "no permission to list it"))
        elif not isinstance(error, FileNotFoundError):
            # What can't be seen now may be there: it must not be taken for removed.
            raise SourceError(f"source {name}: can't list {error.filename}: {error.strerror}")

    for folder, folders, names in os.walk(root, onerror=failed, followlinks=True):
        kept: list[str] = []
        for below in folders:
            path = Path(folder, below)
            real = path.resolve()
            if below in LEFT_OUT or real in known:
                continue  # a folder that is linked twice, or a circle of links
            if not real.is_relative_to(inside):
                skipped.append(Skipped(_shown(str(path), root), _LEADS_OUT))
                continue
            known.add(real)
            kept.append(below)
        folders[:] = kept
        for below in names:
            file = f"{folder}/{below}"
            yield _shown(file, root), file


def _shown(path: str, root: Path) -> str:
    """A relative path that can be printed and stored, whatever bytes the name has."""
    relative = path.removeprefix(str(root)).lstrip("/")
    return visible(relative.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


_LEADS_OUT = "a link that leads out of the source"


def _look(
    path: str, inside: Path, max_bytes: int, seen: set[tuple[int, int]]
) -> os.stat_result | str | None:
    """What a file is, or why it can't be taken; None where it is gone or was taken
    under another name."""
    try:
        found = os.lstat(path)
    except OSError:
        return None  # it was removed a moment ago
    try:
        linked = stat.S_ISLNK(found.st_mode)
        if linked:
            real = Path(path).resolve(strict=True)
            if not real.is_relative_to(inside):
                return _LEADS_OUT
            found = real.stat()
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    if found.st_size > max_bytes:
        return (
            f"{found.st_size / 1e6:.1f} MB, more than knowledge.max_file_mb ({max_bytes / 1e6:g})"
        )
    if not os.access(path, os.R_OK):
        return "no permission to read it"
    if (linked or found.st_nlink > 1) and (found.st_dev, found.st_ino) in seen:
        return None
    seen.add((found.st_dev, found.st_ino))
    return found


def _wanted(relative: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    return any(glob_pattern(p).fullmatch(relative) for p in include) and not any(
        glob_pattern(p).fullmatch(relative) for p in exclude
    )


@lru_cache(256)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**` goes through any number of them."""
    parts: list[str] = []
    for part in glob.strip("/").split("/"):
        if part == "**":
            parts.append("(?:[^/]+/)*")
            continue
        letters = {"*": "[^/]*", "?": "[^/]"}
        parts.append("".join(letters.get(c, re.escape(c)) for c in part) + "/")
    text = "".join(parts)
    return re.compile(text.removesuffix("/") if text.endswith("/") else text + "[^/]+")
