"""The messages of people, until they are decided. Each function works within one transaction."""

import json

from adapters.base import IncomingMessage
from bot.store.database import Connection, Row, insert_if
from bot.store.engines.base import Expression
from bot.store.groups import heard_of
from bot.types import Group

NOBODY = ""
"""The author of a message that was taken back before it came."""


def add_message(
    db: Connection, message: IncomingMessage, received_at: float, due_at: float | None = None
) -> bool:
    """Takes in a message; False when the adapter brought it before. `due_at` is when its turn
    comes, at once where it isn't given."""
    if db.dialect == "sqlite":  # PostgreSQL finds that out on the way, without being asked
        known = "SELECT 1 FROM messages WHERE adapter = ? AND message_id = ?"
        if db.execute(known, (message.adapter, message.message_id)).fetchone():
            return False
    heard_of(db, message.adapter, message.group, received_at)
    return insert_if(
        db,
        "messages",
        "TRUE",
        (),
        "adapter, message_id",
        seq=next_seq(db),
        adapter=message.adapter,
        grp=message.group,
        user=message.user,
        message_id=message.message_id,
        text=storable(message.text),
        sent_at=message.sent_at,
        received_at=received_at,
        due_at=received_at if due_at is None else due_at,
        mention=message.mention,
        reply_to=message.reply_to,
        attachments=json.dumps(message.attachments),
        mentions=json.dumps(message.mentions),
        thread=message.thread,
        login=message.login,
    )


def edit_message(db: Connection, adapter: str, message_id: str, text: str) -> bool:
    """The author changed a message; True when it is undecided and says something else now."""
    changed = db.execute(
        "UPDATE messages SET text = ? WHERE adapter = ? AND message_id = ? AND text != ?"
        " AND state = 'received'",
        (storable(text), adapter, message_id, storable(text)),
    )
    return bool(changed.rowcount)


def undecided(
    db: Connection, now: float, max_age_s: float, group: Group | None = None
) -> list[IncomingMessage]:
    """The undecided messages whose turn has come, those not older than `max_age_s`, oldest
    first; those of one group, where it is given."""
    query = "SELECT * FROM messages WHERE state = 'received' AND due_at BETWEEN ? AND ?"
    rows = db.execute(
        query + in_group(group) + " ORDER BY seq", (now - max_age_s, now, *(group or ()))
    )
    return [incoming_message(row) for row in rows]


def backlog(
    db: Connection, group: Group, now: float, max_age_s: float, limit: int
) -> list[IncomingMessage]:
    """The same of one group, at most `limit` of them."""
    rows = db.execute(
        "SELECT * FROM messages WHERE state = 'received' AND adapter = ? AND grp = ?"
        " AND due_at BETWEEN ? AND ? ORDER BY seq LIMIT ?",
        (*group, now - max_age_s, now, limit),
    )
    return [incoming_message(row) for row in rows]


def kept(db: Connection, now: float, group: Group | None = None) -> list[IncomingMessage]:
    """Undecided messages that were kept for an opening time which has come, oldest first."""
    query = (
        "SELECT * FROM messages WHERE state = 'received' AND due_at > received_at"
        " AND due_at BETWEEN 0 AND ?"
    )
    rows = db.execute(query + in_group(group) + " ORDER BY seq", (now, *(group or ())))
    return [incoming_message(row) for row in rows]


def in_group(group: Group | None) -> str:
    """What narrows a query to one group, whose parts come next in its parameters."""
    return "" if group is None else " AND adapter = ? AND grp = ?"


def is_recalled(db: Connection, adapter: str, message_id: str) -> bool:
    """Did its author take the message back?"""
    recalled = "SELECT 1 FROM messages WHERE adapter = ? AND message_id = ? AND recalled"
    return db.execute(recalled, (adapter, message_id)).fetchone() is not None


def touch(db: Connection) -> None:
    """Writes what says nothing: does the disk take it?"""
    db.execute(
        "INSERT INTO state VALUES ('touched', 0)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    )


def next_seq(db: Connection) -> int | Expression:
    """The next number of a message or reply."""
    if db.dialect == "postgresql":
        return Expression("nextval('seq')")
    counted = "UPDATE state SET value = value + 1 WHERE key = 'seq' RETURNING value"
    return int(db.execute(counted).fetchone()["value"])


def storable(text: str) -> str:
    """Platforms sometimes cut an emoji in two: half of one is no Unicode. And PostgreSQL takes no
    NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def incoming_message(row: Row) -> IncomingMessage:
    """A row as what it was when it came in."""
    return IncomingMessage(
        adapter=row["adapter"],
        group=row["grp"],
        user=row["user"],
        message_id=row["message_id"],
        text=row["text"],
        sent_at=row["sent_at"],
        mention=bool(row["mention"]),
        reply_to=row["reply_to"],
        attachments=tuple(json.loads(row["attachments"])),
        mentions=tuple(json.loads(row["mentions"])),
        thread=row["thread"],
        login=row["login"],
    )
