"""How messages end: decided, taken back, too old, another bot's. Each function works within one
transaction.

A message is 'received', then either 'dismissed' for good, or 'deciding' while its reply is
'pending', then 'answered' or 'dismissed'.
"""

import json
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from adapters.base import IncomingMessage, Reply
from bot.store.database import Connection, Row, insert_numbered, insert_numbered_if
from bot.store.drafts import add_draft
from bot.store.incoming import NOBODY, add_message, in_group
from bot.store.replies import add_reply
from bot.types import Group, Reason, Trace

PRUNE_BATCH = 500
"""Decisions deleted in one transaction: others want the thread too."""

LATEST = 20
"""Messages of a person among which another bot's copy of one is looked for."""


def decide(
    db: Connection,
    *,
    adapter: str,
    group: str,
    message_ids: Sequence[str],
    outcome: str,
    reason: str,
    trace: Trace,
    reply: Reply | None,
    now: float,
    draft: Reply | None = None,
) -> int | None:
    """Records a decision ("answer" or "silence") on messages, and its reply as pending.

    Instead of a reply there may be a draft, which is kept and never sent. Messages that were
    decided before (recalled, say) are left as they are. Returns the decision's
    id, or None when nothing was left to decide: then the reply is not recorded and must not be
    sent.
    """
    marks = ", ".join("?" for _ in message_ids) or "NULL"
    undecided = f"adapter = ? AND message_id IN ({marks}) AND state = 'received'"
    theirs = (adapter, *message_ids)
    decision = _decision(adapter, group, outcome, reason, trace, now)
    some = f"EXISTS (SELECT 1 FROM messages WHERE {undecided})"  # noqa: S608 - the layout is ours
    decision_id = insert_numbered_if(db, "decisions", some, theirs, **decision)
    if decision_id is None:
        return None
    done = f"UPDATE messages SET state = ?, decision_id = ? WHERE {undecided}"  # noqa: S608 - ours
    state = "deciding" if reply else "dismissed"
    if not (reply or draft):
        db.execute(done, (state, decision_id, *theirs))
        return decision_id
    decided = db.execute(f"{done} RETURNING mention", (state, decision_id, *theirs)).fetchall()
    asked_for = reason == Reason.COMMAND or any(row["mention"] for row in decided)
    if reply:
        add_reply(db, adapter, reply, now, decision_id, unprompted=not asked_for)
    elif draft:
        add_draft(db, adapter, draft, decision_id, now, unprompted=not asked_for)
    return decision_id


def dismiss_stale(db: Connection, now: float, max_age_s: float, group: Group | None = None) -> int:
    """Gives up undecided messages that are older than `max_age_s`, as "stale"; how many."""
    query = "SELECT seq, adapter, grp FROM messages WHERE state = 'received' AND due_at < ?"
    rows = db.execute(query + in_group(group), (now - max_age_s, *(group or ()))).fetchall()
    for row in rows:
        dismiss(db, row["seq"], row["adapter"], row["grp"], Reason.STALE, now)
    return len(rows)


def add_copy(
    db: Connection,
    message: IncomingMessage,
    received_at: float,
    due_at: float | None,
    others: Sequence[str],
) -> bool | None:
    """As `add_message`; None where it is new, but one of the `others`, who are adapters of the same
    platform, brought it before and is the one to answer it: then it is dismissed."""
    # Another process may be adding its bot's copy right now: of two who touch the same rows of
    # PostgreSQL one does its work again, and then sees what the other has added.
    for name in sorted((message.adapter, *others) if others else ()):
        touched = "UPDATE lanes SET due_at = due_at WHERE adapter = ? AND grp = ?"
        db.execute(touched, (name, message.group))
    if not add_message(db, message, received_at, due_at):
        return False
    for other in others:
        heard = _heard_by(db, other, message)
        # Who alone is called by name answers, though another bot heard it first.
        if heard and (heard["mention"] or not message.mention):
            own = "SELECT seq FROM messages WHERE adapter = ? AND message_id = ?"
            row = db.execute(own, (message.adapter, message.message_id)).fetchone()
            dismiss(db, row["seq"], message.adapter, message.group, Reason.OTHER_BOT, received_at)
            return None
    return True


def _heard_by(db: Connection, other: str, message: IncomingMessage) -> Row | None:
    """The same message as another bot of the platform brought it. It is known by its id, or where
    that is another one for each bot by who sent it there at the very same time."""
    by_id = (
        "SELECT mention FROM messages"
        " WHERE adapter = ? AND message_id = ? AND grp = ? AND sent_at = ?"
    )
    there = (other, message.message_id, message.group, message.sent_at)
    found: Row | None = db.execute(by_id, there).fetchone()
    if found is None:
        by_sender = """
            SELECT mention FROM (
                SELECT mention, sent_at FROM messages
                WHERE adapter = ? AND grp = ? AND "user" = ? ORDER BY seq DESC LIMIT ?
            ) AS latest WHERE sent_at = ?
        """
        sender = (other, message.group, message.user, LATEST, message.sent_at)
        found = db.execute(by_sender, sender).fetchone()
    return found


def recall_message(
    db: Connection, adapter: str, message_id: str, now: float, group: str = ""
) -> bool:
    """A message was taken back by its author: it is blanked, and dismissed if undecided. False
    when it is unknown or was recalled before. One that is unknown, and will perhaps come later, is
    known from now on where its `group` is given."""
    query = (
        "SELECT seq, grp, state, decision_id FROM messages"
        " WHERE adapter = ? AND message_id = ? AND NOT recalled"
    )
    row = db.execute(query, (adapter, message_id)).fetchone()
    known = row is not None
    if not known and group:
        unheard = IncomingMessage(adapter, group, NOBODY, message_id, text="", sent_at=0.0)
        if add_message(db, unheard, now):
            row = db.execute(query, (adapter, message_id)).fetchone()
    if row is None:
        return False
    if row["state"] == "received":
        dismiss(db, row["seq"], adapter, row["grp"], Reason.RECALLED, now)
    # The trace and a draft may quote words of the message, and labels do.
    db.execute("UPDATE decisions SET trace = '[]' WHERE id = ?", (row["decision_id"],))
    db.execute(
        "UPDATE drafts SET text = '', citations = '[]' WHERE decision_id = ?",
        (row["decision_id"],),
    )
    db.execute(
        """
        DELETE FROM examples WHERE adapter = ? AND message_id IN (
            SELECT message_id FROM messages WHERE adapter = ? AND message_id = ?
            UNION SELECT message_id FROM messages WHERE decision_id = ?
        )
        """,
        (adapter, adapter, message_id, row["decision_id"]),
    )
    db.execute(
        "UPDATE messages SET text = '', attachments = '[]', recalled = TRUE WHERE seq = ?",
        (row["seq"],),
    )
    return known


def prune_batch(db: Connection, before: float) -> int:
    """Deletes some of what was decided before a time, and how many rows; 0 when none is left."""
    rows = db.execute(
        """
        SELECT id FROM decisions WHERE created_at < ? AND NOT EXISTS (
            SELECT 1 FROM replies WHERE decision_id = decisions.id AND state = 'pending'
        ) LIMIT ?
        """,
        (before, PRUNE_BATCH),
    ).fetchall()
    deleted = 0
    for row in rows:
        for statement in (
            "DELETE FROM replies WHERE decision_id = ?",
            "DELETE FROM messages WHERE decision_id = ?",
            "DELETE FROM decisions WHERE id = ?",
        ):
            deleted += db.execute(statement, (row["id"],)).rowcount
    for statement in (
        "DELETE FROM replies WHERE created_at < ? AND decision_id IS NULL AND state != 'pending'",
        "DELETE FROM mutes WHERE until < ?",
    ):
        deleted += db.execute(statement, (before,)).rowcount
    return deleted


def dismiss(db: Connection, seq: int, adapter: str, group: str, reason: Reason, now: float) -> None:
    """Decides that an undecided message stays unanswered."""
    decision = _decision(adapter, group, "silence", reason, [], now)
    decision_id = insert_numbered(db, "decisions", **decision)
    db.execute(
        "UPDATE messages SET state = 'dismissed', decision_id = ? WHERE seq = ?",
        (decision_id, seq),
    )


def _decision(
    adapter: str, group: str, outcome: str, reason: str, trace: Trace, now: float
) -> dict[str, object]:
    """A new decision as a row."""
    judged = nearest_verdict(trace)
    return {
        "adapter": adapter,
        "grp": group,
        "outcome": outcome,
        "reason": reason,
        "trace": json.dumps(trace, default=_plain),
        "created_at": now,
        "score": _figure(judged.get("score")),
        "threshold": _figure(judged.get("threshold")),
    }


def nearest_verdict(trace: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the gate said; of several questions in one message, and with what a fragment leans on,
    of what came nearest. Empty where it was not asked."""
    verdicts = [one for one in trace if one["stage"] == "reject"]
    return max(verdicts, key=lambda one: one.get("score", 0.0), default={})


def _figure(value: float | None) -> float | None:
    return None if value is None else float(value)


def _plain(value: object) -> float | str:
    """A trace is for reading: a figure of an odd type must not cost the answer."""
    return float(value) if isinstance(value, Real) else str(value)
