"""What the store's queries see of a database, SQLite and PostgreSQL alike.

A query is SQL text that both understand: values at `?` or `:name`, truth values TRUE and FALSE,
rows by name, `"user"` in quotes, ON CONFLICT and RETURNING. Where a database wants its own words, a
query asks for the `dialect`. No library stands between: measured on the queries of a message,
SQLAlchemy's text() took five times the processor time of sqlite3 itself, and this takes none.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from adapters.base import StoreFailed
from common.texts import Said

T = TypeVar("T")
Dialect: TypeAlias = Literal["sqlite", "postgresql"]
Values: TypeAlias = Sequence[Any] | Mapping[str, Any]


HIGHEST = 2**63 - 1
"""No id and no `seq` is higher."""


class Row(Protocol):
    """Its values by the names of the columns."""

    def __getitem__(self, name: str, /) -> Any: ...
    def keys(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class Differs:
    """A statement for which the databases have no common words; "" for nothing to do."""

    sqlite: str
    postgresql: str


class Cursor(Protocol):
    """What a statement found; `rowcount` is how many rows it changed."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A transaction under way, as a query sees it."""

    @property
    def dialect(self) -> Dialect: ...
    def execute(self, sql: str, values: Values = ..., /) -> Cursor: ...
    def executemany(self, sql: str, values: Iterable[Values], /) -> Cursor: ...


class Engine(Protocol):
    """An open database, used by one thread at a time. All raise StoreError."""

    def transact(self, work: Callable[[Connection], T]) -> tuple[T, bool]:
        """Does some work as one transaction; what it found, and whether it changed anything. It may
        be done again, so all that it changes must be in the database."""

    def fold(self) -> None:
        """What was deleted shall be readable nowhere. Used by any thread."""

    def close(self) -> None:
        """Nobody uses it any more."""


class StoreError(StoreFailed):
    """The store could not be opened, read or written; says what to do. `__cause__` is the error."""

    zh: str = ""


class StoreBusy(StoreError):
    """Another process kept the store for too long: whoever waits too would do so in vain."""


class StoreAway(StoreError):
    """Nobody is there; whatever else is asked now fails as well."""


def store_error(where: object, said: Said, kind: type[StoreError] = StoreError) -> StoreError:
    """One that says in both languages where it happened."""
    error = kind(f"{where}: {said.en}")
    error.zh = f"{where}：{said.zh}"
    return error


class Expression(str):
    """SQL of ours in the place of a value."""


def insert(db: Connection, table: str, **values: object) -> None:
    """Adds a row; the names of table and columns are ours, the values anybody's."""
    db.execute(_insertion(table, values), _given(values))


def insert_numbered(db: Connection, table: str, **values: object) -> int:
    """Adds a row; the id that it got."""
    row = db.execute(f"{_insertion(table, values)} RETURNING id", _given(values)).fetchone()
    return int(row["id"])


def insert_numbered_if(
    db: Connection, table: str, condition: str, given: Sequence[Any], /, **values: object
) -> int | None:
    """Adds a row if a condition, which asks for what is given, holds; the id that it got."""
    added = f"{_insertion(table, values, condition)} RETURNING id"
    row = db.execute(added, (*_given(values), *given)).fetchone()
    return int(row["id"]) if row else None


def insert_if(
    db: Connection, table: str, condition: str, given: Sequence[Any], key: str, /, **values: object
) -> bool:
    """The same, unless there is one with these columns of a key; was it added?"""
    added = f"{_insertion(table, values, condition)} ON CONFLICT ({key}) DO NOTHING"
    return bool(db.execute(added, (*_given(values), *given)).rowcount)


def locking(db: Connection, query: str, kind: str) -> str:
    """A SELECT that keeps its rows from others until the transaction ends; SQLite keeps the whole
    file from them. `kind` is as PostgreSQL has it: "SHARE", "UPDATE SKIP LOCKED"."""
    return query if db.dialect == "sqlite" else f"{query} FOR {kind}"


def server_clock(db: Connection) -> Expression:
    """The time of the database, in seconds since the epoch: the same for all who use it."""
    if db.dialect == "sqlite":
        return Expression(repr(time.time()))  # a file is on the machine of who uses it
    return Expression("EXTRACT(EPOCH FROM clock_timestamp())")


def server_now(db: Connection) -> float:
    """What it shows now."""
    if db.dialect == "sqlite":
        return time.time()
    return float(db.execute(f"SELECT {server_clock(db)} AS now").fetchone()["now"])


def containing(text: str) -> str:
    """A pattern for LIKE ... ESCAPE that finds a text anywhere."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _insertion(table: str, values: Mapping[str, object], condition: str = "TRUE") -> str:
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(one if isinstance(one, Expression) else "?" for one in values.values())
    return f"INSERT INTO {table} ({names}) SELECT {marks} WHERE {condition}"


def _given(values: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(one for one in values.values() if not isinstance(one, Expression))
