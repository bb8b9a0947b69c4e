"""What the store knows of groups and of what people think of answers: each function is one
transaction on the connection it is given."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.base import BotMoved, Feedback


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """A group that the bot is or was in. `sources` are those that it is bound to, none for all;
    `messages` and `answers` count what is stored."""

    adapter: str
    group: str
    title: str
    present: bool
    sources: tuple[str, ...]
    messages: int
    answers: int


def bot_moved(db: sqlite3.Connection, event: BotMoved) -> None:
    """The bot came into a group or left it."""
    db.execute(
        """
        INSERT INTO chats (adapter, grp, title, present) VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET present = excluded.present,
                                  title = COALESCE(NULLIF(excluded.title, ''), title)
        """,
        (event.adapter, event.group, event.title, event.joined),
    )


def bind_sources(db: sqlite3.Connection, adapter: str, group: str, sources: Sequence[str]) -> None:
    """Ties a group to some sources; none unties it."""
    db.execute(
        "INSERT INTO chats (adapter, grp, sources) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET sources = excluded.sources",
        (adapter, group, json.dumps(list(sources))),
    )


def bound_sources(db: sqlite3.Connection, adapter: str, group: str) -> tuple[str, ...]:
    """The sources that a group is tied to; empty for all."""
    row = db.execute(
        "SELECT sources FROM chats WHERE adapter = ? AND grp = ?", (adapter, group)
    ).fetchone()
    return tuple(json.loads(row["sources"])) if row else ()


def groups(db: sqlite3.Connection) -> list[KnownGroup]:
    """All groups that were ever heard of, those with the most messages first."""
    rows = db.execute(
        """
        WITH heard AS (SELECT adapter, grp, COUNT(*) AS n FROM messages GROUP BY adapter, grp),
             told AS (SELECT adapter, grp, COUNT(*) AS n FROM replies
                      WHERE kind = 'answer' AND state = 'sent' GROUP BY adapter, grp),
             known AS (SELECT adapter, grp FROM heard UNION SELECT adapter, grp FROM chats)
        SELECT known.adapter, known.grp, COALESCE(title, '') AS title,
               COALESCE(present, 1) AS present, COALESCE(sources, '[]') AS sources,
               COALESCE(heard.n, 0) AS messages, COALESCE(told.n, 0) AS answers
        FROM known LEFT JOIN chats USING (adapter, grp) LEFT JOIN heard USING (adapter, grp)
        LEFT JOIN told USING (adapter, grp) ORDER BY messages DESC, adapter, grp
        """
    )
    return [
        KnownGroup(
            row["adapter"], row["grp"], row["title"], bool(row["present"]),
            tuple(json.loads(row["sources"])), row["messages"], row["answers"],
        )
        for row in rows
    ]  # fmt: skip


def latest(db: sqlite3.Connection, adapter: str) -> dict[str, float]:
    """See `adapters.contract.History`."""
    rows = db.execute(
        """
        SELECT grp, MAX(sent_at) AS newest FROM (
            SELECT grp, sent_at FROM messages WHERE adapter = :adapter
            UNION ALL SELECT grp, 0 FROM chats WHERE adapter = :adapter
        )
        WHERE grp NOT IN (SELECT grp FROM chats WHERE adapter = :adapter AND NOT present)
        GROUP BY grp
        """,
        {"adapter": adapter},
    )
    return {row["grp"]: float(row["newest"]) for row in rows}


def vote(db: sqlite3.Connection, feedback: Feedback) -> bool:
    """Records what somebody thinks of a reply; of two votes of a person the later one counts.
    False when the bot posted no such reply."""
    row = db.execute(
        "SELECT seq FROM replies WHERE adapter = ? AND platform_id = ?",
        (feedback.adapter, feedback.reply_id),
    ).fetchone()
    if row is None:
        return False
    db.execute(
        """
        INSERT INTO feedback (reply_seq, user, vote, at) VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET vote = excluded.vote, at = excluded.at
        WHERE excluded.at >= feedback.at
        """,
        (row["seq"], feedback.user, feedback.vote, feedback.at),
    )
    return True


def votes(db: sqlite3.Connection, reply_seq: int) -> dict[str, int]:
    """How many found a reply helpful and how many did not."""
    found = {"helpful": 0, "unhelpful": 0}
    for row in db.execute(
        "SELECT vote, COUNT(*) AS n FROM feedback WHERE reply_seq = ? AND vote != 'none'"
        " GROUP BY vote",
        (reply_seq,),
    ):
        found[row["vote"]] = row["n"]
    return found
