"""Labelled messages, which the gate learns from. Each function works within one transaction.

A label says whether the bot should answer a message. A person has one label per message and
origin, the later one counts. Labels stay when the messages that they were given to are deleted by
age, and go when their author takes a message back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from bot.store.database import Connection, Row, insert_numbered
from bot.store.decisions import nearest_verdict
from bot.store.incoming import storable
from bot.types import Group, joined_texts
from common.clock import WEEK_S


class Origin(StrEnum):
    """How a label came about."""

    COMMAND = "command"  # `good` and `bad` in the group
    VOTE = "vote"  # helpful or unhelpful below an answer
    RECALL = "recall"  # somebody had an answer withdrawn
    CONSOLE = "console"  # the API of the console
    LABEL = "label"  # `run_bot.py label`
    TEACHER = "teacher"  # a language model


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody thinks of a message: `good` is one that the bot should answer.

    `text` is what the gate judged, perhaps several messages that were packed into one question;
    `message_id` is that of the last. `person` is "adapter:user", "" for nobody in particular.
    `weight` is 1 for a whole label, such as an admin's, and less for a vote. `step` is the refit
    that took it up, if one did; `aside` says that this refit was undone.
    """

    adapter: str
    group: str
    message_id: str
    text: str
    good: bool
    origin: str
    person: str
    weight: float
    at: float
    id: int = 0
    step: int | None = None
    aside: bool = False


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    """What the gate judged as one question; `message_id` is that of the last of its messages,
    `score` and `threshold` the gate's figures where it came so far. `unprompted` is False for a
    mention."""

    adapter: str
    group: str
    user: str
    message_id: str
    text: str
    at: float
    reason: str
    unprompted: bool
    score: float | None
    threshold: float | None

    def labelled(
        self, *, good: bool, origin: Origin, at: float, weight: float = 1.0, person: str = ""
    ) -> "Label":
        """A label for it, to be stored; of nobody in particular where no person is given."""
        return Label(
            adapter=self.adapter,
            group=self.group,
            message_id=self.message_id,
            text=self.text,
            good=good,
            origin=origin,
            person=person,
            weight=weight,
            at=at,
        )


@dataclass(frozen=True, slots=True)
class TriedRefit:
    """A refit of the gate that was tried. `figures` are those it was taken or left for."""

    id: int
    at: float
    taken: bool
    undone_at: float | None
    figures: Mapping[str, Any]


def add_label(db: Connection, label: Label) -> int:
    """Records a label, in place of an earlier one of the same person, message and origin; returns
    its id."""
    remove_label(db, label.adapter, label.message_id, label.origin, label.person)
    author = db.execute(
        'SELECT "user" FROM messages WHERE adapter = ? AND message_id = ?',
        (label.adapter, label.message_id),
    ).fetchone()
    return insert_numbered(
        db,
        "examples",
        adapter=label.adapter,
        grp=label.group,
        message_id=label.message_id,
        person=label.person,
        origin=label.origin,
        text=storable(label.text),
        good=label.good,
        weight=label.weight,
        at=label.at,
        author=author["user"] if author else "",
    )


def remove_label(
    db: Connection, adapter: str, message_id: str, origin: str, person: str = ""
) -> bool:
    """Somebody takes a label back; False when there is none."""
    deleted = db.execute(
        "DELETE FROM examples WHERE adapter = ? AND message_id = ? AND origin = ? AND person = ?",
        (adapter, message_id, origin, person),
    )
    return bool(deleted.rowcount)


def forget_labels(db: Connection, origin: str) -> int:
    """Throws away all labels of an origin; how many."""
    return db.execute("DELETE FROM examples WHERE origin = ?", (origin,)).rowcount


def labels(db: Connection, *, aside: bool = False) -> list[Label]:
    """All labels in the order in which they were given; those set aside only with `aside`."""
    rows = db.execute("SELECT * FROM examples WHERE aside <= ? ORDER BY id", (aside,))
    return [_label(row) for row in rows]


def stored_questions(
    db: Connection, limit: int, group: Group | None = None
) -> list[StoredQuestion]:
    """The newest questions that were judged, at most `limit`, newest first; commands, recalled
    ones and those that never came to the gate are left out."""
    rows = db.execute(
        """
        SELECT d.id, d.adapter, d.grp, d.reason, d.trace, m.message_id, m."user", m.text,
               m.sent_at, m.mention
        FROM (
            SELECT * FROM decisions WHERE trace LIKE '%"reject"%'
            AND (NOT :one OR (adapter = :adapter AND grp = :group))
            ORDER BY id DESC LIMIT :limit
        ) AS d JOIN messages m ON m.decision_id = d.id
        WHERE NOT m.recalled ORDER BY d.id DESC, m.seq
        """,
        {
            "one": group is not None,
            "adapter": group[0] if group else "",
            "group": group[1] if group else "",
            "limit": limit,
        },
    ).fetchall()
    return [_question(list(lines)) for _, lines in groupby(rows, key=lambda row: row["id"])]


def question_of(db: Connection, adapter: str, message_id: str) -> StoredQuestion | None:
    """The question that a message is part of, or, where it is a reply of the bot, was answered
    with it; None where there is none, or it was taken back."""
    rows = db.execute(
        """
        SELECT d.id, d.reason, d.trace, m.adapter, m.grp, m.message_id, m."user", m.text, m.sent_at,
               m.mention
        FROM messages m LEFT JOIN decisions d ON d.id = m.decision_id
        WHERE NOT m.recalled AND m.adapter = :adapter AND (
            m.message_id = :id OR m.decision_id IN (
                SELECT decision_id FROM messages WHERE adapter = :adapter AND message_id = :id
                UNION SELECT decision_id FROM replies WHERE adapter = :adapter AND platform_id = :id
            )
        ) ORDER BY m.seq
        """,
        {"adapter": adapter, "id": message_id},
    ).fetchall()
    return _question(rows) if rows else None


def labels_by_origin(db: Connection) -> dict[str, tuple[int, int]]:
    """How many good and bad labels there are of each origin."""
    rows = db.execute(
        "SELECT origin, COUNT(*) FILTER (WHERE good) AS good,"
        " COUNT(*) FILTER (WHERE NOT good) AS bad FROM examples WHERE NOT aside"
        " GROUP BY origin ORDER BY origin"
    )
    return {row["origin"]: (row["good"], row["bad"]) for row in rows}


def add_refit(
    db: Connection, now: float, figures: Mapping[str, Any], taken_up: Sequence[int] | None
) -> int:
    """Records a refit that was tried, and of one that was taken the ids of the labels that it was
    fitted to, None of one that was not; returns its id."""
    row = db.execute(
        "INSERT INTO refits (at, taken, figures) VALUES (?, ?, ?) RETURNING id",
        (now, taken_up is not None, json.dumps(dict(figures))),
    ).fetchone()
    db.executemany(
        "UPDATE examples SET step = ? WHERE id = ? AND step IS NULL",
        [(row["id"], label_id) for label_id in taken_up or ()],
    )
    return int(row["id"])


def refits(db: Connection) -> list[TriedRefit]:
    """The last refits that were tried, newest first."""
    rows = db.execute("SELECT * FROM refits ORDER BY id DESC LIMIT 20")
    return [
        TriedRefit(
            row["id"], row["at"], bool(row["taken"]), row["undone_at"], json.loads(row["figures"])
        )
        for row in rows
    ]


def undo_refit(db: Connection, refit_id: int, now: float) -> int:
    """A refit was undone: the labels that it had taken up are set aside; how many."""
    db.execute("UPDATE refits SET undone_at = ? WHERE id = ?", (now, refit_id))
    return db.execute("UPDATE examples SET aside = TRUE WHERE step = ?", (refit_id,)).rowcount


def weekly_messages(db: Connection, group: Group, now: float) -> float | None:
    """How many questions a week the group brings to the gate unprompted, by its own traffic of the
    last four weeks; None before it was heard for a day."""
    row = db.execute(
        """
        SELECT COUNT(DISTINCT d.id) AS n, MIN(m.received_at) AS first
        FROM messages m JOIN decisions d ON d.id = m.decision_id
        WHERE m.adapter = ? AND m.grp = ? AND m.received_at >= ? AND NOT m.mention
        AND d.reason != 'command'
        """,
        (*group, now - 4 * WEEK_S),
    ).fetchone()
    heard_s = now - float(row["first"] or now)
    return float(row["n"]) * WEEK_S / heard_s if heard_s >= WEEK_S / 7 else None


def _label(row: Row) -> Label:
    return Label(
        adapter=row["adapter"],
        group=row["grp"],
        message_id=row["message_id"],
        text=row["text"],
        good=bool(row["good"]),
        origin=row["origin"],
        person=row["person"],
        weight=row["weight"],
        at=row["at"],
        id=row["id"],
        step=row["step"],
        aside=bool(row["aside"]),
    )


def _question(rows: Sequence[Row]) -> StoredQuestion:
    """The messages of a question, in their order, as the gate judged them."""
    last = rows[-1]
    judged = nearest_verdict(json.loads(last["trace"] or "[]"))
    text = joined_texts(row["text"] for row in rows)
    return StoredQuestion(
        adapter=last["adapter"],
        group=last["grp"],
        user=last["user"],
        message_id=last["message_id"],
        text=judged.get("judged", text),
        at=last["sent_at"],
        reason=last["reason"] or "",
        unprompted=not any(row["mention"] for row in rows),
        score=judged.get("score"),
        threshold=judged.get("threshold"),
    )
