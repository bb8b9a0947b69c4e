"""Questions that nobody's document answers, and what people said to them. Each function works
within one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.store.database import Connection, Row
from bot.types import Group, Reason, joined_texts

OPEN = (Reason.NO_EVIDENCE, Reason.UNSURE, Reason.UNGROUNDED, Reason.NEAREST)
"""The bot took these for questions and had nothing to say, or nothing that answers; with a mention
OFF_TOPIC counts too."""

BEHIND, ANSWERS = 200, 5
"""So many messages behind a question are looked through, and so many answers are kept of them."""

BEFORE = 20
"""So many questions before an answer are looked at for the one that it is to."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said behind a question. `direct` where it replies to it, speaks to who asked,
    or was taken for an answer; else it just stands there."""

    message_id: str
    user: str
    text: str
    at: float
    direct: bool


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question without an answer of the bot's; `message_id` is that of its last message."""

    adapter: str
    group: str
    message_id: str
    user: str
    text: str
    at: float
    reason: str
    answers: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What a person said. `questions` is what it is an answer to where it says so, by what it
    replies to or whom it speaks to; else, not `direct`, what was open then, the newest first."""

    text: str
    questions: tuple[OpenQuestion, ...]
    direct: bool


@dataclass(frozen=True, slots=True)
class DecidedProposal:
    """What somebody decided on people's answers to a question; `path` is the page that they stand
    on, where they were approved."""

    adapter: str
    group: str
    question_id: str
    state: str
    path: str
    person: str
    at: float


def open_questions(db: Connection, since: float, limit: int) -> list[OpenQuestion]:
    """The newest open questions since a time, without those on whose answers it was decided."""
    rows = db.execute(
        f"""
        SELECT d.id, d.adapter, d.grp, d.reason FROM decisions d INDEXED BY decisions_by_age
        WHERE d.created_at >= :since AND (
            d.reason IN ({", ".join(f"'{reason}'" for reason in OPEN)})
            OR d.reason = 'off_topic' AND EXISTS (
                SELECT 1 FROM messages m WHERE m.decision_id = d.id AND m.mention))
        AND NOT EXISTS ( -- what somebody says to somebody is no question to the documents
            SELECT 1 FROM messages m
            WHERE m.decision_id = d.id AND m.reply_to IS NOT NULL AND NOT m.mention)
        AND NOT EXISTS (
            SELECT 1 FROM messages m JOIN proposals p
            ON p.adapter = m.adapter AND p.question_id = m.message_id WHERE m.decision_id = d.id)
        ORDER BY d.created_at DESC LIMIT :limit
        """,  # noqa: S608 - the reasons are ours
        {"since": since, "limit": limit},
    ).fetchall()
    return [one for row in rows if (one := _open(db, row))]


def open_question(db: Connection, adapter: str, message_id: str) -> OpenQuestion | None:
    """A question by the id of one of its messages; None where nothing was decided on it."""
    row = db.execute(
        "SELECT d.id, d.adapter, d.grp, d.reason FROM messages m JOIN decisions d"
        " ON d.id = m.decision_id WHERE m.adapter = ? AND m.message_id = ?",
        (adapter, message_id),
    ).fetchone()
    return _open(db, row) if row else None


def given_answer(db: Connection, group: Group, message_id: str) -> GivenAnswer | None:
    """A person's message as an answer; None where the group has none of that id, or it was taken
    back."""
    said = db.execute(
        "SELECT * FROM messages WHERE adapter = ? AND grp = ? AND message_id = ? AND NOT recalled",
        (*group, message_id),
    ).fetchone()
    if said is None:
        return None
    if said["reply_to"]:
        row = db.execute(
            """
            SELECT id, adapter, grp, reason FROM decisions WHERE adapter = :adapter AND grp = :group
            AND reason != :command AND id IN (
                SELECT decision_id FROM messages WHERE adapter = :adapter AND message_id = :id
                UNION SELECT decision_id FROM replies WHERE adapter = :adapter AND platform_id = :id
            )
            """,
            {
                "adapter": group[0],
                "group": group[1],
                "id": said["reply_to"],
                "command": Reason.COMMAND,
            },
        ).fetchone()
        one = _open(db, row) if row else None
        return GivenAnswer(said["text"], (one,) if one else (), direct=True)
    found = _open_before(db, group, said)
    mentioned = json.loads(said["mentions"])
    for one in found:
        if one.user in mentioned:
            return GivenAnswer(said["text"], (one,), direct=True)
    return GivenAnswer(said["text"], tuple(found), direct=False)


def _open_before(db: Connection, group: Group, said: Row) -> list[OpenQuestion]:
    """What others had asked before a message without an answer of the bot's, the newest first."""
    rows = db.execute(
        f"""
        SELECT d.id, d.adapter, d.grp, d.reason FROM messages m JOIN decisions d
        ON d.id = m.decision_id
        WHERE m.adapter = ? AND m.grp = ? AND m.seq < ? AND m."user" != ?
        AND d.outcome = 'silence' AND (
            d.reason IN ({", ".join(f"'{reason}'" for reason in OPEN)})
            OR d.reason = 'off_topic' AND m.mention)
        GROUP BY d.id ORDER BY MAX(m.seq) DESC LIMIT ?
        """,  # noqa: S608 - the reasons are ours
        (*group, said["seq"], said["user"], BEFORE),
    ).fetchall()
    return [one for row in rows if (one := _open(db, row))]


def decide_proposal(db: Connection, decided: DecidedProposal) -> None:
    """Records what became of the answers to a question."""
    db.execute(
        """
        INSERT INTO proposals (adapter, grp, question_id, state, path, person, at)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (adapter, question_id) DO UPDATE SET grp = excluded.grp,
        state = excluded.state, path = excluded.path, person = excluded.person, at = excluded.at
        """,
        (
            decided.adapter,
            decided.group,
            decided.question_id,
            decided.state,
            decided.path,
            decided.person,
            decided.at,
        ),
    )


def approved_proposals(db: Connection, limit: int) -> list[DecidedProposal]:
    """The newest approved ones."""
    rows = db.execute(
        "SELECT * FROM proposals WHERE state = 'approved' ORDER BY at DESC LIMIT ?", (limit,)
    )
    return [
        DecidedProposal(
            row["adapter"],
            row["grp"],
            row["question_id"],
            row["state"],
            row["path"],
            row["person"],
            row["at"],
        )
        for row in rows
    ]


def _open(db: Connection, row: Row) -> OpenQuestion | None:
    lines = db.execute(
        "SELECT * FROM messages WHERE decision_id = ? AND NOT recalled ORDER BY seq", (row["id"],)
    ).fetchall()
    text = joined_texts(line["text"] for line in lines)
    if not text:
        return None
    group, last = (row["adapter"], row["grp"]), lines[-1]
    return OpenQuestion(
        adapter=row["adapter"],
        group=row["grp"],
        message_id=last["message_id"],
        user=last["user"],
        text=text,
        at=last["sent_at"],
        reason=row["reason"],
        answers=_behind(db, group, lines),
    )


def _behind(db: Connection, group: Group, asked: Sequence[Row]) -> tuple[Said, ...]:
    """What others said behind a question, what is meant as an answer first."""
    ids, last = {line["message_id"] for line in asked}, asked[-1]
    rows = db.execute(
        """
        SELECT m.message_id, m."user", m.text, m.sent_at, m.reply_to, m.mentions, d.reason
        FROM messages m LEFT JOIN decisions d ON d.id = m.decision_id
        WHERE m.adapter = ? AND m.grp = ? AND m.seq > ? AND m."user" != ? AND NOT m.recalled
        ORDER BY m.seq LIMIT ?
        """,
        (*group, last["seq"], last["user"], BEHIND),
    )
    found = [
        Said(
            message_id=row["message_id"],
            user=row["user"],
            text=row["text"],
            at=row["sent_at"],
            direct=row["reply_to"] in ids
            or last["user"] in json.loads(row["mentions"])
            or row["reason"] == Reason.HUMAN_ANSWER,
        )
        for row in rows
        if row["text"].strip() and row["reason"] != Reason.COMMAND
    ]
    return tuple(sorted(found, key=lambda one: not one.direct)[:ANSWERS])
