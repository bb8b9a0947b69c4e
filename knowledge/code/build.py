"""Bringing the index of one repository's code up to date: only changed files are read again.

Each build writes a new folder beside the one that serves, and renames a pointer to it when it is
complete; a build that fails leaves the old one as it was.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.snapshots import AlreadyBuilding, current_snapshot, next_snapshot, only_one
from knowledge.code.checkout import Checkout, read_checkout
from knowledge.code.chunks import Chunk, chunks_of
from knowledge.code.files import CodeFile, Wanted, list_code, read_code
from knowledge.code.index import FORMAT, About, CodeIndex, files_read, open_index
from knowledge.code.outline import language_of
from knowledge.index.text_index import copy_index
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


@dataclass(slots=True)
class _Files:
    """The files of a new index: what is kept of the old one, and what is read now."""

    records: dict[str, Sequence[object]] = field(default_factory=dict)
    stale: list[CodeFile] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


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
    listed = list_code(root, Wanted(plan.include, plan.exclude, checkout.blobs))
    files = _compared(listed, known)
    base = plan.link_base or checkout.link_base
    if old and not files.stale and not files.dropped:
        about = About.load(old)
        if (about.commit, about.link_base) == (checkout.commit, base):
            return RepoReport(plan.name, 0, about.chunks)
    with next_snapshot(folder) as new:
        if old:
            copy_index(old / "words", new / "words")
        index = CodeIndex(new / "words")
        index.change([*files.dropped, *(file.path for file in files.stale)], _read(files))
        (new / "files.json").write_text(json.dumps(files.records), encoding="utf-8")
        indexed = {path: str(row[2]) for path, row in files.records.items() if row[2]}
        _about(plan, checkout, base, indexed, index.chunks).save(new)
    return RepoReport(plan.name, len(files.stale) + len(files.dropped), index.chunks)


def _about(
    plan: RepoPlan, checkout: Checkout, base: str, indexed: Mapping[str, str], chunks: int
) -> About:
    uncommitted = frozenset(
        path for path, git_hash in indexed.items() if checkout.blobs.get(path) != git_hash
    )
    lost = uncommitted if checkout.commit else frozenset()
    return About(plan.layout, checkout.commit, base, len(indexed), chunks, lost)


def _usable(folder: Path, plan: RepoPlan) -> tuple[Path | None, Mapping[str, Sequence[object]]]:
    """The index that serves, if it can be built upon, and the files that were read for it."""
    current = current_snapshot(folder)
    try:
        if current and open_index(current)[1].layout == plan.layout:
            return current, files_read(current)
    except IndexMismatch:
        pass
    return None, {}


def _compared(found: Sequence[CodeFile], known: Mapping[str, Sequence[object]]) -> _Files:
    files = _Files(dropped=sorted(known.keys() - {file.path for file in found}))
    for file in found:
        record = known.get(file.path)
        if record and list(record[:2]) == [file.size, file.mtime_ns]:
            files.records[file.path] = record
        else:
            files.stale.append(file)
    return files


def _read(files: _Files) -> Iterator[tuple[str, list[Chunk]]]:
    """Reads and cuts the stale files, and notes what they were."""
    for file in files.stale:
        read = read_code(file)
        files.records[file.path] = [file.size, file.mtime_ns, read[1] if read else ""]
        if read:
            yield file.path, chunks_of(read[0], language_of(file.path))
