"""SQLite: a file of the data folder, for one bot and the commands beside it. The default."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from bot.store.engines.base import Connection, StoreBusy, StoreError, store_error
from bot.store.schema.migrations import UnknownMigration, migrate
from common.texts import Said

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0

_FAILED = Said("数据库出错", "the store failed")

_GONE = Said(
    "文件在运行中被删除或换掉了：请停掉机器人，放回备份，再启动",
    "it was deleted or replaced while the bot runs; stop the bot, put a backup there, start it",
)

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
    sqlite3.SQLITE_IOERR: Said(
        "磁盘出错、已满，或者变成了只读：请检查剩余空间、挂载方式和系统日志",
        "the disk failed, is full or became read-only; check its room, its mount, the system's log",
    ),
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


_REFUSED = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _HINTS[sqlite3.SQLITE_READONLY]),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _HINTS[sqlite3.SQLITE_FULL]),
}


class SqliteConnection(sqlite3.Connection):
    """Python's own, which queries know by its dialect."""

    dialect: Literal["sqlite"] = "sqlite"


class SqliteEngine:
    """An open file. Made by `open_sqlite`. `handle` is a descriptor of it, which is kept: closing
    one would take SQLite's locks away. Who is `alone` shares the file with nobody."""

    def __init__(
        self, path: Path, handle: int, connection: SqliteConnection, *, alone: bool
    ) -> None:
        self._path, self._handle, self._connection = path, handle, connection
        self._alone = alone
        self._has_names = os.fstat(handle).st_nlink > 0  # which not every file system counts

    def transact(self, work: Callable[[Connection], T]) -> tuple[T, bool]:
        """See `Engine`."""
        changes = self._connection.total_changes
        # Used as a context manager a connection commits, or rolls back when something is raised.
        with explained(self._path), self._connection:
            # Commands such as `label` write beside the bot: who waits for them does so here, and
            # not in the middle of a transaction, where waiting would be in vain.
            self._connection.execute("BEGIN IMMEDIATE")
            found = work(self._connection)
            changed = self._connection.total_changes != changes
            if changed and self._has_names and not os.fstat(self._handle).st_nlink:
                # SQLite would go on in a file that nobody can open any more.
                raise store_error(self._path, _GONE)
        return found, changed

    def reader(self) -> "SqliteReader | None":
        """Who reads sees the file as it was when he began, beside who writes; None where nobody may
        be beside. Raises StoreError."""
        with explained(self._path):
            return None if self._alone else SqliteReader(self._path)

    def fold(self) -> None:
        """Folds the log into the file, and empties it: what was erased stands in neither. Raises
        StoreError where nobody may work beside the bot; then its next stop does it."""
        with (
            explained(self._path),
            closing(sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S)) as connection,
        ):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Folds the log, and closes the file."""
        with explained(self._path):
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._connection.close()
                os.close(self._handle)


class SqliteReader:
    """The file of somebody who writes, for one who only reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _connected(path, BUSY_TIMEOUT_S)
        self._connection.execute("PRAGMA query_only = ON")

    def transact(self, work: Callable[[Connection], T]) -> tuple[T, bool]:
        """See `Engine`."""
        with explained(self._path), self._connection:
            self._connection.execute("BEGIN")
            return work(self._connection), False

    def fold(self) -> None:
        """Who writes does that."""

    def close(self) -> None:
        """See `Engine`."""
        self._connection.close()


def open_sqlite(path: Path, busy_timeout_s: float, *, durable: bool, upgrade: bool) -> SqliteEngine:
    """Opens the file, made where there is none. Raises StoreError."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # What people say in a group is for the bot's user alone to read.
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        prepared = partial(_prepared, path, busy_timeout_s, durable=durable, upgrade=upgrade)
        try:
            try:
                alone, connection = False, prepared(alone=False)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _NO_SHARED_MEMORY:
                    raise
                alone, connection = True, prepared(alone=True)
        except BaseException:
            os.close(handle)
            raise
        return SqliteEngine(path, handle, connection, alone=alone)


def _prepared(
    path: Path, busy_timeout_s: float, *, durable: bool, upgrade: bool, alone: bool
) -> SqliteConnection:
    """That there is one bot, `instance` sees to; commands may read and write beside it, unless it
    is `alone`: network and some container volumes lack the shared memory that this takes."""
    connection = _connected(path, busy_timeout_s)
    try:
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


def _connected(path: Path, busy_timeout_s: float) -> SqliteConnection:
    connection = sqlite3.connect(
        path,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,  # one after the other: who opens it, then the thread of `Database`
        factory=SqliteConnection,
    )
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the file become a StoreError."""
    try:
        yield
    except StoreError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
        hint = _HINTS.get(code, _FAILED)
        said = Said(f"{hint.zh}（{error}）", f"{hint.en} ({error})")
        kind = StoreBusy if code == sqlite3.SQLITE_BUSY else StoreError
        raise store_error(path, said, kind) from error
    except OSError as error:
        hint = _REFUSED.get(error.errno or 0, Said(str(error), str(error)))
        raise store_error(path, hint) from error
    except (UnknownMigration, UnicodeEncodeError) as error:
        raise store_error(path, Said(str(error), str(error))) from error
