"""The bot's replies and what people think of them. Each function works within one transaction.

A reply is 'pending', then 'sent' or 'failed', and a sent one perhaps 'recalled'.
"""

import json
from dataclasses import asdict, dataclass

from adapters.base import Citation, Feedback, Reply
from bot.store.database import Connection, Row, insert
from bot.store.incoming import in_group, next_seq, storable
from bot.types import Group, PastAnswer, Reason, UnpromptedReply, joined_texts
from common.language import is_chinese


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply as it is recorded. `platform_id` is empty until it is sent; `tried_at` is when it
    was first handed to the platform, if it ever was."""

    adapter: str
    reply: Reply
    state: str = "pending"
    platform_id: str = ""
    tried_at: float | None = None


def add_reply(
    db: Connection,
    adapter: str,
    reply: Reply,
    now: float,
    decision_id: int | None = None,
    *,
    unprompted: bool = False,
) -> None:
    """Records a reply as pending, by itself a line without a decision of its own."""
    insert(
        db,
        "replies",
        seq=next_seq(db),
        key=reply.key,
        decision_id=decision_id,
        adapter=adapter,
        grp=reply.group,
        reply_to=reply.reply_to,
        kind=reply.kind,
        text=storable(reply.text),
        citations=json.dumps([asdict(citation) for citation in reply.citations]),
        created_at=now,
        unprompted=unprompted,
        user=reply.user,
        thread=reply.thread,
    )


def reply_tried(db: Connection, key: str, now: float | None) -> None:
    """A pending reply is about to be handed to its platform; the first time counts. None: the
    platform certainly does not have it."""
    if now is None:
        untried = "UPDATE replies SET tried_at = NULL WHERE key = ? AND state = 'pending'"
        db.execute(untried, (key,))
        return
    db.execute(
        "UPDATE replies SET tried_at = ? WHERE key = ? AND state = 'pending' AND tried_at IS NULL",
        (now, key),
    )


def reply_sent(db: Connection, key: str, platform_id: str, now: float) -> None:
    """A pending reply was posted. Raises LookupError when no such reply is pending."""
    _settle(db, key, "sent", now, platform_id)


def reply_failed(db: Connection, key: str, now: float, reason: str = Reason.FAILED) -> None:
    """A pending reply can't be posted, or nobody knows whether it was; an answer becomes a
    silence with this reason. Raises LookupError when no such reply is pending."""
    db.execute(
        "UPDATE decisions SET outcome = 'silence', reason = ? WHERE outcome = 'answer'"
        " AND id = (SELECT decision_id FROM replies WHERE key = ?)",
        (reason, key),
    )
    _settle(db, key, "failed", now, "")


def pending_replies(db: Connection, since: float, group: Group | None = None) -> list[StoredReply]:
    """The replies that are still to be sent, oldest first; those of one group, where it is
    given."""
    query = "SELECT * FROM replies WHERE state = 'pending' AND created_at >= ?"
    rows = db.execute(query + in_group(group) + " ORDER BY seq", (since, *(group or ())))
    return [_stored(row) for row in rows]


def being_posted(db: Connection, adapter: str) -> set[str]:
    """The keys of the replies that were handed to a platform, and may stand there without the bot
    knowing their ids."""
    query = (
        "SELECT key FROM replies WHERE state = 'pending' AND adapter = ? AND tried_at IS NOT NULL"
    )
    return {row["key"] for row in db.execute(query, (adapter,))}


def fail_stale(db: Connection, now: float, max_age_s: float, group: Group | None = None) -> None:
    """Gives up pending replies that are older than `max_age_s`, as "stale"."""
    query = "SELECT key FROM replies WHERE state = 'pending' AND created_at < ?"
    old = db.execute(query + in_group(group), (now - max_age_s, *(group or ()))).fetchall()
    for row in old:
        reply_failed(db, row["key"], now, Reason.STALE)


def mark_recalled(db: Connection, key: str) -> None:
    """A reply was withdrawn: its text is blanked."""
    db.execute(
        "UPDATE replies SET state = 'recalled', text = '', citations = '[]' WHERE key = ?", (key,)
    )
    _settle_messages(db, key)


def reply_for(db: Connection, adapter: str, message_id: str) -> StoredReply | None:
    """The reply to a message, unless it failed or was recalled."""
    query = """
        SELECT r.* FROM replies r JOIN messages m USING (decision_id)
        WHERE m.adapter = ? AND m.message_id = ? AND r.state IN ('pending', 'sent')
        ORDER BY r.seq DESC LIMIT 1
    """
    row = db.execute(query, (adapter, message_id)).fetchone()
    return _stored(row) if row else None


def reply_by_platform_id(db: Connection, adapter: str, platform_id: str) -> StoredReply | None:
    """A reply that stands in a group, by the platform's id of it."""
    query = "SELECT * FROM replies WHERE adapter = ? AND platform_id = ? AND state = 'sent'"
    row = db.execute(query, (adapter, platform_id)).fetchone()
    return _stored(row) if row else None


def last_answer(db: Connection, adapter: str, group: str) -> StoredReply | None:
    """The newest answer that stands in a group."""
    query = """
        SELECT * FROM replies WHERE adapter = ? AND grp = ? AND state = 'sent' AND kind = 'answer'
        ORDER BY seq DESC LIMIT 1
    """
    row = db.execute(query, (adapter, group)).fetchone()
    return _stored(row) if row else None


def unprompted_replies(
    db: Connection, since: float, group: Group | None = None
) -> list[UnpromptedReply]:
    """What the bot said without being asked, oldest first; what could not be sent counts too, and
    what it would have said in shadow mode."""
    here = "" if group is None else " AND adapter = :adapter AND grp = :grp"
    rows = db.execute(
        f"""
        SELECT said.decision_id, said.adapter, said.grp, said.created_at, MAX(m."user") AS asker
        FROM (
            SELECT decision_id, adapter, grp, created_at FROM replies
            WHERE created_at >= :since AND unprompted{here}
            UNION ALL SELECT decision_id, adapter, grp, at FROM drafts
            WHERE at >= :since AND unprompted{here}
        ) AS said JOIN messages m USING (decision_id)
        GROUP BY said.decision_id, said.adapter, said.grp, said.created_at
        ORDER BY said.created_at, said.decision_id
        """,  # noqa: S608 - ours
        {"since": since, "adapter": (group or ("",))[0], "grp": (group or ("",))[-1]},
    )
    return [
        UnpromptedReply((row["adapter"], row["grp"]), row["asker"], row["created_at"])
        for row in rows
    ]


def recent_answers(
    db: Connection, since: float, group: Group | None = None
) -> list[tuple[Group, PastAnswer]]:
    """The answers that stand, with their questions, oldest first."""
    query = "SELECT * FROM replies WHERE created_at >= ? AND kind = 'answer' AND state = 'sent'"
    rows = db.execute(query + in_group(group) + " ORDER BY seq", (since, *(group or ()))).fetchall()
    found: list[tuple[Group, PastAnswer]] = []
    for row in rows:
        asked = db.execute(
            'SELECT "user", text FROM messages WHERE decision_id = ? ORDER BY seq',
            (row["decision_id"],),
        ).fetchall()
        if text := joined_texts(line["text"] for line in asked):
            answer = PastAnswer(
                key=row["key"],
                text=text,
                user=asked[-1]["user"],
                answer=row["text"],
                citations=_citations(row),
                at=row["created_at"],
            )
            found.append(((row["adapter"], row["grp"]), answer))
    return found


def vote(db: Connection, feedback: Feedback) -> bool:
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
        INSERT INTO feedback (reply_seq, "user", vote, at) VALUES (?, ?, ?, ?)
        ON CONFLICT (reply_seq, "user") DO UPDATE SET vote = excluded.vote, at = excluded.at
        WHERE excluded.at >= feedback.at
        """,
        (row["seq"], feedback.user, feedback.vote, feedback.at),
    )
    return True


def votes(db: Connection, reply_seq: int) -> dict[str, int]:
    """How many found a reply helpful and how many did not."""
    rows = db.execute(
        "SELECT vote, COUNT(*) AS n FROM feedback WHERE reply_seq = ? AND vote != 'none'"
        " GROUP BY vote",
        (reply_seq,),
    )
    return {"helpful": 0, "unhelpful": 0} | {row["vote"]: row["n"] for row in rows}


def _settle(db: Connection, key: str, state: str, now: float, platform_id: str) -> None:
    """The reply is no longer pending. One whose question was erased meanwhile keeps where it
    stands, so that it can be withdrawn."""
    changed = db.execute(
        "UPDATE replies SET state = ?, platform_id = ?, settled_at = ?"
        " WHERE key = ? AND state = 'pending'",
        (state, platform_id, now, key),
    )
    erased = "UPDATE replies SET platform_id = ? WHERE key = ? AND state = 'recalled'"
    if not changed.rowcount and not db.execute(erased, (platform_id, key)).rowcount:
        raise LookupError(f"no reply {key} is pending")
    _settle_messages(db, key)


def _settle_messages(db: Connection, key: str) -> None:
    """The messages of a reply that is no longer pending get their last state."""
    db.execute(
        """
        UPDATE messages SET state = (
            SELECT CASE outcome WHEN 'answer' THEN 'answered' ELSE 'dismissed' END
            FROM decisions WHERE id = messages.decision_id
        )
        WHERE state = 'deciding'
        AND decision_id = (SELECT decision_id FROM replies WHERE key = ?)
        """,
        (key,),
    )


def _stored(row: Row) -> StoredReply:
    reply = Reply(
        key=row["key"],
        group=row["grp"],
        reply_to=row["reply_to"],
        text=row["text"],
        kind=row["kind"],
        citations=_citations(row),
        user=row["user"],
        thread=row["thread"],
        chinese=is_chinese(row["text"]),
    )
    return StoredReply(row["adapter"], reply, row["state"], row["platform_id"], row["tried_at"])


def _citations(row: Row) -> tuple[Citation, ...]:
    return tuple(Citation(**fields) for fields in json.loads(row["citations"]))
