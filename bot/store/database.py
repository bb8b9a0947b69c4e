"""SQLite behind one thread: the event loop never waits for the disk, a connection has one user.

Every unit of work is one transaction, and once handed over it runs to its end in the thread:
cancelling the task that waits for it cannot leave half of it behind.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from bot.store.migrations import UnknownMigration, migrate
from common.batches import Batches
from common.texts import Said

log = logging.getLogger(__name__)

Connection: TypeAlias = sqlite3.Connection
Row: TypeAlias = sqlite3.Row
Work: TypeAlias = Callable[[sqlite3.Connection], Any]

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0

_FAILED = Said("数据库出错", "the store failed")

_NO_SHARED_MEMORY = (
    *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY),
)

_HINTS = {
    sqlite3.SQLITE_BUSY: Said(
        "另一个进程正在使用它：是不是启动了两个机器人？",
        "another process has it open; is a second bot running on it?",
    ),
    sqlite3.SQLITE_FULL: Said("磁盘满了，请腾出空间", "the disk is full; make room"),
    sqlite3.SQLITE_IOERR: Said("磁盘出错或已满", "the disk failed or is full"),
    sqlite3.SQLITE_READONLY: Said(
        "不能写入，请检查所有者和权限", "it can't be written; check its owner and rights"
    ),
    sqlite3.SQLITE_CANTOPEN: Said(
        "打不开，请检查所在目录和权限",
        "it can't be opened; check that its folder exists and its rights",
    ),
    sqlite3.SQLITE_NOTADB: Said(
        "这不是机器人的数据库，请移走", "this is no store of the bot; move it away"
    ),
    sqlite3.SQLITE_CORRUPT: Said(
        "它已损坏，请移走，会新建一个", "it is damaged; move it away, a new one is made"
    ),
}


class StoreError(sqlite3.Error):
    """The store could not be opened, read or written; says what to do. `__cause__` is the error.

    A kind of sqlite3.Error, which is what adapters expect of a failed `publish`.
    """

    zh: str = ""


MOST_TOGETHER = 100
"""Units of work in one transaction. Where one fails, each gets its own."""


class Database:
    """An open file. Made by `open_database`. `problem` is why the last change could not be stored,
    None once one could; `failures` counts what could not be read or stored."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection
        self._batches: Batches[Work, Any] = Batches(
            "store", self._done, MOST_TOGETHER, unheard=_report_unheard
        )
        self.problem: Said | None = None
        self.failures = 0

    async def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Runs `work(connection, ...)` as one transaction, which is on disk when this returns. What
        others have handed over meanwhile shares its commit; it may be run again by itself then, so
        all that it changes must be in the database.

        Whatever it raises rolls it back. Raises StoreError.
        """
        found: T = await self._batches.do(lambda db: work(db, *args, **kwargs))
        return found

    async def close(self) -> None:
        """Finishes what was handed over, and closes the file."""
        await self._batches.close()
        await asyncio.to_thread(_close, self._path, self._connection)

    def _done(self, works: Sequence[Work]) -> Sequence[Any]:
        try:
            return self._transact(lambda db: [work(db) for work in works])
        except StoreError as error:
            self.problem = Said(error.zh, str(error))
            self.failures += 1
            raise

    async def checkpoint(self) -> None:
        """Folds the log into the file, and empties it: what was erased stands in neither. Raises
        StoreError where nobody may work beside the bot; then its next stop does it."""
        await asyncio.to_thread(_fold, self._path)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # Used as a context manager a connection commits, or rolls back when something is raised.
        changes = self._connection.total_changes
        with explained(self._path), self._connection:
            # Commands such as `label` write beside the bot: who waits for them does so here, and
            # not in the middle of a transaction, where waiting would be in vain.
            self._connection.execute("BEGIN IMMEDIATE")
            found = work(self._connection)
        if self._connection.total_changes != changes:
            self.problem = None  # what only reads does well on a full disk, too
        return found


@asynccontextmanager
async def open_database(
    path: Path,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
    *,
    durable: bool = True,
    upgrade: bool = True,
) -> AsyncIterator[Database]:
    """Opens the file, made where there is none, and brings its schema up to date, unless without
    `upgrade`: then it must be. What is not `durable` is lost with the power, which is good enough
    for a file that is thrown away.

    Raises StoreError: no rights, no store, from another version, or used by another process
    for longer than `busy_timeout_s`.
    """
    connection = await asyncio.to_thread(_open, path, busy_timeout_s, durable, upgrade)
    database = Database(path, connection)
    try:
        yield database
    finally:
        await asyncio.shield(database.close())


def insert(db: Connection, table: str, **values: object) -> None:
    """Adds a row; the names of table and columns are ours, the values anybody's."""
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" for _ in values)
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


def _open(path: Path, busy_timeout_s: float, durable: bool, upgrade: bool) -> sqlite3.Connection:
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # What people say in a group is for the bot's user alone to read.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        prepared = partial(_prepared, path, busy_timeout_s, durable=durable, upgrade=upgrade)
        try:
            return prepared(alone=False)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _NO_SHARED_MEMORY:
                raise
            return prepared(alone=True)


def _prepared(
    path: Path, busy_timeout_s: float, *, durable: bool, upgrade: bool, alone: bool
) -> sqlite3.Connection:
    """That there is one bot, `instance` sees to; commands may read and write beside it, unless it
    is `alone`: network and some container volumes lack the shared memory that this takes."""
    connection = sqlite3.connect(
        path,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,  # one after the other: that of `_open`, then that of `Database`
    )
    try:
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA locking_mode = {'EXCLUSIVE' if alone else 'NORMAL'}")
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL survives a killed process, FULL a power cut too: what the bot has acknowledged is
        # never sent again. It costs one fsync per transaction: 0.3 ms on an idle SSD, 3 on a busy
        # one.
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        connection.execute("PRAGMA foreign_keys = ON")
        # What somebody has erased is gone from the file, not only from its tables.
        connection.execute("PRAGMA secure_delete = ON")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection, upgrade=upgrade)
    except BaseException:
        connection.close()
        raise
    return connection


def _fold(path: Path) -> None:
    with explained(path), closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _close(path: Path, connection: sqlite3.Connection) -> None:
    with explained(path):
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the file become a StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
        hint = _HINTS.get(code, _FAILED)
        raise _error(path, Said(f"{hint.zh}（{error}）", f"{hint.en} ({error})")) from error
    except (OSError, UnknownMigration, UnicodeEncodeError) as error:
        raise _error(path, Said(str(error), str(error))) from error


def _error(path: Path, said: Said) -> StoreError:
    error = StoreError(f"{path}: {said.en}")
    error.zh = f"{path}：{said.zh}"
    return error


def _report_unheard(error: BaseException) -> None:
    """Nobody waits for the result any more, but a failure must not go unseen."""
    log.error("a change of the store failed after its task was cancelled: %s", error)
