"""The database behind threads: the event loop never waits for it, a connection has one user. All
that may change something is done by one of them.

Every unit of work is one transaction, and once handed over it runs to its end in the thread:
cancelling the task that waits for it cannot leave half of it behind.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from bot.store.cluster.leases import Held, proven
from bot.store.engines.base import HIGHEST as HIGHEST
from bot.store.engines.base import Connection as Connection
from bot.store.engines.base import Engine, StoreAway, StoreBusy
from bot.store.engines.base import Row as Row
from bot.store.engines.base import StoreError as StoreError
from bot.store.engines.base import containing as containing
from bot.store.engines.base import insert as insert
from bot.store.engines.base import insert_if as insert_if
from bot.store.engines.base import insert_numbered as insert_numbered
from bot.store.engines.base import insert_numbered_if as insert_numbered_if
from bot.store.engines.base import locking as locking
from bot.store.engines.base import server_clock as server_clock
from bot.store.engines.base import server_now as server_now
from bot.store.engines.place import PostgresUrl
from bot.store.engines.sqlite import BUSY_TIMEOUT_S, open_sqlite
from common.batches import Batches
from common.texts import Said

log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[Connection], Any]
Fence: TypeAlias = Held | Callable[[Connection], bool]
"""What must still be so: asked once in a transaction, and then so until it ends."""

Place: TypeAlias = Path | PostgresUrl
"""Where a store is: a file of SQLite, or a database of PostgreSQL."""

P = ParamSpec("P")
T = TypeVar("T")

MOST_NOTICE = 8000
"""Bytes, as PostgreSQL bounds them."""

MOST_TOGETHER = 100
"""Units of work in one transaction. Where one fails, each gets its own."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """Work, which is begun only where its fence holds."""

    work: Work
    fence: Fence | None = None


class Database:
    """An open database. Made by `open_database`. `problem` is why the last change could not be
    stored, None once one could; `failures` counts what could not be read or stored."""

    def __init__(self, engine: Engine, reader: Engine | None = None) -> None:
        self._engine, self._reader = engine, reader
        self._batches: Batches[_Unit, Any] = Batches(
            "store",
            self._done,
            MOST_TOGETHER,
            for_all=(StoreBusy, StoreAway),
            unheard=_report_unheard,
        )
        self._looks: Batches[Work, Any] | None = None
        if reader:
            seen = partial(self._seen, reader)
            self._looks = Batches("reads", seen, MOST_TOGETHER, apart=True)
        self.problem: Said | None = None
        self.failures = 0

    async def run(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `work(connection, ...)` as one transaction, which is on disk when this returns. What
        others have handed over meanwhile shares its commit; it may be run again by itself then, so
        all that it changes must be in the database.

        Whatever it raises rolls it back. Raises StoreError.
        """
        found: T = await self._batches.do(_Unit(lambda db: work(db, *args, **kwargs)))
        return found

    async def run_held(
        self,
        fence: Fence,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> tuple[T] | None:
        """As `run` where the fence holds; else None, and the work was not begun."""
        unit = _Unit(lambda db: (work(db, *args, **kwargs),), fence)
        found: tuple[T] | None = await self._batches.do(unit)
        return found

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for what only reads, and perhaps for long: in a thread of its own where the
        database allows that, so that no message waits for it. It sees all that had been stored by
        the time it was asked for. Raises StoreError."""
        if self._looks is None:
            return await self.run(work, *args, **kwargs)
        found: T = await self._looks.do(lambda db: work(db, *args, **kwargs))
        return found

    async def close(self) -> None:
        """Finishes what was handed over, and closes the database."""
        if self._looks:
            await self._looks.close()
        if self._reader:
            await asyncio.to_thread(self._reader.close)
        await self._batches.close()
        await asyncio.to_thread(self._engine.close)

    async def fold(self) -> None:
        """What was erased shall be readable nowhere. Raises StoreError where that has to wait."""
        await asyncio.to_thread(self._engine.fold)

    def _seen(self, reader: Engine, works: Sequence[Work]) -> Sequence[Any]:
        try:
            return reader.transact(lambda db: [work(db) for work in works])[0]
        except StoreError:
            self.failures += 1
            raise

    def _done(self, units: Sequence[_Unit]) -> Sequence[Any]:
        try:
            found, changed = self._engine.transact(partial(_each, units))
        except StoreError as error:
            self.problem = Said(error.zh, str(error))
            self.failures += 1
            raise
        if changed:
            self.problem = None  # what only reads does well on a full disk, too
        return found


@asynccontextmanager
async def open_database(
    place: Place,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
    *,
    durable: bool = True,
    upgrade: bool = True,
) -> AsyncIterator[Database]:
    """Opens the database, a file made where there is none, and brings its schema up to date, unless
    without `upgrade`: then it must be. What is not `durable` is lost with the power, which is good
    enough for a file that is thrown away.

    Raises StoreError: no rights, no store, from another version, or used by another process
    for longer than `busy_timeout_s`.
    """
    engine, reader = await asyncio.to_thread(_open, place, busy_timeout_s, durable, upgrade)
    database = Database(engine, reader)
    try:
        yield database
    finally:
        await asyncio.shield(database.close())


def _open(
    place: Place, busy_timeout_s: float, durable: bool, upgrade: bool
) -> tuple[Engine, Engine | None]:
    if isinstance(place, Path):
        engine = open_sqlite(place, busy_timeout_s, durable=durable, upgrade=upgrade)
        try:
            return engine, engine.reader()
        except StoreError:
            engine.close()
            raise
    # A tenth of a second and 8 MB that a bot with SQLite needn't pay.
    from bot.store.engines.postgres import open_postgres

    return open_postgres(place, upgrade=upgrade), None  # its log is on another machine


def _each(units: Sequence[_Unit], db: Connection) -> list[Any]:
    fences = {unit.fence for unit in units if unit.fence}
    holding: set[Fence] = {one for one in fences if not isinstance(one, Held) and one(db)}
    holding |= proven(db, [one for one in fences if isinstance(one, Held)])
    return [unit.work(db) if not unit.fence or unit.fence in holding else None for unit in units]


def _report_unheard(error: BaseException) -> None:
    """Nobody waits for the result any more, but a failure must not go unseen."""
    log.error("a change of the store failed after its task was cancelled: %s", error)


def notify(db: Connection, topic: str, about: str) -> None:
    """Wakes those who listen, once the transaction is done; SQLite has no such thing. What is too
    long for a notice is said to be anything."""
    if db.dialect == "postgresql":
        shown = about if len(about.encode()) < MOST_NOTICE else ""
        db.execute("SELECT pg_notify(?, ?)", (topic, shown))
