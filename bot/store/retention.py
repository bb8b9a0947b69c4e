"""How entries of the store end: taken back, too old to be answered, too old to be kept."""

import sqlite3

from bot.store.writes import add_decision, reply_failed, settle
from bot.types import Reason

PRUNE_BATCH = 500
"""Decisions deleted in one transaction: others want the thread too."""


def mark_recalled(db: sqlite3.Connection, key: str) -> None:
    """A reply was withdrawn: its text is blanked."""
    db.execute(
        "UPDATE replies SET state = 'recalled', text = '', citations = '[]' WHERE key = ?", (key,)
    )
    settle(db, key)


def recall_message(db: sqlite3.Connection, adapter: str, message_id: str, now: float) -> bool:
    """False when the message is unknown or was recalled before; see `Store.recall_message`."""
    row = db.execute(
        "SELECT seq, grp, state, decision_id FROM messages"
        " WHERE adapter = ? AND message_id = ? AND NOT recalled",
        (adapter, message_id),
    ).fetchone()
    if row is None:
        return False
    if row["state"] == "received":
        _dismiss(db, row["seq"], adapter, row["grp"], Reason.RECALLED, now)
    # The trace may quote words of the message.
    db.execute("UPDATE decisions SET trace = '[]' WHERE id = ?", (row["decision_id"],))
    db.execute(
        "UPDATE messages SET text = '', attachments = '[]', recalled = 1 WHERE seq = ?",
        (row["seq"],),
    )
    return True


def dismiss_stale(db: sqlite3.Connection, now: float, max_age_s: float) -> int:
    """Gives up what is too old to be answered; how many messages that were."""
    unfinished = "SELECT COUNT(*) FROM messages WHERE state IN ('received', 'deciding')"
    before = db.execute(unfinished).fetchone()[0]
    for row in db.execute(
        "SELECT seq, adapter, grp FROM messages WHERE state = 'received' AND due_at < ?",
        (now - max_age_s,),
    ).fetchall():
        _dismiss(db, row["seq"], row["adapter"], row["grp"], Reason.STALE, now)
    for row in db.execute(
        "SELECT key FROM replies WHERE state = 'pending' AND created_at < ?", (now - max_age_s,)
    ).fetchall():
        reply_failed(db, row["key"], now, Reason.STALE)
    return int(before - db.execute(unfinished).fetchone()[0])


def mute(db: sqlite3.Connection, adapter: str, group: str, until: float) -> None:
    """Until then the bot keeps quiet in the group."""
    db.execute("INSERT OR REPLACE INTO mutes VALUES (?, ?, ?)", (adapter, group, until))


def unmute(db: sqlite3.Connection, adapter: str, group: str) -> None:
    """The bot may speak in the group again."""
    db.execute("DELETE FROM mutes WHERE adapter = ? AND grp = ?", (adapter, group))


def prune_batch(db: sqlite3.Connection, before: float) -> int:
    """Deletes some of what was decided before a time, and how many rows; 0 when none is left."""
    at_first = db.total_changes
    # The decision's messages and replies go with it.
    db.execute(
        """
        DELETE FROM decisions WHERE id IN (
            SELECT id FROM decisions WHERE created_at < ? AND NOT EXISTS (
                SELECT 1 FROM replies WHERE decision_id = decisions.id AND state = 'pending'
            ) LIMIT ?
        )
        """,
        (before, PRUNE_BATCH),
    )
    db.execute(
        "DELETE FROM replies WHERE created_at < ? AND decision_id IS NULL AND state != 'pending'",
        (before,),
    )
    db.execute("DELETE FROM mutes WHERE until < ?", (before,))
    return db.total_changes - at_first


def _dismiss(
    db: sqlite3.Connection, seq: int, adapter: str, group: str, reason: Reason, now: float
) -> None:
    decision_id = add_decision(db, adapter, group, "silence", reason, [], now)
    db.execute(
        "UPDATE messages SET state = 'dismissed', decision_id = ? WHERE seq = ?",
        (decision_id, seq),
    )
