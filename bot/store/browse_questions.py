"""The questions of all groups with their decisions, for the console's list and its export. Each
function works within one transaction, and pages by a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bot.store.browse_groups import votes_by_person
from bot.store.database import Connection, containing
from bot.types import Group, Reason, joined_texts

Mark: TypeAlias = Literal[
    "labelled", "unlabelled", "good", "bad", "unsure", "helpful", "unhelpful", "recalled"
]
Sort: TypeAlias = Literal["newest", "uncertain"]

Cursor: TypeAlias = tuple[float, int]
"""Where a page begins: after this margin and this id of a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which questions are wanted; what is None or empty filters nothing. Times are in seconds
    since the epoch, `score` is from..to."""

    group: Group | None = None
    since: float | None = None
    until: float | None = None
    outcome: str = ""
    reasons: tuple[str, ...] = ()
    mark: Mark | Literal[""] = ""
    least: float | None = None
    most: float | None = None
    text: str = ""
    user: str = ""
    mention: bool | None = None


@dataclass(frozen=True, slots=True)
class ListedQuestion:
    """A question with what was decided on it. `message_id` and `user` are those of the last of its
    messages; `labels` are (origin, person, good), `unsure` who looked at it and can't tell;
    `reply` is the kind and text of what was posted, or with `draft` of what would have been;
    `votes` are by person, `recalled` says that the answer was withdrawn."""

    id: int
    adapter: str
    group: str
    title: str
    user: str
    message_id: str
    text: str
    at: float
    mention: bool
    outcome: str
    reason: str
    score: float | None
    threshold: float | None
    labels: tuple[tuple[str, str, bool], ...]
    unsure: tuple[str, ...]
    reply: tuple[str, str] | None
    draft: bool
    votes: dict[str, str]
    recalled: bool

    @property
    def cursor(self) -> Cursor:
        """Where the page after this question begins."""
        if self.score is None or self.threshold is None:
            return 0.0, self.id
        return abs(self.score - self.threshold), self.id


def list_questions(
    db: Connection, filters: Filters, sort: Sort, cursor: Cursor | None, limit: int
) -> list[ListedQuestion]:
    """At most `limit` decided questions behind a cursor: the newest first, or those first of which
    the gate was least sure. Commands are none."""
    where, values = _conditions(filters)
    if sort == "uncertain":
        where.append("d.score IS NOT NULL")
        order = "ABS(d.score - d.threshold), d.id"
        if cursor:
            where.append("(ABS(d.score - d.threshold), d.id) > (:margin, :id)")
    else:
        order = "d.id DESC"
        if cursor:
            where.append("d.id < :id")
    margin, last = cursor or (0.0, 0)
    rows = db.execute(
        f"SELECT d.id FROM decisions d WHERE {' AND '.join(where)} ORDER BY {order} LIMIT :limit",  # noqa: S608 - ours, what was asked for is bound
        {**values, "margin": margin, "id": last, "limit": limit},
    ).fetchall()
    return [one for row in rows if (one := _question(db, row["id"]))]


def set_unsure(
    db: Connection, adapter: str, message_id: str, person: str, at: float | None
) -> None:
    """Somebody can't tell whether a message should be answered; None takes that back."""
    values = (adapter, message_id, person)
    if at is None:
        gone = "DELETE FROM unsure WHERE adapter = ? AND message_id = ? AND person = ?"
        db.execute(gone, values)
    else:
        db.execute(
            "INSERT INTO unsure VALUES (?, ?, ?, ?)"
            " ON CONFLICT (adapter, message_id, person) DO UPDATE SET at = excluded.at",
            (*values, at),
        )


_LABELLED = """
    EXISTS (SELECT 1 FROM messages m JOIN examples e USING (adapter, message_id)
            WHERE m.decision_id = d.id AND e.origin != 'teacher' {})
"""
_UNSURE = """
    EXISTS (SELECT 1 FROM messages m JOIN unsure u USING (adapter, message_id)
            WHERE m.decision_id = d.id)
"""
_VOTED = """
    EXISTS (SELECT 1 FROM replies r JOIN feedback f ON f.reply_seq = r.seq
            WHERE r.decision_id = d.id AND f.vote = '{}')
"""
_MARKS: dict[str, str] = {
    "labelled": _LABELLED.format(""),
    "unlabelled": f"NOT {_LABELLED.format('')} AND NOT {_UNSURE}",
    "good": _LABELLED.format("AND e.good"),
    "bad": _LABELLED.format("AND NOT e.good"),
    "unsure": _UNSURE,
    "helpful": _VOTED.format("helpful"),
    "unhelpful": _VOTED.format("unhelpful"),
    "recalled": (
        "EXISTS (SELECT 1 FROM replies r WHERE r.decision_id = d.id AND r.state = 'recalled')"
    ),
}


def _conditions(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    """What stands in the query is ours; what was asked for goes in as values."""
    where, values = ["d.reason != 'command'"], dict[str, Any]()

    def add(condition: str, **given: Any) -> None:
        where.append(condition)
        values.update(given)

    if filters.group:
        adapter, group = filters.group
        add("d.adapter = :adapter AND d.grp = :group", adapter=adapter, group=group)
    if filters.since is not None:
        add("d.created_at >= :since", since=filters.since)
    if filters.until is not None:
        add("d.created_at < :until", until=filters.until)
    if filters.outcome:
        add("d.outcome = :outcome", outcome=filters.outcome)
    if filters.reasons:
        names = {f"reason{n}": reason for n, reason in enumerate(filters.reasons)}
        add(f"d.reason IN ({', '.join(f':{name}' for name in names)})", **names)
    if filters.least is not None:
        add("d.score >= :least", least=filters.least)
    if filters.most is not None:
        add("d.score <= :most", most=filters.most)
    if filters.mark:
        add(_MARKS[filters.mark])
    _add_words(filters, add)
    return where, values


def _add_words(filters: Filters, add: Any) -> None:
    said = "EXISTS (SELECT 1 FROM messages m WHERE m.decision_id = d.id AND {})"
    if filters.text:
        add(said.format("m.text LIKE :text ESCAPE '\\'"), text=containing(filters.text))
    if filters.user:
        add(said.format('m."user" = :user'), user=filters.user)
    if filters.mention is not None:
        called = said.format("m.mention")
        add(called if filters.mention else f"NOT {called}")


def _question(db: Connection, decision_id: int) -> ListedQuestion | None:
    lines = db.execute(
        "SELECT * FROM messages WHERE decision_id = ? ORDER BY seq", (decision_id,)
    ).fetchall()
    if not lines:
        return None
    decided = db.execute(
        """
        SELECT d.adapter, d.grp, d.outcome, d.reason, d.score, d.threshold,
               COALESCE(c.title, '') AS title FROM decisions d
        LEFT JOIN chats c USING (adapter, grp) WHERE d.id = ?
        """,
        (decision_id,),
    ).fetchone()
    reply = db.execute(
        "SELECT * FROM replies WHERE decision_id = ? AND state != 'failed'"
        " ORDER BY seq DESC LIMIT 1",
        (decision_id,),
    ).fetchone()
    draft = db.execute(
        "SELECT kind, text FROM drafts WHERE decision_id = ? AND text != ''", (decision_id,)
    ).fetchone()
    said, last = reply or draft, lines[-1]
    labels, unsure = _labels(db, last["adapter"], [line["message_id"] for line in lines])
    return ListedQuestion(
        id=decision_id,
        adapter=decided["adapter"],
        group=decided["grp"],
        title=decided["title"],
        user=last["user"],
        message_id=last["message_id"],
        text=joined_texts(line["text"] for line in lines),
        at=last["sent_at"],
        mention=any(line["mention"] for line in lines),
        outcome=decided["outcome"],
        reason=Reason(decided["reason"]),
        score=decided["score"],
        threshold=decided["threshold"],
        labels=labels,
        unsure=unsure,
        reply=(said["kind"], said["text"]) if said else None,
        draft=reply is None and draft is not None,
        votes=dict(votes_by_person(db, reply["seq"])) if reply else {},
        recalled=bool(reply and reply["state"] == "recalled"),
    )


def _labels(
    db: Connection, adapter: str, message_ids: Sequence[str]
) -> tuple[tuple[tuple[str, str, bool], ...], tuple[str, ...]]:
    """The labels of a question's messages, and who is unsure of them."""
    labels: list[tuple[str, str, bool]] = []
    unsure: dict[str, None] = {}
    for message_id in message_ids:
        given = db.execute(
            "SELECT origin, person, good FROM examples WHERE adapter = ? AND message_id = ?"
            " AND NOT aside ORDER BY id",
            (adapter, message_id),
        )
        labels += [(row["origin"], row["person"], bool(row["good"])) for row in given]
        looked = db.execute(
            "SELECT person FROM unsure WHERE adapter = ? AND message_id = ?", (adapter, message_id)
        )
        unsure |= {row["person"]: None for row in looked}
    return tuple(labels), tuple(unsure)
