"""What the bot would have said in groups in shadow mode. Each function works within one
transaction."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from adapters.base import Reply
from bot.store.database import HIGHEST, Connection, Row, insert
from bot.store.incoming import incoming_message, storable
from bot.types import Group, Question, joined_texts

OPEN = 50
"""Drafts of a group that a message is compared with, at most: the newest."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the bot would have posted at a time, and to which question. `answered_by` is the message
    in which a person answered later, if anybody did."""

    decision_id: int
    question: Question
    kind: str
    text: str
    unprompted: bool
    at: float
    answered_by: str | None
    answered_at: float | None


def add_draft(
    db: Connection, adapter: str, reply: Reply, decision_id: int, now: float, *, unprompted: bool
) -> None:
    """Records what is not posted."""
    insert(
        db,
        "drafts",
        decision_id=decision_id,
        adapter=adapter,
        grp=reply.group,
        kind=reply.kind,
        text=storable(reply.text),
        citations=json.dumps([asdict(citation) for citation in reply.citations]),
        unprompted=unprompted,
        at=now,
    )


def drafts_since(db: Connection, group: Group, since: float) -> list[Draft]:
    """The drafts of a group, oldest first; without those whose question was taken back."""
    rows = db.execute(
        "SELECT * FROM drafts WHERE adapter = ? AND grp = ? AND at >= ? AND text != ''"
        " ORDER BY decision_id",
        (*group, since),
    ).fetchall()
    return [draft for row in rows if (draft := _draft(db, row))]


def open_drafts(db: Connection, group: Group, since: float) -> list[Draft]:
    """The answers among them to what no person has answered, the newest."""
    rows = db.execute(
        "SELECT * FROM drafts WHERE adapter = ? AND grp = ? AND at >= ? AND kind = 'answer'"
        " AND answered_by IS NULL AND text != '' ORDER BY decision_id DESC LIMIT ?",
        (*group, since, OPEN),
    ).fetchall()
    return [draft for row in rows if (draft := _draft(db, row))]


def draft_answered(db: Connection, decision_id: int, message_id: str, at: float) -> None:
    """A person answered what a draft would have answered; the first time counts."""
    db.execute(
        "UPDATE drafts SET answered_by = ?, answered_at = ? WHERE decision_id = ?"
        " AND answered_by IS NULL",
        (message_id, at, decision_id),
    )


@dataclass(frozen=True, slots=True)
class ListedDraft:
    """A draft beside what people said: its question, and the message in which a person answered
    later, with who wrote it and when, as far as anybody did."""

    id: int
    adapter: str
    group: str
    title: str
    message_id: str
    user: str
    question: str
    asked_at: float
    text: str
    citations: list[dict[str, Any]]
    unprompted: bool
    by: str | None
    said: str | None
    said_at: float | None


def list_drafts(
    db: Connection, *, since: float, group: Group | None, before: int | None, limit: int
) -> list[ListedDraft]:
    """The answers that were drafted since a time in one group or in all, the newest first, before
    an id."""
    rows = db.execute(
        """
        SELECT dr.*, COALESCE(c.title, '') AS title, a."user" AS by, a.text AS said,
               a.sent_at AS said_at
        FROM drafts dr LEFT JOIN chats c USING (adapter, grp)
        LEFT JOIN messages a ON a.adapter = dr.adapter AND a.message_id = dr.answered_by
        WHERE dr.kind = 'answer' AND dr.text != '' AND dr.at >= :since
        AND dr.decision_id < :before
        AND (NOT :one OR (dr.adapter = :adapter AND dr.grp = :group))
        ORDER BY dr.decision_id DESC LIMIT :limit
        """,
        {
            "since": since,
            "before": HIGHEST if before is None else before,
            "one": group is not None,
            "adapter": group[0] if group else "",
            "group": group[1] if group else "",
            "limit": limit,
        },
    ).fetchall()
    return [one for row in rows if (one := _listed(db, row))]


def _listed(db: Connection, row: Row) -> ListedDraft | None:
    draft = _draft(db, row)
    if draft is None:
        return None
    last = draft.question.last
    return ListedDraft(
        id=draft.decision_id,
        adapter=last.adapter,
        group=last.group,
        title=row["title"],
        message_id=last.message_id,
        user=last.user,
        question=draft.question.text,
        asked_at=last.sent_at,
        text=draft.text,
        citations=json.loads(row["citations"]),
        unprompted=draft.unprompted,
        by=row["by"],
        said=row["said"],
        said_at=row["said_at"],
    )


def shown_draft(db: Connection, decision_id: int | None) -> dict[str, Any] | None:
    """A decision's draft, as the history shows it."""
    row = db.execute("SELECT * FROM drafts WHERE decision_id = ?", (decision_id,)).fetchone()
    if row is None:
        return None
    shown = {name: row[name] for name in ("kind", "text", "at", "answered_by", "answered_at")}
    return shown | {"citations": json.loads(row["citations"])}


def _draft(db: Connection, row: Row) -> Draft | None:
    asked = db.execute(
        "SELECT * FROM messages WHERE decision_id = ? AND NOT recalled ORDER BY seq",
        (row["decision_id"],),
    ).fetchall()
    if not asked:
        return None
    messages = tuple(incoming_message(line) for line in asked)
    return Draft(
        decision_id=row["decision_id"],
        question=Question(
            text=joined_texts(message.text for message in messages),
            mention=any(message.mention for message in messages),
            messages=messages,
        ),
        kind=row["kind"],
        text=row["text"],
        unprompted=bool(row["unprompted"]),
        at=row["at"],
        answered_by=row["answered_by"],
        answered_at=row["answered_at"],
    )
