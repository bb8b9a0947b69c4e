"""Publishing snapshots for other machines, and fetching them there. What stands in the share is
named by its hash, and never changes; which version counts, the store says.

objects/<sha256>        a file of a snapshot, or of the labels that its gate is fitted to
versions/<sha256>       which files a version has: JSON {"snapshot", "files": {path: sha256}}
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common.snapshots import current_snapshot
from knowledge.sharing.places import FolderShare, Share
from knowledge.sharing.s3 import open_bucket
from knowledge.sharing.settings import S3Place, S3Settings
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)

LABELS = "labels"
OBJECTS, VERSIONS = "objects", "versions"
KEPT, UNUSED_S = 5, 3600.0
"""Versions that are kept, and how old a file must be to go when none of them has it: what is being
published right now is in no version yet."""


def open_share(place: Path | S3Place, s3: S3Settings) -> Share:
    """What a configuration names. Raises KnowledgeError where something for it is missing."""
    return FolderShare(place) if isinstance(place, Path) else open_bucket(place, s3)


@dataclass(slots=True)
class Publisher:
    """Publishes what stands in the folder of an index; a file that has not changed is hashed
    once. Blocking."""

    folder: Path
    share: Share
    unused_s: float = UNUSED_S
    _hashes: dict[Path, tuple[tuple[int, int], str]] = field(default_factory=dict)

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
        # Asked each time: another scheduler may have had the jobs meanwhile, and cleaned up. What
        # is not as long as it should be was damaged.
        there = {one.name: one.size for one in self.share.names(OBJECTS)}
        for path, digest in files.items():
            name, size = f"{OBJECTS}/{digest}", (self.folder / path).stat().st_size
            if there.get(name) != size:
                self.share.put(name, self.folder / path)
                there[name] = size
        written = json.dumps({"snapshot": snapshot.name, "files": files}, sort_keys=True)
        version = hashlib.sha256(written.encode()).hexdigest()
        with TemporaryDirectory() as folder:
            file = Path(folder) / version
            file.write_text(written)
            self.share.put(f"{VERSIONS}/{version}", file)
        return version

    def _hash(self, path: Path) -> str:
        found = path.stat()
        seen = (found.st_size, found.st_mtime_ns)
        if path not in self._hashes or self._hashes[path][0] != seen:
            self._hashes[path] = seen, _sha256(path)
        return self._hashes[path][1]

    def clean_up(self, current: str, most: int = KEPT) -> None:
        """Forgets all but the version that counts and the newest others, `most` in all, and what
        none of these has: at once what those had that are forgotten, for it may be what somebody
        wants erased. To be called once everybody can know what counts. Raises OSError."""
        used, unused, kept = set[str](), set[str](), 0
        counts = f"{VERSIONS}/{current}"  # a bucket tells ages in seconds, and others may be as old
        for one in sorted(
            self.share.names(VERSIONS), key=lambda one: (one.name != counts, one.age_s)
        ):
            try:
                objects = _objects(_version(self.share, one.name))
            except KnowledgeError as error:
                log.warning("%s; it is removed", error)
                objects = None
            if objects is not None and kept < most:
                used, kept = used | objects, kept + 1
            else:
                unused |= objects or set()
                self.share.remove(one.name)
        for one in list(self.share.names(OBJECTS)):
            if one.name not in used and (one.name in unused or one.age_s > self.unused_s):
                self.share.remove(one.name)


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


def _objects(version: Mapping[str, Any]) -> set[str]:
    return {f"{OBJECTS}/{digest}" for digest in version["files"].values()}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
