"""Where snapshots are published, and the simplest such place: a folder that all machines have."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands in a share: its size in bytes, its age in seconds."""

    name: str
    size: int
    age_s: float


class Share(Protocol):
    """Files by name. All raise OSError."""

    def put(self, name: str, file: Path) -> None:
        """Keeps a file under a name, whole or not at all."""

    def get(self, name: str, file: Path) -> None:
        """Writes what has a name into a file. Raises FileNotFoundError."""

    def names(self, below: str) -> Iterator[Stored]:
        """What is there."""

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

    def names(self, below: str) -> Iterator[Stored]:
        """See `Share`."""
        for path in (self.root / below).glob("*"):
            found = path.stat()
            yield Stored(f"{below}/{path.name}", found.st_size, time.time() - found.st_mtime)

    def remove(self, name: str) -> None:
        """See `Share`."""
        (self.root / name).unlink(missing_ok=True)
