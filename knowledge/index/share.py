"""Where snapshots are published for other machines: a folder that all of them have. What stands
there is named by its hash, and never changes.

objects/<sha256>        a file of a snapshot, or of the labels that its gate is fitted to
versions/<sha256>       which files a version has: JSON {"snapshot", "files": {path: sha256}}
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from common.snapshots import current_snapshot
from knowledge.types import KnowledgeError

LABELS = "labels"
OBJECTS, VERSIONS = "objects", "versions"
KEPT, UNUSED_S = 5, 3600.0
"""Versions that are kept, and how old a file must be to go when none of them has it: what is being
published right now is in no version yet."""


class Share(Protocol):
    """Files by name. All raise OSError."""

    def put(self, name: str, file: Path) -> None:
        """Keeps a file under a name, whole or not at all."""

    def get(self, name: str, file: Path) -> None:
        """Writes what has a name into a file. Raises FileNotFoundError."""

    def names(self, below: str) -> Iterator[tuple[str, float]]:
        """What is there, each with its age in seconds."""

    def remove(self, name: str) -> None:
        """Forgets what has a name."""


@dataclass(frozen=True, slots=True)
class FolderShare:
    """A folder that all machines have."""

    root: Path

    def put(self, name: str, file: Path) -> None:
        """See `Share`."""
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        waiting = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(file, waiting)
        with waiting.open("rb") as written:
            os.fsync(written.fileno())
        waiting.replace(target)

    def get(self, name: str, file: Path) -> None:
        """See `Share`."""
        shutil.copyfile(self.root / name, file)

    def names(self, below: str) -> Iterator[tuple[str, float]]:
        """See `Share`."""
        for path in (self.root / below).glob("*"):
            yield f"{below}/{path.name}", time.time() - path.stat().st_mtime

    def remove(self, name: str) -> None:
        """See `Share`."""
        (self.root / name).unlink(missing_ok=True)


@dataclass(slots=True)
class Publisher:
    """Publishes what stands in the folder of an index; a file that has not changed is hashed
    once. Blocking."""

    folder: Path
    share: Share
    unused_s: float = UNUSED_S
    _hashes: dict[Path, tuple[tuple[int, int], str]] = field(default_factory=dict)
    _there: set[str] = field(default_factory=set)

    def publish(self) -> str:
        """The version that the folder is now, all of it in the share. Raises OSError, and
        KnowledgeError where there is no index yet."""
        snapshot = current_snapshot(self.folder)
        if snapshot is None:
            raise KnowledgeError("there is no index to publish")
        files = {
            str(path.relative_to(self.folder)): self._hash(path)
            for path in sorted((*_files(snapshot), *_files(self.folder / LABELS)))
        }
        self._there = self._there or {name for name, _ in self.share.names(OBJECTS)}
        for path, digest in files.items():
            if (name := f"{OBJECTS}/{digest}") not in self._there:
                self.share.put(name, self.folder / path)
                self._there.add(name)
        written = json.dumps({"snapshot": snapshot.name, "files": files}, sort_keys=True)
        version = hashlib.sha256(written.encode()).hexdigest()
        with TemporaryDirectory() as folder:
            file = Path(folder) / version
            file.write_text(written)
            self.share.put(f"{VERSIONS}/{version}", file)
        self._prune()
        return version

    def _hash(self, path: Path) -> str:
        found = path.stat()
        seen = (found.st_size, found.st_mtime_ns)
        if path not in self._hashes or self._hashes[path][0] != seen:
            self._hashes[path] = seen, _sha256(path)
        return self._hashes[path][1]

    def _prune(self) -> None:
        """Forgets all but the newest versions, and what none of these has."""
        by_age = sorted(self.share.names(VERSIONS), key=lambda named: named[1])
        kept = [_version(self.share, name) for name, _ in by_age[:KEPT]]
        for name, _ in by_age[KEPT:]:
            self.share.remove(name)
        used = {f"{OBJECTS}/{digest}" for version in kept for digest in version["files"].values()}
        for name, age in list(self.share.names(OBJECTS)):
            if name not in used and age > self.unused_s:
                self.share.remove(name)
                self._there.discard(name)


def fetch(version: str, share: Share, folder: Path) -> None:
    """Makes the folder of an index what it was where this version was published. The old snapshot
    can go on serving: its files are open. Raises OSError, and KnowledgeError where a file is not
    what it should be."""
    found = _version(share, f"{VERSIONS}/{version}")
    files: Mapping[str, str] = found["files"]
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="fetched-") as temporary:
        fresh = Path(temporary)
        for path, digest in files.items():
            target = fresh / path
            if not target.resolve().is_relative_to(fresh.resolve()):
                raise KnowledgeError(f"{path} is no file of an index")
            target.parent.mkdir(parents=True, exist_ok=True)
            own = folder / path
            if own.is_file() and _sha256(own) == digest:
                shutil.copyfile(own, target)
                continue
            share.get(f"{OBJECTS}/{digest}", target)
            if _sha256(target) != digest:
                raise KnowledgeError(f"{path} of version {version} is damaged; publish it again")
        for name in (found["snapshot"], LABELS):
            if (fresh / name).exists() or name == LABELS:
                _exchange(folder / name, fresh / name, fresh / f"old-{name}")
        waiting = fresh / "current"
        waiting.write_text(found["snapshot"])
        waiting.replace(folder / "current")
    for other in folder.glob("snapshot-*"):
        if other.name != found["snapshot"]:
            shutil.rmtree(other, ignore_errors=True)


def _exchange(target: Path, fresh: Path, aside: Path) -> None:
    if target.exists():
        target.rename(aside)
    if fresh.exists():
        fresh.rename(target)


def _version(share: Share, name: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "version"
        share.get(name, file)
        if _sha256(file) != name.rpartition("/")[2]:
            raise KnowledgeError(f"{name} in the share is damaged; publish it again")
        found: dict[str, Any] = json.loads(file.read_text())
        return found


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
