"""What was found and read before, in one SQLite file. It is only a cache: whatever is wrong with
the file, the search goes on without it."""

import asyncio
import json
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from common.clock import Clock

log = logging.getLogger(__name__)

MAX_ROWS = 2000
BUSY_TIMEOUT_S = 2.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT NOT NULL, until REAL NOT NULL);
CREATE INDEX IF NOT EXISTS kept_until ON kept (until);
"""

T = TypeVar("T")


class Cache:
    """Values that can be written as JSON, each until its time is over. Open it with `async with`;
    SQLite works in a thread of its own."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="search-cache")
        self._file: sqlite3.Connection | None = None
        self.problem = ""

    async def __aenter__(self) -> Self:
        self._file = await self._run(lambda: _open(self._path))
        return self

    async def __aexit__(self, *_: object) -> None:
        file, self._file = self._file, None
        if file:
            await self._run(file.close)
        self._thread.shutdown(wait=False)

    async def get(self, key: str) -> Any:
        """What was kept under a key; None where nothing is, or its time is over."""
        file, now = self._file, self._clock.now()
        return await self._run(lambda: _get(file, key, now)) if file else None

    async def put(self, key: str, value: Any, seconds: float) -> None:
        """Keeps a value for so long."""
        file, now = self._file, self._clock.now()
        if file is None or seconds <= 0:
            return
        text = json.dumps(value, ensure_ascii=False)
        if await self._run(lambda: _put(file, key, text, now, now + seconds)):
            self.problem = ""

    async def _run(self, work: Callable[[], T]) -> T | None:
        """Runs something in the thread; a failure is told once."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError, ValueError) as error:
            if not self.problem:
                log.warning("%s: the search does without its cache: %s", self._path, error)
            self.problem = f"web search: its cache can't be used: {error}"
            return None


def _open(path: Path) -> sqlite3.Connection:
    """A damaged file is replaced: everything in it can be found again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        damaged = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in damaged:
            raise
    log.warning("%s is damaged and made anew", path)
    path.unlink()
    return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    # What people ask in a group is for the bot's user alone to read.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    file = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        file.execute("PRAGMA synchronous = OFF")  # a lost cache costs nothing
        file.executescript(_SCHEMA)
    except BaseException:
        file.close()
        raise
    return file


def _get(db: sqlite3.Connection, key: str, now: float) -> Any:
    query = "SELECT value FROM kept WHERE key = ? AND until > ?"
    row = db.execute(query, (key, now)).fetchone()
    return json.loads(row[0]) if row else None


def _put(db: sqlite3.Connection, key: str, text: str, now: float, until: float) -> Literal[True]:
    with db:
        db.execute("REPLACE INTO kept VALUES (?, ?, ?)", (key, text, until))
        db.execute("DELETE FROM kept WHERE until <= ?", (now,))
        (rows,) = db.execute("SELECT count(*) FROM kept").fetchone()
        if rows > MAX_ROWS:
            db.execute(
                "DELETE FROM kept WHERE key IN (SELECT key FROM kept ORDER BY until LIMIT ?)",
                (rows - MAX_ROWS,),
            )
    return True
