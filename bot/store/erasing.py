"""What is kept of a person, to be shown to them and erased. Each function works within one
transaction.

Of an erased message its id stays, so that a platform that delivers it again is not answered, and
the decision with its reason and time, for the figures. Nothing of it says who it was or what they
said: `secure_delete` overwrites what stood there.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.store.database import Connection, Row, containing
from bot.store.decisions import dismiss
from bot.store.figures import add_usage
from bot.types import Reason, Used, joined_texts

BATCH = 200
"""Messages erased in one transaction: others want the thread too."""

PREFIXES = ("private:", "user:")
"""What the group of a private chat is called by, with the person's id behind."""

COPIED_LETTERS = 24
"""So many letters of a message in a digest, a copy of an answer or a line of the bot's own are a
quote."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How much is kept of a person: messages, of which the oldest is of `since` (seconds since the
    epoch, None without one), votes on answers, and labels that they gave or that their messages
    got."""

    messages: int
    since: float | None
    votes: int
    labels: int


@dataclass(slots=True)
class Erased:
    """What went: how many messages, votes and labels; the texts by which label files may still
    know them; the keys of the replies to them; and the pages that admins made of questions of
    theirs, which nobody but an admin changes."""

    messages: int = 0
    votes: int = 0
    labels: int = 0
    texts: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)

    def add(self, other: "Erased") -> None:
        """What went besides."""
        self.messages += other.messages
        self.votes += other.votes
        self.labels += other.labels
        self.texts |= other.texts
        self.keys |= other.keys
        self.pages |= other.pages


def kept_of(db: Connection, adapter: str, user: str) -> Kept:
    """How much is kept of a person."""
    row = db.execute(
        """
        SELECT COUNT(*) AS messages, MIN(sent_at) AS since,
        (SELECT COUNT(*) FROM feedback f JOIN replies r ON r.seq = f.reply_seq
         WHERE r.adapter = :adapter AND f."user" = :user) AS votes,
        (SELECT COUNT(*) FROM examples
         WHERE person = :person OR (adapter = :adapter AND author = :user)) AS labels
        FROM messages WHERE adapter = :adapter AND "user" = :user
        """,
        _names(adapter, user),
    ).fetchone()
    return Kept(**dict(row))


def person_data(db: Connection, adapter: str, user: str) -> dict[str, Any]:
    """All that is kept of a person, as JSON: their messages with what was decided and answered,
    votes, labels."""
    names = _names(adapter, user)
    messages = db.execute(
        """
        SELECT m.grp AS "group", m.message_id, m.text, m.sent_at, m.mention, m.reply_to,
        m.attachments, m.recalled, d.outcome, d.reason,
        (SELECT text FROM replies WHERE decision_id = d.id ORDER BY seq LIMIT 1) AS answer,
        (SELECT text FROM drafts WHERE decision_id = d.id) AS draft
        FROM messages m LEFT JOIN decisions d ON d.id = m.decision_id
        WHERE m.adapter = :adapter AND m."user" = :user ORDER BY m.seq
        """,
        names,
    ).fetchall()
    votes = db.execute(
        """
        SELECT r.grp AS "group", r.platform_id AS reply, f.vote, f.at
        FROM feedback f JOIN replies r ON r.seq = f.reply_seq
        WHERE r.adapter = :adapter AND f."user" = :user ORDER BY f.at
        """,
        names,
    ).fetchall()
    labels = db.execute(
        """
        SELECT grp AS "group", message_id, text, good, origin, person, at FROM examples
        WHERE person = :person OR (adapter = :adapter AND author = :user) ORDER BY id
        """,
        names,
    ).fetchall()
    return {
        "person": names["person"],
        "messages": [
            dict(row)
            | {"attachments": json.loads(row["attachments"])}
            | {name: bool(row[name]) for name in ("mention", "recalled")}
            for row in messages
        ],
        "votes": [dict(row) for row in votes],
        "labels": [dict(row) | {"good": bool(row["good"])} for row in labels],
    }


def erase_batch(db: Connection, adapter: str, user: str, now: float) -> Erased:
    """Erases some of what is kept of a person; nothing is left when it brings no messages."""
    names, found = _names(adapter, user), Erased()
    rows = db.execute(
        'SELECT * FROM messages WHERE adapter = :adapter AND "user" = :user'
        " ORDER BY seq LIMIT :most",
        names | {"most": BATCH},
    ).fetchall()
    found.messages = len(rows)
    found.texts = {row["text"] for row in rows if row["text"].strip()}
    for row in rows:
        if row["state"] == "received":
            dismiss(db, row["seq"], row["adapter"], row["grp"], Reason.RECALLED, now)
        _erase_message(db, row, found)
    _erase_quotes(db, rows)
    _erase_labels(db, names, found)
    _erase_names(db, names, found)
    return found


def prune_old(db: Connection, *, labels_before: float, audit_before: float) -> set[str]:
    """Deletes labels, entries of the audit log, and with these what models took, that are older;
    the texts of the labels."""
    db.execute("DELETE FROM audit WHERE at < ?", (audit_before,))
    day = time.strftime("%Y-%m-%d", time.localtime(audit_before))
    db.execute('DELETE FROM "usage" WHERE day < ?', (day,))
    rows = db.execute("DELETE FROM examples WHERE at < ? RETURNING text", (labels_before,))
    return {row["text"] for row in rows}


def note_erasure(db: Connection) -> None:
    """Something was erased: a bot that runs beside has to look what it remembers."""
    db.execute(
        "INSERT INTO state VALUES ('erasures', 1)"
        " ON CONFLICT (key) DO UPDATE SET value = state.value + 1"
    )


def erasures(db: Connection) -> int:
    """How often something was erased."""
    row = db.execute("SELECT value FROM state WHERE key = 'erasures'").fetchone()
    return int(row["value"]) if row else 0


def _names(adapter: str, user: str) -> dict[str, Any]:
    return {"adapter": adapter, "user": user, "person": f"{adapter}:{user}"}


def _erase_message(db: Connection, row: Row, found: Erased) -> None:
    decided = db.execute(
        "SELECT decision_id AS id FROM messages WHERE seq = ?", (row["seq"],)
    ).fetchone()["id"]
    texts = db.execute(
        "SELECT text FROM messages WHERE decision_id = ? ORDER BY seq", (decided,)
    ).fetchall()
    found.texts.add(joined_texts(line["text"] for line in texts))
    keys = db.execute("SELECT key FROM replies WHERE decision_id = ?", (decided,)).fetchall()
    found.keys |= {line["key"] for line in keys}
    made = db.execute(
        "SELECT path FROM proposals WHERE adapter = ? AND question_id = ? AND path != ''",
        (row["adapter"], row["message_id"]),
    ).fetchall()
    found.pages |= {line["path"] for line in made}
    for statement in (
        "UPDATE decisions SET trace = '[]' WHERE id = ?",
        "UPDATE drafts SET text = '', citations = '[]' WHERE decision_id = ?",
        # One that is on its way is withdrawn when it has arrived.
        "UPDATE replies SET state = 'recalled' WHERE decision_id = ? AND state = 'pending'",
        "UPDATE replies SET text = '', citations = '[]', \"user\" = '' WHERE decision_id = ?",
    ):
        db.execute(statement, (decided,))
    # What others asked in reply to it may have been judged together with it.
    db.execute(
        """
        UPDATE decisions SET trace = '[]' WHERE id IN (
            SELECT decision_id FROM messages WHERE adapter = :adapter AND reply_to IN (
                SELECT :id UNION
                SELECT platform_id FROM replies WHERE decision_id = :decided AND platform_id != ''
            )
        )
        """,
        {"adapter": row["adapter"], "id": row["message_id"], "decided": decided},
    )
    db.execute(
        """
        UPDATE messages SET text = '', attachments = '[]', mentions = '[]', reply_to = NULL,
        thread = NULL, login = '', recalled = TRUE, "user" = '',
        state = CASE state WHEN 'deciding' THEN 'dismissed' ELSE state END WHERE seq = ?
        """,
        (row["seq"],),
    )


def _erase_quotes(db: Connection, rows: Sequence[Row]) -> None:
    """Blanks digests, copies and the bot's own lines that quote one of these messages."""
    said = {letters for row in rows if (letters := _letters(row["text"])[:COPIED_LETTERS])}
    oldest = min((row["sent_at"] for row in rows if row["text"]), default=None)
    if oldest is None:
        return
    others = db.execute(
        "SELECT seq, text FROM replies WHERE created_at >= ? AND state != 'pending' AND text != ''"
        " AND (decision_id IS NULL OR kind = 'notice')",
        (oldest,),
    ).fetchall()
    quoting = [(row["seq"],) for row in others if _holds(_letters(row["text"]), said)]
    db.executemany("UPDATE replies SET text = '', citations = '[]' WHERE seq = ?", quoting)


def _erase_labels(db: Connection, names: dict[str, Any], found: Erased) -> None:
    own = "person = :person OR (adapter = :adapter AND author = :user)"
    rows = db.execute(f"SELECT text FROM examples WHERE {own}", names)  # noqa: S608 - ours
    found.texts |= {row["text"] for row in rows}
    found.labels = db.execute(f"DELETE FROM examples WHERE {own}", names).rowcount  # noqa: S608 - ours


def _erase_names(db: Connection, names: dict[str, Any], found: Erased) -> None:
    """Votes, replies that name the person, others' messages that call them, private chats."""
    found.votes = db.execute(
        'DELETE FROM feedback WHERE "user" = :user AND reply_seq IN'
        " (SELECT seq FROM replies WHERE adapter = :adapter)",
        names,
    ).rowcount
    db.execute(
        'UPDATE replies SET "user" = \'\' WHERE adapter = :adapter AND "user" = :user', names
    )
    db.execute("UPDATE proposals SET person = '' WHERE person = :person", names)
    db.execute('DELETE FROM early WHERE adapter = :adapter AND "user" = :user', names)
    for table in ("unsure", "seen"):
        db.execute(f"DELETE FROM {table} WHERE person = :person", names)  # noqa: S608 - ours
    calling = db.execute(
        "SELECT seq, mentions FROM messages WHERE adapter = :adapter AND mentions != '[]'"
        " AND mentions LIKE :quoted ESCAPE '\\'",
        names | {"quoted": containing(json.dumps(names["user"]))},
    ).fetchall()
    for row in calling:
        left = [one for one in json.loads(row["mentions"]) if one != names["user"]]
        db.execute("UPDATE messages SET mentions = ? WHERE seq = ?", (json.dumps(left), row["seq"]))
    for prefix in PREFIXES:
        chat = {"adapter": names["adapter"], "chat": prefix + names["user"].rpartition("/")[2]}
        for table in ("chats", "modes", "mutes", "budgets", "seen"):
            db.execute(f"DELETE FROM {table} WHERE adapter = :adapter AND grp = :chat", chat)  # noqa: S608 - ours
        _join_usage(db, chat)
        for table in ("messages", "decisions", "replies", "drafts"):
            db.execute(
                f"UPDATE {table} SET grp = '' WHERE adapter = :adapter AND grp = :chat",  # noqa: S608 - ours
                chat,
            )


def _join_usage(db: Connection, chat: dict[str, Any]) -> None:
    """What a private chat's calls took becomes that of no group's: the sums of the days stay."""
    rows = db.execute(
        """
        DELETE FROM "usage" WHERE adapter = :adapter AND grp = :chat
        RETURNING day, backend, model, calls, prompt, cached, completion, cost
        """,
        chat,
    ).fetchall()
    add_usage(db, [Used(group="", **dict(row)) for row in rows])


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _holds(text: str, parts: Iterable[str]) -> bool:
    return any(part in text for part in parts)
