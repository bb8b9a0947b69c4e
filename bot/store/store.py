"""The bot's memory on disk: every message, what was decided on it, every reply.

Each method is one transaction in the store's own thread, on disk when it returns. All raise
StoreError. Times are in seconds since the epoch.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.base import BotMoved, Feedback, IncomingMessage, Reply
from bot.store import groups as chats
from bot.store import history
from bot.store import reads as memory
from bot.store import retention as upkeep
from bot.store import writes as ledger
from bot.store.database import BUSY_TIMEOUT_S, Database, StoreError, open_database
from bot.store.groups import KnownGroup
from bot.store.history import Asked
from bot.store.reads import PendingReply, StoredReply
from bot.types import Group, PastAnswer, Reason, Trace, UnpromptedReply

__all__ = ["Store", "StoreError", "StoredReply", "open_store"]


@asynccontextmanager
async def open_store(path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> AsyncIterator["Store"]:
    """Opens the store, made where there is none; only one process can have it open."""
    async with open_database(path, busy_timeout_s) as database:
        yield Store(database)


class Store:
    """An open store; also the adapters' `History`. Made by `open_store`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add_message(
        self, message: IncomingMessage, received_at: float, due_at: float | None = None
    ) -> bool:
        """Takes in a message; False when the adapter brought it before. `due_at` is when its
        turn comes, at once where it isn't given."""
        due = received_at if due_at is None else due_at
        return await self._db.run(ledger.add_message, message, received_at, due)

    async def edit_message(self, adapter: str, message_id: str, text: str) -> bool:
        """The author changed a message; True when it is undecided and says something else now."""
        return await self._db.run(ledger.edit_message, adapter, message_id, text)

    async def decide(
        self,
        *,
        adapter: str,
        group: str,
        message_ids: Sequence[str],
        outcome: str,
        reason: str,
        trace: Trace,
        reply: Reply | None,
        now: float,
    ) -> int | None:
        """Records a decision ("answer" or "silence") on messages, and its reply as pending.

        Messages that were decided before (recalled, say) are left as they are. Returns the
        decision's id, or None when nothing was left to decide: then the reply is not recorded
        and must not be sent.
        """
        return await self._db.run(
            ledger.decide,
            adapter=adapter,
            group=group,
            message_ids=message_ids,
            outcome=outcome,
            reason=reason,
            trace=trace,
            reply=reply,
            now=now,
        )

    async def add_reply(self, adapter: str, reply: Reply, now: float) -> None:
        """Records one more line of the bot as pending, without a decision of its own."""
        await self._db.run(ledger.add_reply, adapter, reply, now)

    async def reply_tried(self, key: str, now: float | None) -> None:
        """A pending reply is about to be handed to its platform; None: the platform certainly
        does not have it."""
        await self._db.run(ledger.reply_tried, key, now)

    async def reply_sent(self, key: str, platform_id: str, now: float) -> None:
        """A pending reply was posted. Raises LookupError when no such reply is pending."""
        await self._db.run(ledger.reply_sent, key, platform_id, now)

    async def reply_failed(self, key: str, now: float, reason: str = Reason.FAILED) -> None:
        """A pending reply can't be posted, or nobody knows whether it was; an answer becomes a
        silence with this reason. Raises LookupError when no such reply is pending."""
        await self._db.run(ledger.reply_failed, key, now, reason)

    async def mark_recalled(self, key: str) -> None:
        """A reply was withdrawn: its text is blanked."""
        await self._db.run(upkeep.mark_recalled, key)

    async def recall_message(self, adapter: str, message_id: str, now: float) -> bool:
        """A message was taken back by its author: it is blanked, and dismissed if undecided.
        False when it is unknown or was recalled before."""
        return await self._db.run(upkeep.recall_message, adapter, message_id, now)

    async def unfinished(
        self, now: float, max_age_s: float
    ) -> tuple[list[IncomingMessage], list[PendingReply]]:
        """Undecided messages and pending replies not older than `max_age_s`, oldest first."""
        return await self._db.run(memory.unfinished, now, max_age_s)

    async def backlog(
        self, group: Group, now: float, max_age_s: float, limit: int = 100
    ) -> list[IncomingMessage]:
        """The oldest undecided messages of one group not older than `max_age_s`."""
        return await self._db.run(memory.backlog, group, now, max_age_s, limit)

    async def dismiss_stale(self, now: float, max_age_s: float) -> int:
        """Gives up what is older than `max_age_s`, as "stale"; how many messages that were."""
        return await self._db.run(upkeep.dismiss_stale, now, max_age_s)

    async def reply_for(self, adapter: str, message_id: str) -> StoredReply | None:
        """The reply to a message, unless it failed or was recalled."""
        return await self._db.run(memory.reply_for, adapter, message_id)

    async def reply_by_platform_id(self, adapter: str, platform_id: str) -> StoredReply | None:
        """A reply that stands in a group, by the platform's id of it."""
        return await self._db.run(memory.reply_by_platform_id, adapter, platform_id)

    async def last_answer(self, adapter: str, group: str) -> StoredReply | None:
        """The newest answer that stands in a group."""
        return await self._db.run(memory.last_answer, adapter, group)

    async def is_recalled(self, adapter: str, message_id: str) -> bool:
        """Did its author take the message back?"""
        return await self._db.run(memory.is_recalled, adapter, message_id)

    async def unprompted_replies(self, since: float) -> list[UnpromptedReply]:
        """What the bot said without being asked, oldest first; for `Flood.restore`."""
        return await self._db.run(memory.unprompted_replies, since)

    async def recent_answers(self, since: float) -> list[tuple[Group, PastAnswer]]:
        """The answers that stand, oldest first; for `Flood.restore`."""
        return await self._db.run(memory.recent_answers, since)

    async def mute(self, adapter: str, group: str, until: float) -> None:
        """Until then the bot keeps quiet in the group."""
        await self._db.run(upkeep.mute, adapter, group, until)

    async def unmute(self, adapter: str, group: str) -> None:
        """The bot may speak in the group again."""
        await self._db.run(upkeep.unmute, adapter, group)

    async def muted_until(self, adapter: str, group: str, now: float) -> float | None:
        """When the bot may speak in the group again; None when it may now."""
        return await self._db.run(memory.muted_until, adapter, group, now)

    async def bot_moved(self, event: BotMoved) -> None:
        """The bot came into a group or left it."""
        await self._db.run(chats.bot_moved, event)

    async def bind_sources(self, adapter: str, group: str, sources: Sequence[str]) -> None:
        """Ties a group to some sources; none unties it."""
        await self._db.run(chats.bind_sources, adapter, group, sources)

    async def bound_sources(self, adapter: str, group: str) -> tuple[str, ...]:
        """The sources that a group is tied to; empty for all."""
        return await self._db.run(chats.bound_sources, adapter, group)

    async def groups(self) -> list[KnownGroup]:
        """All groups that were ever heard of, those with the most messages first."""
        return await self._db.run(chats.groups)

    async def latest(self, adapter: str) -> dict[str, float]:
        """See `adapters.contract.History`."""
        return await self._db.run(chats.latest, adapter)

    async def vote(self, feedback: Feedback) -> bool:
        """Records what somebody thinks of a reply; False when the bot posted no such reply."""
        return await self._db.run(chats.vote, feedback)

    async def asked_since(self, since: float) -> list[Asked]:
        """The questions decided since a time, oldest first."""
        return await self._db.run(history.asked_since, since)

    async def last_digest(self) -> float | None:
        """When the last digest was made; None before the first."""
        return await self._db.run(history.last_digest)

    async def digest_made(self, at: float) -> None:
        """A digest was made now."""
        await self._db.run(history.digest_made, at)

    async def kept(self, now: float) -> list[IncomingMessage]:
        """Undecided messages that were kept for an opening time which has come, oldest first."""
        return await self._db.run(memory.kept, now)

    async def messages(
        self, adapter: str, group: str, after: int | None, limit: int
    ) -> list[dict[str, Any]]:
        """See `adapters.contract.History`; what could not be sent is left out."""
        return await self._db.run(history.messages, adapter, group, after, limit)

    async def decision(self, adapter: str, message_id: str) -> dict[str, Any] | None:
        """See `adapters.contract.History`."""
        return await self._db.run(history.decision, adapter, message_id)

    async def decision_behind(self, adapter: str, platform_id: str) -> dict[str, Any] | None:
        """The decision that one of the bot's own replies came from."""
        return await self._db.run(history.decision_behind, adapter, platform_id)

    async def last_decision(self, adapter: str, group: str) -> dict[str, Any] | None:
        """The newest decision of a group that is not on an admin command."""
        return await self._db.run(history.last_decision, adapter, group)

    async def counts(self) -> dict[str, int]:
        """How many "messages", "answers" posted, "unfinished" messages, and votes "helpful" and
        "unhelpful" there are."""
        return await self._db.run(history.counts)

    async def prune(self, before: float) -> int:
        """Deletes what was decided before a time, never what is unfinished; how many rows."""
        total = 0
        while deleted := await self._db.run(upkeep.prune_batch, before):
            total += deleted
        return total
