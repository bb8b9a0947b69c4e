"""What was asked in a stretch of time and what became of it, read from the store for the digest.

Nothing here changes the store, but the mark of the last digest.
"""

import sqlite3
from dataclasses import dataclass

from bot.types import Reason

NO_QUESTIONS = (Reason.COMMAND, Reason.RECALLED, Reason.HUMAN_ANSWER, Reason.ADDRESSED)
CHATTER = (Reason.NOT_A_QUESTION, Reason.OFF_TOPIC, Reason.QUEUE_FULL, Reason.CLOSED)
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


def asked_since(db: sqlite3.Connection, since: float) -> list[Asked]:
    """The questions decided since a time, oldest first."""
    rows = db.execute(
        """
        SELECT d.reason, d.outcome, r.state,
               (SELECT GROUP_CONCAT(text, char(10)) FROM
                   (SELECT text FROM messages WHERE decision_id = d.id ORDER BY seq)) AS text,
               (SELECT MAX(mention) FROM messages WHERE decision_id = d.id) AS mention,
               (SELECT COUNT(*) FROM feedback
                WHERE reply_seq = r.seq AND vote = 'helpful') AS helpful,
               (SELECT COUNT(*) FROM feedback
                WHERE reply_seq = r.seq AND vote = 'unhelpful') AS unhelpful
        FROM decisions d LEFT JOIN replies r ON r.decision_id = d.id AND r.kind = 'answer'
        WHERE d.created_at >= ? ORDER BY d.id
        """,
        (since,),
    )
    return [
        Asked(
            row["text"], row["reason"], row["outcome"] == "answer", row["state"] == "recalled",
            (row["helpful"], row["unhelpful"]),
        )
        for row in rows
        if row["text"]
        and row["reason"] not in NO_QUESTIONS
        and (row["mention"] or row["reason"] not in CHATTER)
    ]  # fmt: skip


def last_digest(db: sqlite3.Connection) -> float | None:
    """When the last digest was made; None before the first."""
    row = db.execute("SELECT value FROM state WHERE key = 'digest_at'").fetchone()
    return float(row["value"]) if row else None


def digest_made(db: sqlite3.Connection, at: float) -> None:
    """A digest was made now."""
    db.execute("INSERT OR REPLACE INTO state VALUES ('digest_at', ?)", (at,))
