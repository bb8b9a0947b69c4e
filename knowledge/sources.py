"""Which files a source has: a walk through its folder, or a git checkout brought up to date."""

import os
import re
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from knowledge.types import Skipped, SourceError

SUPPORTED = frozenset(
    [
        ".md",
        ".markdown",
        ".mdx",
        ".rst",
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

    Files of other kinds (images, programs) are no documents and are not mentioned. Links are
    followed only where they stay inside. Raises SourceError for a folder that is not there.
    """
    if not root.is_dir():
        raise SourceError(
            f"source {name}: there is no folder {root}; correct its `path` in knowledge.sources"
        )
    inside = root.resolve()
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    seen: set[tuple[int, int]] = set()
    for path, relative in sorted(_walk(root, inside, skipped), key=lambda item: item[1]):
        if path.suffix.lower() not in SUPPORTED or not _wanted(relative, include, exclude):
            continue
        problem = _problem(path, inside, max_bytes, seen)
        if problem:
            skipped.append(Skipped(relative, problem))
        elif problem is None:
            found = path.stat()
            files.append(SourceFile(name, relative, path, found.st_size, found.st_mtime_ns))
    return files, sorted(skipped, key=lambda item: item.path)


def _walk(root: Path, inside: Path, skipped: list[Skipped]) -> Iterator[tuple[Path, str]]:
    """Files and links to files below a folder, with their printable relative paths."""
    known = {inside}
    for folder, folders, names in os.walk(root, followlinks=True):
        kept: list[str] = []
        for name in folders:
            path = Path(folder, name)
            real = path.resolve()
            if name in LEFT_OUT or real in known:
                continue  # a folder that is linked twice, or a circle of links
            if not real.is_relative_to(inside):
                skipped.append(Skipped(_shown(path, root), "a link that leads out of the source"))
                continue
            known.add(real)
            kept.append(name)
        folders[:] = kept
        for name in names:
            path = Path(folder, name)
            yield path, _shown(path, root)


def _shown(path: Path, root: Path) -> str:
    """A relative path that can be printed and stored, whatever bytes the name has."""
    return path.relative_to(root).as_posix().encode("utf-8", "surrogateescape").decode(
        "utf-8", "replace"
    )  # fmt: skip


def _problem(path: Path, inside: Path, max_bytes: int, seen: set[tuple[int, int]]) -> str | None:
    """Why a file can't be taken; "" for one that was taken under another name already."""
    try:
        real = path.resolve(strict=True)
        found = real.stat()
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not real.is_relative_to(inside):
        return "a link that leads out of the source"
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    if found.st_size > max_bytes:
        return (
            f"{found.st_size / 1e6:.1f} MB, more than knowledge.max_file_mb ({max_bytes / 1e6:g})"
        )
    if not os.access(real, os.R_OK):
        return "no permission to read it"
    linked = path.is_symlink() or found.st_nlink > 1
    if linked and (found.st_dev, found.st_ino) in seen:
        return ""
    seen.add((found.st_dev, found.st_ino))
    return None


def _wanted(relative: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    return any(_pattern(p).fullmatch(relative) for p in include) and not any(
        _pattern(p).fullmatch(relative) for p in exclude
    )


@lru_cache(256)
def _pattern(glob: str) -> re.Pattern[str]:
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


def update_git(name: str, url: str, checkout: Path, timeout_s: float) -> None:
    """Clones a repository, or fetches its newest commit into an existing checkout.

    Raises SourceError with git's own words; a checkout that was there stays as it was.
    """
    if (checkout / ".git").is_dir():
        _git(name, url, ["-C", str(checkout), "fetch", "--depth=1", "origin", "HEAD"], timeout_s)
        reset = ["-C", str(checkout), "reset", "--quiet", "--hard", "FETCH_HEAD"]
        _git(name, url, reset, timeout_s)
        return
    checkout.parent.mkdir(parents=True, exist_ok=True)
    clone = ["clone", "--quiet", "--depth=1", "--no-tags", "--", url, str(checkout)]
    _git(name, url, clone, timeout_s)


def _git(name: str, url: str, arguments: list[str], timeout_s: float) -> None:
    safe = ["-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null"]
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments; the address comes after "--"
            ["git", *safe, *arguments],  # noqa: S607 - git is where the system has it
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise SourceError(f"source {name}: git is not installed; install it") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"source {name}: git gave up after {timeout_s:g} s") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SourceError(f"source {name}: git failed on {_masked(url)}: {_masked(last)}")


def _masked(text: str) -> str:
    """Hides user names and passwords in addresses."""
    return re.sub(r"(?<=://)[^/@\s]+@", "***@", text)
