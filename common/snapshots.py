"""Publishing a file or folder as a whole: built beside, renamed into place, older ones removed."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(target: Path, data: bytes, rights: int | None = None) -> None:
    """Writes a file; until all of it is on disk what was there stays. It gets these rights, or
    those of any new file. Raises OSError."""
    waiting = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    mode = 0o666 if rights is None else 0o600  # the former as the process's mask allows
    try:
        handle = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if rights is not None:
            waiting.chmod(rights)
        waiting.replace(target)
    finally:
        waiting.unlink(missing_ok=True)


class AlreadyBuilding(Exception):
    """Another process is building in this folder."""


_NAME = re.compile(r"snapshot-(\d+)")


def current_snapshot(folder: Path) -> Path | None:
    """The folder of the snapshot that serves; None before the first build."""
    try:
        name = (folder / "current").read_text(errors="replace").strip()
    except OSError:
        return None
    return folder / name if _NAME.fullmatch(name) and (folder / name).is_dir() else None


@contextmanager
def next_snapshot(folder: Path) -> Iterator[Path]:
    """A folder to fill, not made yet and never used before. It becomes the snapshot that serves;
    where filling it fails it is removed, and the old one stays."""
    numbers = [int(found[1]) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))]
    new = folder / f"snapshot-{max(numbers, default=0) + 1}"
    _keep_only(folder, current_snapshot(folder))  # a build that was killed leaves what it had
    try:
        yield new
        write_whole(folder / "current", new.name.encode())
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    _keep_only(folder, new)


def _keep_only(folder: Path, kept: Path | None) -> None:
    for other in folder.glob("snapshot-*"):
        if other != kept:
            # Whoever still serves it has its files open or in memory.
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keeps other processes from building in a folder, which is made where there is none. Raises
    AlreadyBuilding when one does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyBuilding(
                "another process is building this index; try again when it is done"
            ) from error
        yield
