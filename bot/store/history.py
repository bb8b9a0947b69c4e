"""The history of groups, for people to look at: messages, replies and decisions."""

import json
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bot.store.database import Connection, Row
from bot.store.drafts import shown_draft
from bot.store.incoming import NOBODY
from bot.store.replies import votes
from bot.texts.notices import reason_texts
from bot.types import Reason

NO_QUESTIONS = (
    Reason.COMMAND,
    Reason.RECALLED,
    Reason.HUMAN_ANSWER,
    Reason.ADDRESSED,
    Reason.OTHER_BOT,
)
CHATTER = (
    Reason.NOT_A_QUESTION,
    Reason.SMALL_TALK,
    Reason.OFF_TOPIC,
    Reason.QUEUE_FULL,
    Reason.CLOSED,
)
"""Unprompted messages with these reasons were nothing for the bot; with a mention they were."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put to the bot, or that it took for one. `votes` are how many found the
    answer helpful and how many did not."""

    text: str
    reason: str
    answered: bool
    recalled: bool
    votes: tuple[int, int]


def messages(
    db: Connection, adapter: str, group: str, after: int | None, limit: int
) -> list[dict[str, Any]]:
    """See `adapters.contract.History`. A reply that could not be sent is not part of it."""
    timeline = f"""
        SELECT seq, message_id, "user", text, 'message' AS kind, mention, reply_to, sent_at,
               recalled, attachments, '[]' AS citations
        FROM messages
        WHERE adapter = :adapter AND grp = :group AND seq > :after AND "user" != :nobody
        UNION ALL
        SELECT seq, COALESCE(NULLIF(platform_id, ''), key), NULL, text, kind, FALSE, reply_to,
               COALESCE(settled_at, created_at), state = 'recalled', '[]', citations
        FROM replies
        WHERE adapter = :adapter AND grp = :group AND seq > :after AND state != 'failed'
        ORDER BY seq {"DESC" if after is None else ""} LIMIT :limit
    """  # noqa: S608 - both orders are ours
    values = {"adapter": adapter, "group": group, "after": after or 0, "limit": limit}
    values["nobody"] = NOBODY
    rows = [_entry(row) for row in db.execute(timeline, values)]
    return rows[::-1] if after is None else rows


def said_lately(
    db: Connection, adapter: str, group: str, user: str, since: float, until: float, most: int
) -> list[dict[str, Any]]:
    """What a person wrote in a group and didn't take back, of the `most` last messages there:
    `message_id`, `text` and the `reason` of the decision, None before there is one; oldest first.
    """
    rows = db.execute(
        """
        SELECT m.message_id, m.text, d.reason
        FROM (SELECT * FROM messages WHERE adapter = ? AND grp = ? ORDER BY seq DESC LIMIT ?) AS m
        LEFT JOIN decisions d ON d.id = m.decision_id
        WHERE m."user" = ? AND m.sent_at BETWEEN ? AND ? AND NOT m.recalled
        ORDER BY m.seq
        """,
        (adapter, group, most, user, since, until),
    )
    return [dict(row) for row in rows]


def decision(db: Connection, adapter: str, message_id: str) -> dict[str, Any] | None:
    """See `adapters.contract.History`."""
    row = db.execute(
        """
        SELECT m.message_id, m.grp, m."user", d.id, d.outcome, d.reason, d.trace
        FROM messages m LEFT JOIN decisions d ON d.id = m.decision_id
        WHERE m.adapter = ? AND m.message_id = ?
        """,
        (adapter, message_id),
    ).fetchone()
    if row is None:
        return None
    reply, draft = _reply_of(db, row["id"]), shown_draft(db, row["id"])
    return {
        "message_id": row["message_id"],
        "group": row["grp"],
        "user": row["user"],
        "state": _public_state(row["outcome"]),
        "outcome": row["outcome"],
        "reason": row["reason"],
        "reason_text": reason_texts(Reason(row["reason"])) if row["reason"] else None,
        "reply_id": (reply["platform_id"] or reply["key"]) if reply else None,
        "replied": reply["kind"] if reply else None,
        "text": reply["text"] if reply else None,
        "citations": json.loads(reply["citations"]) if reply else [],
        "feedback": votes(db, reply["seq"] if reply else 0),
        "trace": json.loads(row["trace"]) if row["trace"] else [],
        **({"draft": draft} if draft else {}),
    }


def decision_behind(db: Connection, adapter: str, reply_id: str) -> dict[str, Any] | None:
    """The decision that one of the bot's own replies came from; `reply_id` is the platform's."""
    row = db.execute(
        """
        SELECT m.message_id FROM replies r JOIN messages m USING (decision_id)
        WHERE r.adapter = ? AND r.platform_id = ? ORDER BY m.seq DESC LIMIT 1
        """,
        (adapter, reply_id),
    ).fetchone()
    return decision(db, adapter, row["message_id"]) if row else None


def last_decision(db: Connection, adapter: str, group: str) -> dict[str, Any] | None:
    """The newest decision of a group that is not on an admin command."""
    row = db.execute(
        """
        SELECT m.message_id FROM decisions d JOIN messages m ON m.decision_id = d.id
        WHERE d.adapter = ? AND d.grp = ? AND d.reason != ?
        ORDER BY d.id DESC, m.seq DESC LIMIT 1
        """,
        (adapter, group, Reason.COMMAND),
    ).fetchone()
    return decision(db, adapter, row["message_id"]) if row else None


def counts(db: Connection) -> dict[str, int]:
    """How many messages, answers posted, unfinished messages, and votes there are."""
    row = db.execute(
        """
        SELECT
        (SELECT COUNT(*) FROM messages) AS messages,
        (SELECT COUNT(*) FROM replies WHERE kind = 'answer' AND state = 'sent') AS answers,
        (SELECT COUNT(*) FROM messages WHERE state IN ('received', 'deciding')) AS unfinished,
        (SELECT COUNT(*) FROM feedback WHERE vote = 'helpful') AS helpful,
        (SELECT COUNT(*) FROM feedback WHERE vote = 'unhelpful') AS unhelpful
        """
    ).fetchone()
    return dict(row)


def stored_bytes(db: Connection) -> int:
    """How large the database is; of a file without its log."""
    if db.dialect == "postgresql":
        sized = "SELECT pg_database_size(current_database()) AS size"
    else:
        sized = "SELECT page_count * page_size AS size FROM pragma_page_count, pragma_page_size"
    return int(db.execute(sized).fetchone()["size"])


def asked_since(db: Connection, since: float) -> list[Asked]:
    """The questions decided since a time, oldest first."""
    rows = db.execute(
        """
        SELECT d.id, d.reason, d.outcome, m.text, m.mention, r.seq, r.state
        FROM decisions d JOIN messages m ON m.decision_id = d.id
        LEFT JOIN replies r ON r.decision_id = d.id AND r.kind = 'answer'
        WHERE d.created_at >= ? ORDER BY d.id, m.seq
        """,
        (since,),
    ).fetchall()
    asked = []
    for _, group in groupby(rows, key=lambda row: row["id"]):
        lines = list(group)
        first, text = lines[0], "\n".join(line["text"] for line in lines)
        spare = (*NO_QUESTIONS, *(() if any(line["mention"] for line in lines) else CHATTER))
        if not text.strip() or first["reason"] in spare:
            continue
        counted = votes(db, first["seq"] or 0)
        asked.append(
            Asked(
                text=text,
                reason=first["reason"],
                answered=first["outcome"] == "answer",
                recalled=first["state"] == "recalled",
                votes=(counted["helpful"], counted["unhelpful"]),
            )
        )
    return asked


def last_digest(db: Connection) -> float | None:
    """When the last digest was made; None before the first."""
    row = db.execute("SELECT value FROM state WHERE key = 'digest_at'").fetchone()
    return float(row["value"]) if row else None


def digest_made(db: Connection, at: float) -> None:
    """A digest was made now."""
    db.execute(
        "INSERT INTO state (key, value) VALUES ('digest_at', ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (at,),
    )


def _reply_of(db: Connection, decision_id: int | None) -> Any:
    """The row of a decision's reply; of one that failed there is nothing to show."""
    return db.execute(
        "SELECT * FROM replies WHERE decision_id = ? AND state != 'failed'"
        " ORDER BY seq DESC LIMIT 1",
        (decision_id,),
    ).fetchone()


def _public_state(outcome: str | None) -> str:
    return {None: "pending", "answer": "answered"}.get(outcome, "dismissed")


def _entry(row: Row) -> dict[str, Any]:
    entry = dict(row)
    for name in ("attachments", "citations"):
        entry[name] = json.loads(entry[name])
    return entry | {"mention": bool(entry["mention"]), "recalled": bool(entry["recalled"])}
