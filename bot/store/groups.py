"""What the store knows of groups. Each function works within one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.base import BotMoved
from bot.store.database import Connection
from common.visible import visible


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


@dataclass(frozen=True, slots=True)
class Standing:
    """How the bot stands in a group: the `mode` that an admin set, "" where none did; when it first
    heard of the group; the sources that the group is tied to, none for all; until when it is muted,
    None where it may speak."""

    mode: str
    since: float | None
    sources: tuple[str, ...]
    muted_until: float | None


def standing(db: Connection, adapter: str, group: str, now: float) -> Standing:
    """All that is asked before each question."""
    mode, since = group_mode(db, adapter, group)
    sources = bound_sources(db, adapter, group)
    return Standing(mode, since, sources, muted_until(db, adapter, group, now))


def bot_moved(db: Connection, event: BotMoved) -> None:
    """The bot came into a group or left it."""
    db.execute(
        """
        INSERT INTO chats (adapter, grp, title, present) VALUES (?, ?, ?, ?)
        ON CONFLICT (adapter, grp) DO UPDATE SET
            present = excluded.present,
            title = COALESCE(NULLIF(excluded.title, ''), chats.title)
        """,
        (event.adapter, event.group, visible(event.title), event.joined),
    )


def heard_of(db: Connection, adapter: str, group: str, now: float) -> None:
    """A group is new when it is first heard of."""
    db.execute(
        "INSERT INTO modes (adapter, grp, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (adapter, group, now),
    )


def group_mode(db: Connection, adapter: str, group: str) -> tuple[str, float | None]:
    """What an admin set as the group's mode, "" where none did; and when the group was first
    heard of."""
    row = db.execute(
        "SELECT mode, since FROM modes WHERE adapter = ? AND grp = ?", (adapter, group)
    ).fetchone()
    return (row["mode"], row["since"]) if row else ("", None)


def set_mode(db: Connection, adapter: str, group: str, mode: str, now: float) -> None:
    """An admin set the group's mode; "" goes back to the default."""
    heard_of(db, adapter, group, now)
    db.execute("UPDATE modes SET mode = ? WHERE adapter = ? AND grp = ?", (mode, adapter, group))


def bind_sources(db: Connection, adapter: str, group: str, sources: Sequence[str]) -> None:
    """Ties a group to some sources; none unties it."""
    db.execute(
        "INSERT INTO chats (adapter, grp, sources) VALUES (?, ?, ?)"
        " ON CONFLICT (adapter, grp) DO UPDATE SET sources = excluded.sources",
        (adapter, group, json.dumps(list(sources))),
    )


def bound_sources(db: Connection, adapter: str, group: str) -> tuple[str, ...]:
    """The sources that a group is tied to; empty for all."""
    row = db.execute(
        "SELECT sources FROM chats WHERE adapter = ? AND grp = ?", (adapter, group)
    ).fetchone()
    return tuple(json.loads(row["sources"])) if row else ()


def known_groups(db: Connection) -> list[KnownGroup]:
    """All groups that were ever heard of, those with the most messages first."""
    rows = db.execute(
        """
        WITH heard AS (SELECT adapter, grp, COUNT(*) AS n FROM messages GROUP BY adapter, grp),
             told AS (SELECT adapter, grp, COUNT(*) AS n FROM replies
                      WHERE kind = 'answer' AND state = 'sent' GROUP BY adapter, grp),
             known AS (SELECT adapter, grp FROM heard UNION SELECT adapter, grp FROM chats)
        SELECT known.adapter, known.grp, COALESCE(title, '') AS title,
               COALESCE(present, TRUE) AS present, COALESCE(sources, '[]') AS sources,
               COALESCE(heard.n, 0) AS messages, COALESCE(told.n, 0) AS answers
        FROM known LEFT JOIN chats USING (adapter, grp) LEFT JOIN heard USING (adapter, grp)
        LEFT JOIN told USING (adapter, grp) ORDER BY messages DESC, known.adapter, known.grp
        """
    )
    return [
        KnownGroup(
            adapter=row["adapter"],
            group=row["grp"],
            title=row["title"],
            present=bool(row["present"]),
            sources=tuple(json.loads(row["sources"])),
            messages=row["messages"],
            answers=row["answers"],
        )
        for row in rows
    ]


def latest(db: Connection, adapter: str) -> dict[str, float]:
    """See `adapters.contract.History`."""
    rows = db.execute(
        """
        SELECT grp, MAX(sent_at) AS newest FROM (
            SELECT grp, sent_at FROM messages WHERE adapter = ?
            UNION ALL SELECT grp, 0 FROM chats WHERE adapter = ?
        ) AS known
        WHERE grp NOT IN (SELECT grp FROM chats WHERE adapter = ? AND NOT present)
        GROUP BY grp
        """,
        (adapter, adapter, adapter),
    )
    return {row["grp"]: float(row["newest"]) for row in rows}


def mute(db: Connection, adapter: str, group: str, until: float) -> None:
    """Until then the bot keeps quiet in the group."""
    db.execute(
        "INSERT INTO mutes (adapter, grp, until) VALUES (?, ?, ?)"
        " ON CONFLICT (adapter, grp) DO UPDATE SET until = excluded.until",
        (adapter, group, until),
    )


def unmute(db: Connection, adapter: str, group: str) -> None:
    """The bot may speak in the group again."""
    db.execute("DELETE FROM mutes WHERE adapter = ? AND grp = ?", (adapter, group))


def muted_until(db: Connection, adapter: str, group: str, now: float) -> float | None:
    """When the bot may speak in the group again; None when it may now."""
    row = db.execute(
        "SELECT until FROM mutes WHERE adapter = ? AND grp = ? AND until > ?",
        (adapter, group, now),
    ).fetchone()
    return float(row["until"]) if row else None
