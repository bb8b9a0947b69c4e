"""Bringing the index of one repository's code up to date: only changed files are read again.

Each build writes a new folder beside the one that serves, and renames a pointer to it when it is
complete; a build that fails leaves the old one as it was.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.snapshots import AlreadyBuilding, current_snapshot, next_snapshot, only_one
from knowledge.code.checkout import read_checkout
from knowledge.code.chunks import Chunk, chunks_of
from knowledge.code.files import list_code, read_code
from knowledge.code.index import (
    FORMAT,
    About,
    CodeIndex,
    FileRecord,
    Records,
    describe_index,
    files_read,
    open_index,
)
from knowledge.code.outline import language_of
from knowledge.index.text_index import copy_index
from knowledge.ingest.sources import SourceFile
from knowledge.types import IndexMismatch


@dataclass(frozen=True, slots=True)
class RepoPlan:
    """What a build is told, in plain values that can go to another process. `root` is where the
    code stands, `folder` where its index does."""

    name: str
    root: str
    folder: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    link_base: str = ""

    @property
    def layout(self) -> str:
        """What decides which chunks there are; another one means building from nothing."""
        shape = repr((self.root, self.include, self.exclude))
        return f"{FORMAT} {hashlib.sha256(shape.encode('utf-8', 'replace')).hexdigest()[:16]}"


def plan_from(found: dict[str, Any]) -> RepoPlan:
    """A plan from its JSON form."""
    return RepoPlan(**found | {name: tuple(found[name]) for name in ("include", "exclude")})


@dataclass(frozen=True, slots=True)
class RepoReport:
    """What a build did: how many files were read again or dropped, and how many chunks there are.
    `problem` says why there is no new index."""

    name: str
    changed: int = 0
    chunks: int = 0
    problem: str = ""


def build(plan: RepoPlan) -> RepoReport:
    """Makes a new index where anything changed. Never raises for what a folder holds."""
    root, folder = Path(plan.root), Path(plan.folder)
    if not root.is_dir():
        return RepoReport(plan.name, problem=f"there is no folder {root}")
    try:
        with only_one(folder):
            return _build(plan, root, folder)
    except (OSError, ValueError, AlreadyBuilding) as error:
        return RepoReport(plan.name, problem=f"its index can't be written: {error}")


def _build(plan: RepoPlan, root: Path, folder: Path) -> RepoReport:
    checkout = read_checkout(root)
    old, known = _usable(folder, plan)
    listed = list_code(plan.name, root, plan.include, plan.exclude, checkout.blobs)
    records = {file.path: known[file.path] for file in listed if _is_same(file, known)}
    stale = [file for file in listed if file.path not in records]
    dropped = known.keys() - {file.path for file in listed}
    base = plan.link_base or checkout.link_base
    if old and not stale and not dropped and (old.commit, old.link_base) == (checkout.commit, base):
        return RepoReport(plan.name, 0, old.chunks)
    current = current_snapshot(folder)
    with next_snapshot(folder) as new:
        if old and current:
            copy_index(current / "words", new / "words")
        index = CodeIndex(new / "words")
        index.change([*dropped, *(file.path for file in stale)], _read(stale, records))
        indexed = {path: record.git_hash for path, record in records.items() if record.git_hash}
        odd = {path for path, found in indexed.items() if checkout.blobs.get(path) != found}
        about = About(
            layout=plan.layout,
            commit=checkout.commit,
            link_base=base,
            files=len(indexed),
            chunks=index.chunks,
            uncommitted=frozenset(odd if checkout.commit else ()),
        )
        describe_index(new, about, records)
    return RepoReport(plan.name, len(stale) + len(dropped), index.chunks)


def _usable(folder: Path, plan: RepoPlan) -> tuple[About | None, Records]:
    """What the index that serves was made of, if it can be built upon, and of which files."""
    current = current_snapshot(folder)
    try:
        if current and (about := open_index(current)[1]).layout == plan.layout:
            return about, files_read(current)
    except IndexMismatch:
        pass
    return None, {}


def _is_same(file: SourceFile, known: Records) -> bool:
    record = known.get(file.path)
    return record is not None and record[:2] == (file.size, file.mtime_ns)


def _read(stale: Iterable[SourceFile], records: Records) -> Iterator[tuple[str, list[Chunk]]]:
    """Reads and cuts stale files, and adds what they were to the records."""
    for file in stale:
        lines, git_hash = read_code(file) or ([], "")
        records[file.path] = FileRecord(file.size, file.mtime_ns, git_hash)
        if git_hash:
            yield file.path, chunks_of(lines, language_of(file.path))
