"""PostgreSQL, 15 or newer: one database for the bots of many machines.

A transaction sees the database as it was when it began (REPEATABLE READ); one that would change
what another has changed meanwhile is done again: of two who decide the same message, one finds it
decided. A transaction whose connection broke is done again on a new one; where it broke while
committing, the server is asked first what became of it.
"""

from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

import psycopg
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from bot.store.engines.base import Connection, store_error
from bot.store.engines.place import PostgresUrl
from bot.store.engines.postgres_connection import (
    PostgresConnection,
    Raw,
    connect,
    explained,
    lost,
)
from bot.store.schema.migrations import UnknownMigration, migrate
from common.texts import Said

T = TypeVar("T")

PATIENCE_S = 10.0
"""So long a transaction is tried again while the server is away: a restart takes a few seconds."""

LONGEST_PAUSE_S = 1.0

CAME_BETWEEN = ("40001", "40P01")
"""Another transaction did; what it changed is seen the next time."""

TAKEN = "23505"
"""A key is; the row that has it may have come since this transaction began, and is seen then."""

SCHEMA_LOCK = 8_401_277
"""Who brings the schema up to date holds it: any number, always the same."""


class PostgresEngine:
    """A connection that is made anew when it breaks. Made by `open_postgres`."""

    def __init__(self, url: PostgresUrl, patience_s: float) -> None:
        self._url, self._patience_s = url, patience_s
        self._raw: Raw | None = None
        self._away = False

    def transact(self, work: Callable[[Connection], T]) -> tuple[T, bool]:
        """See `Engine`."""
        taken = 0

        def again(error: BaseException) -> bool:
            nonlocal taken
            if lost(error):
                return not self._away  # the first has waited in vain, for all who come after it
            code = error.sqlstate if isinstance(error, psycopg.Error) else None
            taken += code == TAKEN
            return code in CAME_BETWEEN or (code == TAKEN and taken == 1)

        try:
            done = self._tries(again)(self._once, work)
        except psycopg.Error as error:
            self._away = lost(error)
            raise explained(self._url, error) from error
        except (UnicodeEncodeError, UnknownMigration) as error:
            raise store_error(self._url, Said(str(error), str(error))) from error
        self._away = False
        return done

    def fold(self) -> None:
        """Nothing to do: what was deleted goes when the server cleans up (VACUUM)."""

    def close(self) -> None:
        """Ends the connection."""
        if self._raw is not None:
            self._raw.close()
        self._raw = None

    def _tries(self, again: Callable[[BaseException], bool]) -> Retrying:
        return Retrying(
            retry=retry_if_exception(again),
            wait=wait_random_exponential(multiplier=0.02, max=LONGEST_PAUSE_S),
            stop=stop_after_delay(self._patience_s),
            reraise=True,
        )

    def _once(self, work: Callable[[Connection], T]) -> tuple[T, bool]:
        raw = self._connected()
        try:
            with raw.pipeline() as pipeline:
                raw.execute("BEGIN")
                found = work(PostgresConnection(raw, pipeline))
                row = raw.execute("SELECT pg_current_xact_id_if_assigned()::text AS id").fetchone()
        except BaseException as error:
            self._undo(raw, error)
            raise
        changed: str | None = row["id"] if row else None
        try:
            raw.execute("COMMIT")
        except psycopg.Error as error:
            self._undo(raw, error)
            if not (changed and lost(error) and self._tries(lost)(self._committed, changed)):
                raise
        return found, changed is not None

    def _committed(self, transaction: str) -> bool:
        """What became of a transaction whose connection broke while it was committing."""
        raw = self._connected()
        asked = "SELECT pg_xact_status(%s::xid8) AS status"
        try:
            row = raw.execute(asked, (transaction,)).fetchone()
        except psycopg.errors.InvalidParameterValue:
            return False  # a server that took over has never heard of it
        except psycopg.Error as error:
            self._undo(raw, error)
            raise
        if row and row["status"] == "in progress":
            raise psycopg.OperationalError("the server is still committing")
        return bool(row and row["status"] == "committed")

    def _connected(self) -> Raw:
        if self._raw is None:
            self._raw = connect(self._url)
        return self._raw

    def _undo(self, raw: Raw, error: BaseException) -> None:
        """Nothing is left of a transaction that failed, if need be not even the connection."""
        try:
            if not lost(error):
                raw.execute("ROLLBACK")
        except psycopg.Error:
            self.close()
        if lost(error) or raw.closed:
            self.close()


def open_postgres(
    url: PostgresUrl, *, upgrade: bool, patience_s: float = PATIENCE_S
) -> PostgresEngine:
    """Connects, and brings the schema up to date if `upgrade` allows. Raises StoreError."""

    def bring_up_to_date(db: Connection) -> None:
        # Who waited for the lock must see what its holder did.
        db.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        db.execute("SET LOCAL statement_timeout = 0")
        db.execute("SET LOCAL lock_timeout = 0")
        db.execute("SELECT pg_advisory_xact_lock(?)", (SCHEMA_LOCK,))
        migrate(db, upgrade=upgrade)

    engine = PostgresEngine(url, patience_s)
    try:
        engine.transact(bring_up_to_date)
    except BaseException:
        engine.close()
        raise
    return engine


def probe(url: PostgresUrl) -> str:
    """The server's version, where a bot could lay out its tables. Raises StoreError."""
    try:
        raw = connect(url)
    except psycopg.Error as error:
        raise explained(url, error) from error
    with closing(raw):
        allowed = "SELECT has_schema_privilege(current_schema(), 'CREATE') AS allowed"
        row, version = raw.execute(allowed).fetchone(), raw.info.server_version
    if not (row and row["allowed"]):
        zh, en = "这个用户不能建表", "this user can't create tables"
        raise store_error(url, Said(zh, f"{en}; make it the owner of the database"))
    return f"{version // 10_000}.{version % 10_000}"
