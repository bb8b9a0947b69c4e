"""What the console shows of groups: all of them, and the messages of one. Each function works
within one transaction, and pages: how much it reads does not depend on how much is stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.store.database import HIGHEST, Connection, Row, containing
from bot.types import Group
from common.clock import WEEK_S

UNREAD_SHOWN = 999
"""Nobody counts on from here."""


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group, with what is stored of it. `mode` is what an admin set, "" where none did, `since`
    when it was first heard of; `last_seq` and `last_at` are those of the newest message, 0 for
    none; `questions` and `answers` are those of the last seven days; `budget` is (burst,
    refill_s) where it has one of its own."""

    adapter: str
    group: str
    title: str
    present: bool
    sources: tuple[str, ...]
    mode: str
    since: float | None
    last_seq: int
    last_at: float
    messages: int
    questions: int
    answers: int
    unread: int
    budget: tuple[int, float] | None


_KNOWN = """
    WITH heard AS (
        SELECT adapter, grp, COUNT(*) AS n, MAX(seq) AS last FROM messages GROUP BY adapter, grp
    ),
    known AS (
        SELECT adapter, grp FROM heard UNION SELECT adapter, grp FROM chats
        UNION SELECT adapter, grp FROM modes
    )
    SELECT known.adapter, known.grp, COALESCE(c.title, '') AS title,
           COALESCE(c.present, TRUE) AS present, COALESCE(c.sources, '[]') AS sources,
           COALESCE(modes.mode, '') AS mode, modes.since, COALESCE(heard.n, 0) AS messages,
           COALESCE(heard.last, 0) AS last_seq, budgets.burst, budgets.refill_s
    FROM known LEFT JOIN heard USING (adapter, grp) LEFT JOIN chats c USING (adapter, grp)
    LEFT JOIN modes USING (adapter, grp) LEFT JOIN budgets USING (adapter, grp)
"""


def list_groups(
    db: Connection, *, person: str, now: float, search: str, offset: int, limit: int
) -> list[ListedGroup]:
    """The groups whose title or id contains a text, those with the newest messages first; what is
    unread is counted for a person."""
    rows = db.execute(
        f"""{_KNOWN}
        WHERE known.grp LIKE :like ESCAPE '\\' OR c.title LIKE :like ESCAPE '\\'
        ORDER BY last_seq DESC, known.adapter, known.grp LIMIT :limit OFFSET :offset
        """,
        {"like": containing(search), "limit": limit, "offset": offset},
    ).fetchall()
    week = _week(db, now)
    return [_listed(db, row, person, week) for row in rows]


def one_group(
    db: Connection, adapter: str, group: str, *, person: str, now: float
) -> ListedGroup | None:
    """A group by its name; None for one that was never heard of."""
    known = f"{_KNOWN} WHERE known.adapter = ? AND known.grp = ?"
    row = db.execute(known, (adapter, group)).fetchone()
    return _listed(db, row, person, _week(db, now)) if row else None


def mark_seen(db: Connection, person: str, adapter: str, group: str, seq: int) -> None:
    """A person has read a group up to a message."""
    db.execute(
        "INSERT INTO seen (person, adapter, grp, seq) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (person, adapter, grp) DO UPDATE SET seq = excluded.seq"
        " WHERE excluded.seq > seen.seq",
        (person, adapter, group, seq),
    )


def set_budget(db: Connection, adapter: str, group: str, budget: tuple[int, float] | None) -> None:
    """Gives a group a budget of its own, (burst, refill_s); None goes back to the configured."""
    db.execute("DELETE FROM budgets WHERE adapter = ? AND grp = ?", (adapter, group))
    if budget:
        db.execute("INSERT INTO budgets VALUES (?, ?, ?, ?)", (adapter, group, *budget))


def budgets(db: Connection, of: Group | None = None) -> dict[Group, tuple[int, float]]:
    """The groups that have a budget of their own, of all or of one."""
    where = "WHERE adapter = ? AND grp = ?" if of else ""
    rows = db.execute(f"SELECT * FROM budgets {where}", of or ())  # noqa: S608 - ours
    return {(row["adapter"], row["grp"]): (row["burst"], row["refill_s"]) for row in rows}


def timeline(
    db: Connection,
    adapter: str,
    group: str,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """At most `limit` messages and replies of a group, oldest first: the last ones before a `seq`,
    else the first ones after one, else the newest. Each is a row as of
    `adapters.contract.History.messages`; a person's has its `decision` without the trace, and a
    `draft` where one was kept; one of the bot's has its `votes` by person."""
    newest = after is None
    found = db.execute(
        f"""
        SELECT seq, TRUE AS said FROM messages
        WHERE adapter = :adapter AND grp = :group AND seq > :after AND seq < :before
        UNION ALL
        SELECT seq, FALSE FROM replies
        WHERE adapter = :adapter AND grp = :group AND seq > :after AND seq < :before
        AND state != 'failed'
        ORDER BY seq {"DESC" if newest else ""} LIMIT :limit
        """,  # noqa: S608 - both orders are ours
        {
            "adapter": adapter,
            "group": group,
            "after": after or 0,
            "before": before or HIGHEST,
            "limit": limit,
        },
    ).fetchall()
    rows = [_message(db, row["seq"]) if row["said"] else _reply(db, row["seq"]) for row in found]
    return rows[::-1] if newest else rows


def seq_of(db: Connection, adapter: str, group: str, message_id: str) -> int | None:
    """The number of a message, or of one of the bot's replies by the platform's id; None where
    there is none in the group."""
    row = db.execute(
        """
        SELECT seq FROM messages WHERE adapter = :adapter AND message_id = :id AND grp = :group
        UNION ALL SELECT seq FROM replies
        WHERE adapter = :adapter AND platform_id = :id AND grp = :group LIMIT 1
        """,
        {"adapter": adapter, "group": group, "id": message_id},
    ).fetchone()
    return int(row["seq"]) if row else None


def _week(db: Connection, now: float) -> Mapping[Group, tuple[int, int]]:
    """Questions and answers of the last seven days by group."""
    rows = db.execute(
        "SELECT adapter, grp, COUNT(*) AS questions,"
        " COUNT(*) FILTER (WHERE outcome = 'answer') AS answers"
        # The planner would rather read the whole table in the order of the groups.
        " FROM decisions INDEXED BY decisions_by_age"
        " WHERE created_at >= ? AND reason != 'command' GROUP BY adapter, grp",
        (now - WEEK_S,),
    )
    return {(row["adapter"], row["grp"]): (row["questions"], row["answers"]) for row in rows}


def _listed(
    db: Connection, row: Row, person: str, week: Mapping[Group, tuple[int, int]]
) -> ListedGroup:
    place = (row["adapter"], row["grp"])
    seen = db.execute(
        "SELECT seq FROM seen WHERE person = ? AND adapter = ? AND grp = ?", (person, *place)
    ).fetchone()
    unread = db.execute(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM messages WHERE adapter = ? AND grp = ?"
        " AND seq > ? LIMIT ?) AS newer",
        (*place, seen["seq"] if seen else 0, UNREAD_SHOWN),
    ).fetchone()
    last = db.execute("SELECT sent_at FROM messages WHERE seq = ?", (row["last_seq"],)).fetchone()
    questions, answers = week.get(place, (0, 0))
    return ListedGroup(
        adapter=row["adapter"],
        group=row["grp"],
        title=row["title"],
        present=bool(row["present"]),
        sources=tuple(json.loads(row["sources"])),
        mode=row["mode"],
        since=row["since"],
        last_seq=row["last_seq"],
        last_at=last["sent_at"] if last else 0.0,
        messages=row["messages"],
        questions=questions,
        answers=answers,
        unread=unread["n"],
        budget=(row["burst"], row["refill_s"]) if row["burst"] else None,
    )


def _message(db: Connection, seq: int) -> dict[str, Any]:
    row = db.execute(
        """
        SELECT m.*, d.outcome, d.reason, d.score, d.threshold,
               (SELECT kind FROM replies r WHERE r.decision_id = d.id AND r.state != 'failed'
                ORDER BY r.seq DESC LIMIT 1) AS replied,
               dr.kind AS draft_kind, dr.text AS draft, dr.citations AS draft_citations
        FROM messages m LEFT JOIN decisions d ON d.id = m.decision_id
        LEFT JOIN drafts dr ON dr.decision_id = d.id WHERE m.seq = ?
        """,
        (seq,),
    ).fetchone()
    names = ("outcome", "reason", "score", "threshold", "replied")
    shown = _entry(row, row["message_id"], row["user"], "message") | {
        "mention": bool(row["mention"]),
        "sent_at": row["sent_at"],
        "recalled": bool(row["recalled"]),
        "attachments": json.loads(row["attachments"]),
        "citations": [],
        "decision": {name: row[name] for name in names} if row["reason"] else None,
    }
    if row["draft"]:
        cited = json.loads(row["draft_citations"])
        shown["draft"] = {"kind": row["draft_kind"], "text": row["draft"], "citations": cited}
    return shown


def _reply(db: Connection, seq: int) -> dict[str, Any]:
    row = db.execute("SELECT * FROM replies WHERE seq = ?", (seq,)).fetchone()
    return _entry(row, row["platform_id"] or row["key"], None, row["kind"]) | {
        "mention": False,
        "sent_at": row["settled_at"] or row["created_at"],
        "recalled": row["state"] == "recalled",
        "attachments": [],
        "citations": json.loads(row["citations"]),
        "votes": votes_by_person(db, seq),
    }


def votes_by_person(db: Connection, reply_seq: int) -> Mapping[str, str]:
    """Who found a reply helpful, and who did not."""
    rows = db.execute(
        "SELECT \"user\", vote FROM feedback WHERE reply_seq = ? AND vote != 'none'", (reply_seq,)
    )
    return {row["user"]: row["vote"] for row in rows}


def _entry(row: Row, message_id: str, user: str | None, kind: str) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "message_id": message_id,
        "user": user,
        "text": row["text"],
        "kind": kind,
        "reply_to": row["reply_to"],
    }
