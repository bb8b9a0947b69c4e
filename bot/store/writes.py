"""What changes in the store: each function is one transaction on the connection it is given.

A message is 'received', then either 'dismissed' for good, or 'deciding' while its reply is
'pending', then 'answered' or 'dismissed'. A pending reply becomes 'sent' or 'failed', a sent one
perhaps 'recalled'.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from numbers import Real

from adapters.base import IncomingMessage, Reply
from bot.types import Reason, Trace


def add_message(
    db: sqlite3.Connection, message: IncomingMessage, received_at: float, due_at: float
) -> bool:
    """False when the adapter brought this message before."""
    known = "SELECT 1 FROM messages WHERE adapter = ? AND message_id = ?"
    if db.execute(known, (message.adapter, message.message_id)).fetchone():
        return False
    db.execute(
        """
        INSERT INTO messages (seq, adapter, grp, user, message_id, text, sent_at, received_at,
                              due_at, mention, reply_to, attachments, mentions, thread)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            _next_seq(db),
            message.adapter,
            message.group,
            message.user,
            message.message_id,
            _storable(message.text),
            message.sent_at,
            received_at,
            due_at,
            message.mention,
            message.reply_to,
            json.dumps(message.attachments),
            json.dumps(message.mentions),
            message.thread,
        ),
    )
    return True


def edit_message(db: sqlite3.Connection, adapter: str, message_id: str, text: str) -> bool:
    """Changes the text of an undecided message; False when there is no such one, or it says so
    already."""
    changed = db.execute(
        "UPDATE messages SET text = ? WHERE adapter = ? AND message_id = ? AND text != ?"
        " AND state = 'received'",
        (_storable(text), adapter, message_id, _storable(text)),
    )
    return bool(changed.rowcount)


def decide(
    db: sqlite3.Connection,
    *,
    adapter: str,
    group: str,
    message_ids: Sequence[str],
    outcome: str,
    reason: str,
    trace: Trace,
    reply: Reply | None,
    now: float,
) -> int | None:
    """Records a decision and puts its reply into the outbox; see `Store.decide`."""
    undecided = db.execute(
        """
        SELECT seq, mention FROM messages WHERE adapter = ? AND state = 'received'
        AND message_id IN (SELECT value FROM json_each(?))
        """,
        (adapter, json.dumps(list(message_ids))),
    ).fetchall()
    if not undecided:
        return None
    decision_id = add_decision(db, adapter, group, outcome, reason, trace, now)
    db.executemany(
        "UPDATE messages SET state = ?, decision_id = ? WHERE seq = ?",
        [("deciding" if reply else "dismissed", decision_id, row["seq"]) for row in undecided],
    )
    if reply:
        asked_for = reason == Reason.COMMAND or any(row["mention"] for row in undecided)
        add_reply(db, adapter, reply, now, decision_id, unprompted=not asked_for)
    return decision_id


def add_reply(
    db: sqlite3.Connection,
    adapter: str,
    reply: Reply,
    now: float,
    decision_id: int | None = None,
    *,
    unprompted: bool = False,
) -> None:
    """Puts a reply into the outbox."""
    db.execute(
        """
        INSERT INTO replies (seq, key, decision_id, adapter, grp, reply_to, kind, text, citations,
                             created_at, unprompted, user, thread)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            _next_seq(db),
            reply.key,
            decision_id,
            adapter,
            reply.group,
            reply.reply_to,
            reply.kind,
            _storable(reply.text),
            json.dumps([asdict(citation) for citation in reply.citations]),
            now,
            unprompted,
            reply.user,
            reply.thread,
        ),
    )


def reply_tried(db: sqlite3.Connection, key: str, now: float | None) -> None:
    """A pending reply is about to be handed to its platform; the first time counts. None: it is
    certain that the platform does not have it."""
    tried_at = "COALESCE(tried_at, :now)" if now is not None else "NULL"
    db.execute(
        f"UPDATE replies SET tried_at = {tried_at} WHERE key = :key AND state = 'pending'",  # noqa: S608  # both texts are ours
        {"now": now, "key": key},
    )


def reply_sent(db: sqlite3.Connection, key: str, platform_id: str, now: float) -> None:
    """A pending reply is in the group. Raises LookupError when no such reply is pending."""
    changed = db.execute(
        "UPDATE replies SET state = 'sent', platform_id = ?, settled_at = ?"
        " WHERE key = ? AND state = 'pending'",
        (platform_id, now, key),
    )
    if not changed.rowcount:
        raise LookupError(f"no reply {key} is pending")
    settle(db, key)


def reply_failed(db: sqlite3.Connection, key: str, now: float, reason: str = Reason.FAILED) -> None:
    """A pending reply is given up. Raises LookupError when no such reply is pending."""
    changed = db.execute(
        "UPDATE replies SET state = 'failed', settled_at = ? WHERE key = ? AND state = 'pending'",
        (now, key),
    )
    if not changed.rowcount:
        raise LookupError(f"no reply {key} is pending")
    db.execute(
        "UPDATE decisions SET outcome = 'silence', reason = ? WHERE outcome = 'answer'"
        " AND id = (SELECT decision_id FROM replies WHERE key = ?)",
        (reason, key),
    )
    settle(db, key)


def _next_seq(db: sqlite3.Connection) -> int:
    db.execute("UPDATE state SET value = value + 1 WHERE key = 'seq'")
    return int(db.execute("SELECT value FROM state WHERE key = 'seq'").fetchone()[0])


def add_decision(
    db: sqlite3.Connection,
    adapter: str,
    group: str,
    outcome: str,
    reason: str,
    trace: Trace,
    now: float,
) -> int:
    """A new decision; returns its id."""
    made = db.execute(
        "INSERT INTO decisions (adapter, grp, outcome, reason, trace, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (adapter, group, outcome, reason, json.dumps(list(trace), default=_plain), now),
    )
    if made.lastrowid is None:
        raise AssertionError("an inserted row has an id")
    return made.lastrowid


def settle(db: sqlite3.Connection, key: str) -> None:
    """The reply is no longer pending: its messages get their last state."""
    db.execute(
        """
        UPDATE messages SET state = (
            SELECT CASE outcome WHEN 'answer' THEN 'answered' ELSE 'dismissed' END
            FROM decisions WHERE id = messages.decision_id
        )
        WHERE state = 'deciding'
        AND decision_id = (SELECT decision_id FROM replies WHERE key = ?)
        """,
        (key,),
    )


def _storable(text: str) -> str:
    """Platforms sometimes cut an emoji in two: half of one is no Unicode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(value: object) -> float | str:
    """A trace is for reading: a figure of an odd type must not cost the answer."""
    return float(value) if isinstance(value, Real) else str(value)
