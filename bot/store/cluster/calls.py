"""What is asked of the process that holds a connection, and what came of it. Each function works
within one transaction.

A call is 'new', 'started' by whoever holds its target, then 'done' or 'failed'. It is known by its
key: who asks twice gets one result. What it says, texts of people among it, goes when it is done.
"""

import json
from dataclasses import dataclass
from typing import Any

from bot.store.database import Connection, locking, notify, server_now

CALLS, RESULTS = "calls", "results"
"""What is told to those who listen: the target of a new call, the key of one that is done."""

BRIEF_S, LONG_S = 120.0, 7200.0
"""After that nobody reads what came of a call to a platform, or to the scheduler, which is named
with a colon; but for a message that was sent or taken back, which might be asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A method with its arguments, for the holder of `target`; `begun_s` is how many seconds ago an
    earlier holder began it, None where nobody has."""

    key: str
    target: str
    method: str
    payload: dict[str, Any]
    begun_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a call: a value or an error, both as JSON has them. `final` is how it ended;
    else it may be asked for again, for nothing was done."""

    value: Any = None
    error: dict[str, Any] | None = None
    final: bool = True


def ask(db: Connection, call: Call) -> Outcome | None:
    """Puts a call, unless it is under way; what came of it where it is done. One that failed
    before, or that nobody has begun, is made anew."""
    db.execute(
        "INSERT INTO calls (key, target, method, payload, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET state = 'new', started_at = NULL, result = 'null',"
        " payload = excluded.payload, at = excluded.at WHERE calls.state IN ('new', 'failed')",
        (call.key, call.target, call.method, json.dumps(call.payload), server_now(db)),
    )
    notify(db, CALLS, call.target)
    return outcome(db, call.key)


def outcome(db: Connection, key: str) -> Outcome | None:
    """What came of a call; None while it is under way or unknown."""
    query = "SELECT state, result FROM calls WHERE key = ? AND state IN ('done', 'failed')"
    row = db.execute(query, (key,)).fetchone()
    if row is None:
        return None
    return Outcome(**json.loads(row["result"]), final=row["state"] == "done")


def take_back(db: Connection, key: str) -> bool:
    """Nobody waits for a call any more; True when nobody had begun it."""
    gone = db.execute("DELETE FROM calls WHERE key = ? AND state = 'new'", (key,))
    return bool(gone.rowcount)


def take_calls(
    db: Connection, target: str, token: int, holder: str, most: int, *, within_s: float
) -> list[Call]:
    """The next calls, the oldest first, those that an earlier holder had begun as well; none where
    the token is not the holder's any more. What was last asked for longer ago than `within_s`
    nobody waits for: who asked has died, and a message would come late, behind the bot's back."""
    held = "SELECT 1 FROM holds WHERE name = ? AND holder = ? AND token = ?"
    if not db.execute(locking(db, held, "SHARE"), (target, holder, token)).fetchone():
        return []
    now = server_now(db)
    rows = db.execute(
        "SELECT key, method, payload, started_at FROM calls WHERE target = ?"
        " AND ((state = 'new' AND at >= ?) OR (state = 'started' AND token < ?))"
        " ORDER BY seq LIMIT ?",
        (target, now - within_s, token, most),
    ).fetchall()
    db.executemany(
        "UPDATE calls SET state = 'started', token = ?, started_at = COALESCE(started_at, ?)"
        " WHERE key = ?",
        [(token, now, row["key"]) for row in rows],
    )
    return [
        Call(
            key=row["key"],
            target=target,
            method=row["method"],
            payload=json.loads(row["payload"]),
            begun_s=None if row["started_at"] is None else now - row["started_at"],
        )
        for row in rows
    ]


def finish(db: Connection, key: str, token: int, found: Outcome) -> None:
    """What came of a call that was begun; nothing where a later holder has it."""
    result = json.dumps({"value": found.value, "error": found.error})
    db.execute(
        "UPDATE calls SET state = ?, result = ?, payload = '{}'"
        " WHERE key = ? AND state = 'started' AND token = ?",
        ("done" if found.final else "failed", result, key, token),
    )
    notify(db, RESULTS, key)


def prune_calls(db: Connection, seconds: float) -> int:
    """Forgets calls that are so old, and those sooner of which nobody reads what came of them; how
    many. Of a reply that is still to be sent it stays known whether it was."""
    now = server_now(db)
    old = db.execute(
        "DELETE FROM calls WHERE at < ? AND NOT (method = 'send' AND EXISTS"
        " (SELECT 1 FROM replies r WHERE r.key = substr(calls.key, 6) AND r.state = 'pending'))",
        (now - seconds,),
    )
    # Looked for among the latest alone: this is done every minute.
    unread = db.execute(
        "DELETE FROM calls WHERE at < ? AND at >= ? AND method NOT IN ('send', 'recall')"
        " AND at < CASE WHEN substr(target, 1, 1) = ':' THEN ? ELSE ? END",
        (now - BRIEF_S, now - 2 * LONG_S, now - LONG_S, now - BRIEF_S),
    )
    return old.rowcount + unread.rowcount
