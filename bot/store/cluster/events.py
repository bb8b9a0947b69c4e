"""What platforms sent, until a lane has taken it in. Each function works within one transaction."""

import json
from dataclasses import dataclass

from adapters.base import Event, IncomingMessage
from bot.store.cluster.payloads import event_key, event_of, event_payload
from bot.store.database import Connection, insert_if, notify, server_clock, server_now
from bot.types import Group

EVENTS = "events"
"""What is told to those who listen: the group of something new."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that no lane has taken in yet."""

    seq: int
    event: Event


def add_event(db: Connection, event: Event) -> bool:
    """Keeps an event for its group's lane; False when it waits there already, or was taken in. Of
    what is no message the last counts: what is said again after something else comes after it."""
    key, again = event_key(event), False
    condition, given = "TRUE", tuple[str, ...]()
    if isinstance(event, IncomingMessage):
        condition = "NOT EXISTS (SELECT 1 FROM messages WHERE adapter = ? AND message_id = ?)"
        given = (event.adapter, event.message_id)
    else:
        said = "DELETE FROM events WHERE adapter = ? AND key = ?"
        again = bool(db.execute(said, (event.adapter, key)).rowcount)
    added = insert_if(
        db,
        "events",
        condition,
        given,
        "adapter, key",
        adapter=event.adapter,
        grp=event.group,
        key=key,
        payload=event_payload(event),
        at=server_clock(db),
    )
    if added:
        notify(db, EVENTS, lane_name((event.adapter, event.group)))
    return added and not again


def lane_name(group: Group) -> str:
    """A group as those who listen are told of it."""
    return json.dumps(group)


def next_events(db: Connection, group: Group, limit: int) -> list[Waiting]:
    """The oldest events of a group."""
    rows = db.execute(
        "SELECT seq, payload FROM events WHERE adapter = ? AND grp = ? ORDER BY seq LIMIT ?",
        (*group, limit),
    ).fetchall()
    return [Waiting(row["seq"], event_of(row["payload"])) for row in rows]


def drop_events(db: Connection, taken: list[Waiting]) -> None:
    """These were taken in."""
    db.executemany("DELETE FROM events WHERE seq = ?", [(one.seq,) for one in taken])


def oldest_event_s(db: Connection) -> float | None:
    """The age in seconds of the event that waits longest; None where none does."""
    row = db.execute("SELECT at FROM events ORDER BY seq LIMIT 1").fetchone()
    return max(0.0, server_now(db) - row["at"]) if row else None


def count_events(db: Connection) -> int:
    """How many wait; it goes through all of them."""
    return int(db.execute("SELECT COUNT(*) AS n FROM events").fetchone()["n"])
