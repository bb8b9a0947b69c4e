"""What the bot itself reads back from the store: unfinished work, replies, what it said lately.

Nothing here changes the store.
"""

import json
import sqlite3
from dataclasses import dataclass

from adapters.base import Citation, IncomingMessage, Reply
from bot.types import Group, PastAnswer, UnpromptedReply
from common.language import is_chinese


@dataclass(frozen=True, slots=True)
class PendingReply:
    """What an adapter should send; `tried_at` is when it was first handed to the platform, if it
    ever was."""

    adapter: str
    reply: Reply
    tried_at: float | None


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply as it is recorded. `platform_id` is empty until it is sent; `state` is "pending",
    "sent", "failed" or "recalled"."""

    adapter: str
    reply: Reply
    state: str
    platform_id: str

    @property
    def key(self) -> str:
        """The reply's own id."""
        return self.reply.key

    @property
    def group(self) -> str:
        """Where it was posted."""
        return self.reply.group


def unfinished(
    db: sqlite3.Connection, now: float, max_age_s: float
) -> tuple[list[IncomingMessage], list[PendingReply]]:
    """Undecided messages whose turn has come, and pending replies, those young enough, oldest
    first."""
    undecided = """
        SELECT * FROM messages INDEXED BY messages_undecided
        WHERE state = 'received' AND due_at BETWEEN ? AND ? ORDER BY seq
    """
    pending = "SELECT * FROM replies WHERE state = 'pending' AND created_at >= ? ORDER BY seq"
    return (
        [_message(row) for row in db.execute(undecided, (now - max_age_s, now))],
        [
            PendingReply(row["adapter"], _reply(row), row["tried_at"])
            for row in db.execute(pending, (now - max_age_s,))
        ],
    )


def backlog(
    db: sqlite3.Connection, group: Group, now: float, max_age_s: float, limit: int
) -> list[IncomingMessage]:
    """The undecided messages of one group whose turn has come, those young enough, oldest first."""
    rows = db.execute(
        "SELECT * FROM messages INDEXED BY messages_undecided WHERE state = 'received'"
        " AND adapter = ? AND grp = ? AND due_at BETWEEN ? AND ? ORDER BY seq LIMIT ?",
        (*group, now - max_age_s, now, limit),
    )
    return [_message(row) for row in rows]


def kept(db: sqlite3.Connection, now: float) -> list[IncomingMessage]:
    """Undecided messages that were kept for an opening time which has come, oldest first."""
    rows = db.execute(
        "SELECT * FROM messages WHERE state = 'received' AND due_at > received_at"
        " AND due_at <= ? ORDER BY seq",
        (now,),
    )
    return [_message(row) for row in rows]


def reply_for(db: sqlite3.Connection, adapter: str, message_id: str) -> StoredReply | None:
    """The reply to a message, unless it failed or was recalled."""
    return _stored(
        db.execute(
            """
            SELECT r.* FROM replies r JOIN messages m USING (decision_id)
            WHERE m.adapter = ? AND m.message_id = ? AND r.state IN ('pending', 'sent')
            ORDER BY r.seq DESC LIMIT 1
            """,
            (adapter, message_id),
        )
    )


def reply_by_platform_id(
    db: sqlite3.Connection, adapter: str, platform_id: str
) -> StoredReply | None:
    """A reply that stands in a group, by the platform's id of it."""
    return _stored(
        db.execute(
            "SELECT * FROM replies WHERE adapter = ? AND platform_id = ? AND state = 'sent'",
            (adapter, platform_id),
        )
    )


def last_answer(db: sqlite3.Connection, adapter: str, group: str) -> StoredReply | None:
    """The newest answer that stands in a group."""
    return _stored(
        db.execute(
            "SELECT * FROM replies WHERE adapter = ? AND grp = ? AND state = 'sent'"
            " AND kind = 'answer' ORDER BY seq DESC LIMIT 1",
            (adapter, group),
        )
    )


def unprompted_replies(db: sqlite3.Connection, since: float) -> list[UnpromptedReply]:
    """What the bot said without being asked, oldest first; what could not be sent counts too."""
    rows = db.execute(
        """
        SELECT r.adapter, r.grp, r.created_at, MAX(m.user) AS user
        FROM replies r JOIN messages m USING (decision_id)
        WHERE r.created_at >= ? AND r.unprompted GROUP BY r.seq ORDER BY r.seq
        """,
        (since,),
    )
    return [
        UnpromptedReply((row["adapter"], row["grp"]), row["user"], row["created_at"])
        for row in rows
    ]


def recent_answers(db: sqlite3.Connection, since: float) -> list[tuple[Group, PastAnswer]]:
    """The answers that stand, with their questions, oldest first."""
    rows = db.execute(
        "SELECT * FROM replies WHERE created_at >= ? AND kind = 'answer' AND state = 'sent'"
        " ORDER BY seq",
        (since,),
    )
    found: list[tuple[Group, PastAnswer]] = []
    for row in rows.fetchall():
        reply = _reply(row)
        asked = db.execute(
            "SELECT user, text FROM messages WHERE decision_id = ? ORDER BY seq",
            (row["decision_id"],),
        ).fetchall()
        text = "\n".join(line["text"] for line in asked if line["text"].strip())
        if text:
            made_at = row["created_at"]
            entry = PastAnswer(
                reply.key, text, asked[-1]["user"], reply.text, reply.citations, made_at
            )
            found.append(((row["adapter"], row["grp"]), entry))
    return found


def is_recalled(db: sqlite3.Connection, adapter: str, message_id: str) -> bool:
    """Did its author take the message back?"""
    return bool(
        db.execute(
            "SELECT 1 FROM messages WHERE adapter = ? AND message_id = ? AND recalled",
            (adapter, message_id),
        ).fetchone()
    )


def muted_until(db: sqlite3.Connection, adapter: str, group: str, now: float) -> float | None:
    """When the bot may speak in the group again; None when it may now."""
    row = db.execute(
        "SELECT until FROM mutes WHERE adapter = ? AND grp = ? AND until > ?",
        (adapter, group, now),
    ).fetchone()
    return float(row["until"]) if row else None


def _message(row: sqlite3.Row) -> IncomingMessage:
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
    )


def _reply(row: sqlite3.Row) -> Reply:
    cited = tuple(Citation(**fields) for fields in json.loads(row["citations"]))
    return Reply(
        row["key"], row["grp"], row["reply_to"], row["text"], row["kind"], cited, row["user"],
        row["thread"], is_chinese(row["text"]),
    )  # fmt: skip


def _stored(rows: sqlite3.Cursor) -> StoredReply | None:
    row = rows.fetchone()
    return row and StoredReply(row["adapter"], _reply(row), row["state"], row["platform_id"])
