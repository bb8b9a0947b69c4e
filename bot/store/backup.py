"""The store's part in a backup: a copy while the bot writes, whether one can be used, and taking
one up, at once or at the bot's next start.

<data>/restored/          what was checked, to be taken up; `complete` says that all of it is there
<data>/before-restore/    what stood there before, until the next time
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.store.engines.base import StoreError
from bot.store.engines.place import FILE
from bot.store.engines.sqlite import BUSY_TIMEOUT_S, explained
from bot.store.schema.migrations import MIGRATIONS

WAITING, BEFORE, COMPLETE, BEGUN = "restored", "before-restore", "complete", "begun"
STORE, KNOWLEDGE, USERS = FILE, "knowledge", "users.json"
CACHES = ("git", "vectors.sqlite")
"""Of the knowledge folder: dear to make again, and right whatever the index."""


def copy_store(source: Path, target: Path) -> None:
    """Copies a store as it is at this moment; who writes to it is not kept waiting. Raises
    StoreError."""
    with (
        explained(source),
        closing(sqlite3.connect(source, timeout=BUSY_TIMEOUT_S)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def check_store(path: Path) -> None:
    """Is this a store that this version of the bot can use? Raises StoreError."""
    with explained(path), closing(sqlite3.connect(path)) as db:
        (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise StoreError(f"the messages are damaged: {found}")
        names = {name for (name,) in db.execute("SELECT name FROM migrations")}
    if newer := sorted(names - {name for name, _ in MIGRATIONS}):
        raise StoreError(f"it was made by a newer version ({', '.join(newer)}); update the bot")


def take_up(folder: Path) -> bool:
    """Puts what waits into its place; False where nothing does. May be interrupted anywhere: then
    the next one goes on. Who calls it holds the lock of the data folder."""
    waiting, before = folder / WAITING, folder / BEFORE
    if not (waiting / COMPLETE).is_file():
        return False
    if not (waiting / BEGUN).exists():
        shutil.rmtree(before, ignore_errors=True)
        before.mkdir()
        (waiting / BEGUN).touch()
    if (waiting / STORE).exists():
        for name in (f"{STORE}-wal", f"{STORE}-shm", STORE):
            _move(folder / name, before / name)
        _move(waiting / STORE, folder / STORE)
    if (waiting / USERS).exists():
        _move(folder / USERS, before / USERS)
        _move(waiting / USERS, folder / USERS)
    if (waiting / KNOWLEDGE).exists():
        _move(folder / KNOWLEDGE, before / KNOWLEDGE)
        _move(waiting / KNOWLEDGE, folder / KNOWLEDGE)
    for name in CACHES:
        if (folder / KNOWLEDGE).is_dir():
            _move(before / KNOWLEDGE / name, folder / KNOWLEDGE / name)
    (waiting / COMPLETE).unlink()
    shutil.rmtree(waiting, ignore_errors=True)
    return True


def _move(source: Path, target: Path) -> None:
    if source.exists() and not target.exists():
        source.rename(target)
