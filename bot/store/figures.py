"""Figures over time, for the console's overview. Each function works within one transaction; days
are counted from an offset in seconds, that of the reader's time zone."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.store.database import Connection
from bot.types import Used
from common.clock import DAY_S, WEEK_S

COUNTED = ("n", "helpful", "unhelpful")
ANSWERS_TIMED = 2000
"""Of so many answers, the newest, it is measured how long they took."""


@dataclass(slots=True)
class DayFigures:
    """What happened on a day; `start` is when it began. `silences` count by reason."""

    start: float
    questions: int = 0
    answers: int = 0
    silences: dict[str, int] = field(default_factory=dict)
    helpful: int = 0
    unhelpful: int = 0
    recalled: int = 0


def by_day(db: Connection, since: float, offset: float) -> list[DayFigures]:
    """The days since a time on which anything happened, the oldest first."""
    days: dict[int, DayFigures] = {}

    def of(number: int) -> DayFigures:
        return days.setdefault(number, DayFigures(number * DAY_S - offset))

    values = {"since": since, "offset": offset}
    for row in db.execute(
        """
        SELECT FLOOR((created_at + :offset) / 86400) AS day, outcome, reason,
               COUNT(*) AS n
        FROM decisions INDEXED BY decisions_by_age
        WHERE created_at >= :since AND reason != 'command' GROUP BY day, outcome, reason
        """,
        values,
    ):
        day = of(int(row["day"]))
        day.questions += row["n"]
        if row["outcome"] == "answer":
            day.answers += row["n"]
        else:
            day.silences[row["reason"]] = row["n"]
    for row in db.execute(
        """
        SELECT FLOOR((at + :offset) / 86400) AS day,
               COUNT(*) FILTER (WHERE vote = 'helpful') AS helpful,
               COUNT(*) FILTER (WHERE vote = 'unhelpful') AS unhelpful
        FROM feedback WHERE at >= :since GROUP BY day
        """,
        values,
    ):
        day = of(int(row["day"]))
        day.helpful, day.unhelpful = row["helpful"], row["unhelpful"]
    for row in db.execute(
        "SELECT FLOOR((created_at + :offset) / 86400) AS day, COUNT(*) AS n"
        " FROM replies WHERE created_at >= :since AND state = 'recalled' GROUP BY day",
        values,
    ):
        of(int(row["day"])).recalled = row["n"]
    return [days[number] for number in sorted(days)]


def answer_seconds(db: Connection, since: float) -> list[float]:
    """How long the answers since a time took from their question on, ascending."""
    rows = db.execute(
        """
        SELECT r.settled_at - m.sent_at AS seconds
        FROM replies r JOIN messages m ON m.adapter = r.adapter AND m.message_id = r.reply_to
        WHERE r.created_at >= ? AND r.kind = 'answer' AND r.settled_at IS NOT NULL
        ORDER BY r.created_at DESC LIMIT ?
        """,
        (since, ANSWERS_TIMED),
    )
    return sorted(max(0.0, row["seconds"]) for row in rows)


def kept_promise(db: Connection, since: float) -> dict[str, int]:
    """How many unprompted answers there were since a time, and how many of them somebody called
    unwanted: by a label, a vote, or by taking them back."""
    row = db.execute(
        """
        SELECT COUNT(*) AS answers, COUNT(*) FILTER (WHERE r.state = 'recalled' OR EXISTS (
            SELECT 1 FROM feedback f WHERE f.reply_seq = r.seq AND f.vote = 'unhelpful'
        ) OR EXISTS (
            SELECT 1 FROM messages m JOIN examples e USING (adapter, message_id)
            WHERE m.decision_id = r.decision_id AND NOT e.good AND e.origin != 'teacher'
        )) AS unwanted
        FROM replies r WHERE r.created_at >= ? AND r.kind = 'answer' AND r.unprompted
        AND r.state IN ('sent', 'recalled')
        """,
        (since,),
    ).fetchone()
    return dict(row)


def weekly_unprompted(db: Connection, now: float) -> float | None:
    """How many unprompted questions a week all groups together bring to the gate, by the last four
    weeks; None before there was a day of them."""
    row = db.execute(
        """
        SELECT COUNT(*) AS n, MIN(created_at) AS first FROM decisions INDEXED BY decisions_by_age
        WHERE created_at >= ? AND reason != 'command'
        """,
        (now - 4 * WEEK_S,),
    ).fetchone()
    heard_s = now - float(row["first"] or now)
    return float(row["n"]) * WEEK_S / heard_s if heard_s >= DAY_S else None


def week_scores(db: Connection, now: float) -> list[float]:
    """The gate's scores of the unprompted questions of the last seven days."""
    rows = db.execute(
        """
        SELECT d.score FROM decisions d WHERE d.created_at >= ? AND d.score IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.decision_id = d.id AND m.mention)
        """,
        (now - WEEK_S,),
    )
    return [row["score"] for row in rows]


def cited(db: Connection, since: float) -> dict[str, dict[str, Any]]:
    """How often each document was cited since a time, and how often that was found helpful or
    not, by its path."""
    rows = db.execute(
        """
        SELECT r.citations, COUNT(*) AS n, COALESCE(SUM(f.helpful), 0) AS helpful,
               COALESCE(SUM(f.unhelpful), 0) AS unhelpful
        FROM replies r LEFT JOIN (
            SELECT reply_seq, COUNT(*) FILTER (WHERE vote = 'helpful') AS helpful,
                   COUNT(*) FILTER (WHERE vote = 'unhelpful') AS unhelpful
            FROM feedback GROUP BY reply_seq
        ) AS f ON f.reply_seq = r.seq
        WHERE r.created_at >= ? AND r.kind = 'answer' GROUP BY r.citations
        """,
        (since,),
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for citation in json.loads(row["citations"]):
            counted = found.setdefault(citation["path"], dict.fromkeys(COUNTED, 0))
            for name in COUNTED:
                counted[name] += int(row[name])
    return found


def add_usage(db: Connection, used: Sequence[Used]) -> None:
    """Adds what calls of a language model took to what is kept of their day, model and group."""
    for one in used:
        adapter, _, group = one.group.partition(":")
        db.execute(
            """
            INSERT INTO "usage" (day, backend, model, adapter, grp, calls, prompt, cached,
                                 completion, cost)
            VALUES (:day, :backend, :model, :adapter, :grp, :calls, :prompt, :cached,
                    :completion, :cost)
            ON CONFLICT (day, backend, model, adapter, grp) DO UPDATE SET
                calls = "usage".calls + excluded.calls,
                prompt = "usage".prompt + excluded.prompt,
                cached = "usage".cached + excluded.cached,
                completion = "usage".completion + excluded.completion,
                cost = "usage".cost + excluded.cost
            """,
            {**asdict(one), "adapter": adapter, "grp": group},
        )


def usage_of(db: Connection, day: str) -> list[Used]:
    """What a day's calls took, by backend, model and group."""
    rows = db.execute(
        """
        SELECT day, backend, model,
               CASE WHEN adapter = '' THEN '' ELSE adapter || ':' || grp END AS "group",
               calls, prompt, cached, completion, cost
        FROM "usage" WHERE day = ?
        """,
        (day,),
    )
    return [Used(**dict(row)) for row in rows]


def usage_by_day(db: Connection, since: str) -> list[Used]:
    """What the calls of all groups took since a day ("2026-01-31"), by day, backend and model; the
    oldest day first. Days are the machine's."""
    rows = db.execute(
        """
        SELECT day, backend, model, '' AS "group", SUM(calls) AS calls, SUM(prompt) AS prompt,
               SUM(cached) AS cached, SUM(completion) AS completion, SUM(cost) AS cost
        FROM "usage" WHERE day >= ? GROUP BY day, backend, model ORDER BY day, backend, model
        """,
        (since,),
    )
    return [Used(**dict(row)) for row in rows]
