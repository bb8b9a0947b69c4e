"""A store carried over into another database, whole or not at all.

All of it happens in one transaction of each side. Rows are read in pages, by their key; at the end
the target is read again, and each table must have as many rows as the source and the same sum over
them.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from graphlib import TopologicalSorter
from hashlib import blake2b
from typing import Any

from bot.store.cluster.processes import Process, admit, ended
from bot.store.database import Connection, StoreError
from bot.store.engines.base import Engine
from bot.store.engines.sqlite import SqliteConnection
from bot.store.schema.migrations import migrate

PAGE = 500
LEFT = frozenset({"migrations", "processes", "holds"})
"""Made anew: the layout, and who is alive."""

COUNTER = "seq"
"""What counts messages and replies: a row of `state` in SQLite, a sequence in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the layout; `numbered` where the database counts its key up."""

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    numbered: bool


@dataclass(slots=True)
class Sum:
    """How many rows, and a sum over them that doesn't depend on their order."""

    rows: int = 0
    total: int = 0

    def add(self, row: Sequence[Any]) -> None:
        digest = blake2b(repr(row).encode(), digest_size=8).digest()
        self.rows += 1
        self.total = (self.total + int.from_bytes(digest)) % 2**64


def move(source: Engine, target: Engine, process: Process, alive_s: float) -> int:
    """Copies everything; how many rows. Raises StoreError where a bot uses one of them, the target
    isn't empty, or what came over isn't what was there."""

    def work(old: Connection) -> int:
        return target.transact(lambda new: _copied(old, new, process, alive_s))[0]

    return source.transact(work)[0]


def layout() -> list[Table]:
    """All tables, each behind those that it refers to."""
    with closing(sqlite3.connect(":memory:", factory=SqliteConnection)) as db:
        db.row_factory = sqlite3.Row
        migrate(db)
        found, refers = {}, {}
        for row in db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall():
            name = row["name"]
            columns = db.execute("SELECT * FROM pragma_table_info(?)", (name,)).fetchall()
            key = sorted((one for one in columns if one["pk"]), key=lambda one: int(one["pk"]))
            found[name] = Table(
                name=name,
                columns={one["name"]: one["type"] for one in columns},
                key=tuple(one["name"] for one in key),
                numbered="AUTOINCREMENT" in row["sql"],
            )
            others = db.execute('SELECT "table" FROM pragma_foreign_key_list(?)', (name,))
            refers[name] = {other["table"] for other in others}
    return [found[name] for name in TopologicalSorter(refers).static_order() if name not in LEFT]


def _copied(old: Connection, new: Connection, process: Process, alive_s: float) -> int:
    for db in (old, new):
        _keep_others_out(db, process, alive_s)
    tables = layout()
    _refuse_filled(new, tables)
    new.execute("DELETE FROM state")
    rows = sum(_copy(old, new, table) for table in tables)
    _set_counter(new, _counter(old))
    for db in (old, new):
        ended(db, process.id)
    return rows


def _keep_others_out(db: Connection, process: Process, alive_s: float) -> None:
    if db.dialect == "postgresql":
        # While one side works on a large table, the other waits.
        db.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    # Who begins to use it meanwhile has to wait until this transaction is over.
    if others := admit(db, process, alive_s, process.role):
        one = others[0]
        raise StoreError(f"a bot uses it: process {one.pid} on {one.host}; stop it first")


def _refuse_filled(db: Connection, tables: Sequence[Table]) -> None:
    for table in tables:
        filled = f"SELECT 1 FROM {_quoted(table.name)} LIMIT 1"  # noqa: S608 - the layout is ours
        if table.name != "state" and db.execute(filled).fetchone():
            raise StoreError(f"there is something in {table.name} already; name an empty database")


def _copy(old: Connection, new: Connection, table: Table) -> int:
    there, here = Sum(), Sum()
    for page in _pages(old, table):
        for row in page:
            there.add(row)
        new.executemany(_insertion(table), page)
    for page in _pages(new, table):
        for row in page:
            here.add(row)
    if there != here:
        raise StoreError(f"{table.name} did not come over as it was: {here.rows} rows")
    if table.numbered:
        _set_number(new, table, _number(old, table))
    return there.rows


def _pages(db: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    columns = ", ".join(map(_quoted, table.columns))
    key = ", ".join(map(_quoted, table.key))
    marks = ", ".join("?" for _ in table.key)
    query = f"SELECT {columns} FROM {_quoted(table.name)}"  # noqa: S608 - the layout is ours
    last: tuple[Any, ...] = ()
    while True:
        where = f" WHERE ({key}) > ({marks})" if last else ""
        rows = db.execute(f"{query}{where} ORDER BY {key} LIMIT {PAGE}", last).fetchall()
        if not rows:
            return
        last = tuple(rows[-1][name] for name in table.key)
        page = [_values(table, row) for row in rows]
        yield [one for one in page if table.name != "state" or one[0] != COUNTER]


def _values(table: Table, row: Any) -> tuple[Any, ...]:
    return tuple(_value(kind, row[name]) for name, kind in table.columns.items())


def _value(kind: str, value: Any) -> Any:
    """As both databases have it: an older SQLite file has numbers for truth values."""
    if value is None:
        return None
    if kind == "TEXT":
        return value.replace("\0", "")
    return {"BOOLEAN": bool, "REAL": float, "INTEGER": int}[kind](value)


def _insertion(table: Table) -> str:
    columns = ", ".join(map(_quoted, table.columns))
    marks = ", ".join("?" for _ in table.columns)
    return f"INSERT INTO {_quoted(table.name)} ({columns}) VALUES ({marks})"  # noqa: S608 - the layout is ours


def _number(db: Connection, table: Table) -> int:
    """The highest number that was given: one that was deleted is not given again."""
    if db.dialect == "sqlite":
        given = "SELECT seq AS n FROM sqlite_sequence WHERE name = ?"
        row = db.execute(given, (table.name,)).fetchone()
        return int(row["n"]) if row else 0
    given = "SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(?, ?) AS regclass)) AS n"
    row = db.execute(given, (_quoted(table.name), table.key[0])).fetchone()
    return int(row["n"] or 0)


def _set_number(db: Connection, table: Table, number: int) -> None:
    if db.dialect == "sqlite":
        db.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, number))
    elif number:
        given = "SELECT setval(CAST(pg_get_serial_sequence(?, ?) AS regclass), ?)"
        db.execute(given, (_quoted(table.name), table.key[0], number))


def _counter(db: Connection) -> int:
    if db.dialect == "sqlite":
        row = db.execute("SELECT value FROM state WHERE key = ?", (COUNTER,)).fetchone()
    else:
        row = db.execute("SELECT pg_sequence_last_value('seq') AS value").fetchone()
    return int(row["value"] or 0)


def _set_counter(db: Connection, number: int) -> None:
    if db.dialect == "sqlite":
        db.execute("INSERT INTO state VALUES (?, ?)", (COUNTER, number))
    elif number:
        db.execute("SELECT setval('seq', ?)", (number,))


def _quoted(name: str) -> str:
    return f'"{name}"'
