"""`backup`, `restore`: all that can't be built again, in one file with its checksums.

A backup is a compressed tar. Its first entry says what is in it; then come the store, the snapshot
of the index that serves with its fitted gate, the labels that the gate took up, and the logins.
"""

import argparse
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bot.cli.index import say
from bot.config.schema import Config
from bot.store.backup import (
    BEFORE,
    BEGUN,
    COMPLETE,
    KNOWLEDGE,
    STORE,
    USERS,
    WAITING,
    check_store,
    copy_store,
    take_up,
)
from bot.store.database import StoreError
from bot.store.instance import only_instance, running
from common.snapshots import current_snapshot
from knowledge.gate.refit import FOLDER as LABELS

MANIFEST, FORMAT = "manifest.json", 1
MAX_MANIFEST_BYTES = 10_000_000
MAX_FILES = 100_000

_NAME = re.compile(
    rf"{re.escape(STORE)}|{re.escape(USERS)}|{KNOWLEDGE}/(?:current|snapshot-\d+(?:/(?!\.\.?(?:/|$))[\w.-]+)+|{LABELS}/\d+\.jsonl)"
)
_STAGING = ".backup"


class BackupError(StoreError):
    """A backup can't be made or used; says why."""


def pack_or_restore(config: Config, args: argparse.Namespace) -> int:
    """The two commands on a data folder. Raises StoreError or OSError."""
    folder, place = config.bot.data_dir, config.store_place
    if not isinstance(place, Path):
        raise BackupError(
            f"the messages are in {place}: pg_dump and pg_restore save them and bring them back; "
            f"of {folder} copy {KNOWLEDGE}/{LABELS} and {USERS}, the index is built again"
        )
    if args.command == "backup":
        return pack(folder, args.file)
    return restore(folder, args.file, replace=args.replace)


def pack(folder: Path, target: Path) -> int:
    """`backup FILE`: beside the running bot, or without one."""
    if not (folder / STORE).is_file():
        raise BackupError(f"there is nothing to back up in {folder}")
    waiting = target.with_name(f"{target.name}.part")
    with _staging(folder) as staging:
        copy_store(folder / STORE, staging / STORE)
        if (folder / USERS).is_file():
            shutil.copyfile(folder / USERS, staging / USERS)
        _link_knowledge(folder / KNOWLEDGE, staging / KNOWLEDGE)
        files = sorted(path for path in staging.rglob("*") if path.is_file())
        names = [path.relative_to(staging).as_posix() for path in files]
        figures = {name: _figures(path) for name, path in zip(names, files, strict=True)}
        made_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        manifest = {"format": FORMAT, "made_at": made_at, "files": figures}
        # What people said is for the bot's user alone to read.
        with (
            os.fdopen(os.open(waiting, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as out,
            tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as archive,
        ):
            _add(archive, MANIFEST, io.BytesIO(json.dumps(manifest, indent=1).encode()))
            for name, path in zip(names, files, strict=True):
                with path.open("rb") as file:
                    _add(archive, name, file)
    with waiting.open("rb") as written:
        os.fsync(written.fileno())
    waiting.replace(target)
    whole = sum(entry["size"] for entry in figures.values())
    packed = target.stat().st_size
    say(f"{target}: {len(files)} files, {whole / 1e6:.1f} MB, packed {packed / 1e6:.1f} MB")
    return 0


def restore(folder: Path, file: Path, *, replace: bool) -> int:
    """`restore FILE`: everything is checked before anything is touched."""
    there = (folder / STORE).exists()
    holder = running(folder)
    if (there or holder) and not replace:
        what = f"{holder or f'there are messages in {folder}'}; with --replace they are put aside"
        raise BackupError(f"{what}, and a running bot takes the backup up when it is restarted")
    folder.mkdir(parents=True, exist_ok=True)
    waiting = folder / WAITING
    if (waiting / BEGUN).exists():
        # What it has put aside is nowhere else yet, and would go with the next one.
        raise BackupError(
            f"a restore into {folder} was interrupted: start the bot once, which ends it, and look "
            f"into {folder / BEFORE} before you restore again"
        )
    shutil.rmtree(waiting, ignore_errors=True)
    try:
        count, made_at = unpack(file, waiting)
        (waiting / COMPLETE).touch()
    except BaseException:
        shutil.rmtree(waiting, ignore_errors=True)
        raise
    say(f"{file}: {count} files of {made_at}, all checked")
    if holder:
        say(f"{holder}; it takes them up when it is restarted")
        return 0
    with only_instance(folder, "is restored"):
        take_up(folder)
    say(f"restored; what was there before is in {folder / BEFORE}" if there else "restored")
    return 0


def unpack(file: Path, target: Path) -> tuple[int, str]:
    """Unpacks a backup into a folder and checks all of it; how many files, and of when. Raises
    BackupError, StoreError or OSError."""
    try:
        with tarfile.open(file, "r:gz") as archive:
            entries = iter(archive)
            manifest = _manifest(archive, next(entries, None))
            files: dict[str, Any] = manifest["files"]
            made_at = str(manifest["made_at"])
            missing = set(files)
            for entry in entries:
                if entry.name not in missing or not entry.isfile():
                    raise BackupError(f"{file}: {entry.name!r} does not belong to a backup")
                _unpack(archive, entry, files[entry.name], target)
                missing.remove(entry.name)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
        raise BackupError(f"{file} is no backup, or damaged: {error}") from error
    if missing:
        raise BackupError(f"{file} is damaged: {sorted(missing)[0]} is missing")
    check_store(target / STORE)
    return len(files), made_at


def _manifest(archive: tarfile.TarFile, entry: tarfile.TarInfo | None) -> Mapping[str, Any]:
    if entry is None or entry.name != MANIFEST or entry.size > MAX_MANIFEST_BYTES:
        raise ValueError("it does not begin with its manifest")
    manifest = json.loads(_opened(archive, entry).read())
    if manifest["format"] != FORMAT:
        raise BackupError(f"the backup has the format {manifest['format']!r}; update the bot")
    names = list(manifest["files"])
    if STORE not in names or len(names) > MAX_FILES or not all(map(_NAME.fullmatch, names)):
        raise ValueError("its manifest names what no backup holds")
    return dict(manifest)


def _unpack(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, told: Mapping[str, Any], target: Path
) -> None:
    if entry.size != told["size"]:
        raise ValueError(f"{entry.name} has another size than its manifest says")
    path = target / entry.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as out:
        shutil.copyfileobj(_opened(archive, entry), out)
        out.flush()
        os.fsync(out.fileno())
    if _figures(path)["sha256"] != told["sha256"]:
        raise ValueError(f"{entry.name} has another checksum than its manifest says")


def _opened(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(entry)
    if file is None:
        raise ValueError(f"{entry.name} is no file")
    return file


def _figures(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {
            "size": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = file.seek(0, os.SEEK_END), 0o600
    file.seek(0)
    archive.addfile(entry, file)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder on the disk of the data, empty, for one backup at a time."""
    staging = folder / _STAGING
    staging.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(staging, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("another backup is being made") from None
        for left in staging.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield staging
        shutil.rmtree(staging, ignore_errors=True)
    finally:
        os.close(handle)


def _link_knowledge(source: Path, target: Path) -> None:
    """The snapshot that serves and the labels, by links: files there are never written twice. A
    build may publish another snapshot meanwhile: then that one is taken."""
    for _ in range(3):
        shutil.rmtree(target, ignore_errors=True)
        snapshot = current_snapshot(source)
        labels = source / LABELS
        parts = [part for part in (snapshot, labels if labels.is_dir() else None) if part]
        try:
            for part in parts:
                shutil.copytree(part, target / part.name, copy_function=os.link)
        except (shutil.Error, FileNotFoundError):
            continue
        if snapshot:
            (target / "current").write_text(snapshot.name)
        return
    raise BackupError("the index is being exchanged again and again; try again later")
