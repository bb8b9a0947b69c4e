"""Which processes are alive, what they do and hold. Each function works within one transaction."""

import json
from dataclasses import dataclass
from typing import Any

from bot.store.database import Connection, server_now

ADMISSION = ":admission"
"""The hold of who was admitted last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process: `since` when it began and `seen` when it was last heard of, in seconds since
    the epoch by the database's clock; `state` is what it tells of itself."""

    id: str
    role: str
    host: str
    pid: int
    version: str
    since: float = 0.0
    seen: float = 0.0
    state: dict[str, Any]


def beat(db: Connection, process: Process) -> None:
    """The process is alive."""
    now = server_now(db)
    db.execute(
        "INSERT INTO processes (id, role, host, pid, version, since, seen, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, state = excluded.state",
        (
            *(process.id, process.role, process.host, process.pid, process.version),
            *(now, now, json.dumps(process.state)),
        ),
    )


def admit(db: Connection, process: Process, within_s: float, alone: str) -> list[Process]:
    """The process is alive from now on, unless somebody else is who can't be beside it: of the
    role `alone` there is one and nobody else. Who is in the way."""
    # One after the other: of two that begin together one finds the other.
    db.execute(
        "INSERT INTO holds (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET token = holds.token",
        (ADMISSION,),
    )
    others = [one for one in alive(db, within_s) if one.id != process.id]
    in_the_way = [one for one in others if alone in (one.role, process.role)]
    if not in_the_way:
        db.execute("UPDATE holds SET holder = ? WHERE name = ?", (process.id, ADMISSION))
        beat(db, process)
    return in_the_way


def still_admitted(db: Connection, process: str) -> bool:
    """Was nobody else admitted after this one, who must be alone?"""
    last = "SELECT 1 FROM holds WHERE name = ? AND holder = ?"
    return db.execute(last, (ADMISSION, process)).fetchone() is not None


def ended(db: Connection, process: str) -> None:
    """The process has stopped."""
    db.execute("DELETE FROM processes WHERE id = ?", (process,))


def alive(db: Connection, within_s: float) -> list[Process]:
    """The processes that were heard of lately, by role; those gone for a day are forgotten."""
    now = server_now(db)
    rows = db.execute(
        "SELECT * FROM processes WHERE seen >= ? ORDER BY role, since, id", (now - within_s,)
    ).fetchall()
    return [
        Process(
            id=row["id"],
            role=row["role"],
            host=row["host"],
            pid=row["pid"],
            version=row["version"],
            since=row["since"],
            seen=row["seen"],
            state=json.loads(row["state"]),
        )
        for row in rows
    ]


def forget_dead(db: Connection, seconds: float) -> None:
    """Forgets processes that have not been heard of for so long."""
    db.execute("DELETE FROM processes WHERE seen < ?", (server_now(db) - seconds,))
