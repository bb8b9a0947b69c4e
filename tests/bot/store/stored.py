"""Short ways to fill a store and to look into it."""

from typing import Any

from adapters.base import Citation, IncomingMessage, Reply
from bot.store.replies import StoredReply
from bot.store.store import Store
from bot.types import Reason, Trace
from tests.bot.group.posts import ADAPTER, GROUP, post

NOON = 1_800_000_000.0
CITED = (Citation("docs/descale.md", "Care > Descaling", 12, "https://docs.test/descale"),)
TRACE: Trace = [{"stage": "retrieve", "ms": 1.5, "unknown": ["kettle"]}]
HERE = (ADAPTER, GROUP)


def reply(key: str, to: str = "1", kind: str = "answer", group: str = GROUP) -> Reply:
    return Reply(key, group, to, "With **vinegar** [1].", kind, CITED)


async def decide(
    store: Store,
    *message_ids: str,
    reason: Reason = Reason.OFF_TOPIC,
    answer: Reply | None = None,
    now: float = NOON,
    group: str = GROUP,
) -> int | None:
    outcome = "answer" if reason is Reason.ANSWERED else "silence"
    return await store.decide(
        adapter=ADAPTER,
        group=group,
        message_ids=message_ids,
        outcome=outcome,
        reason=reason,
        trace=TRACE,
        reply=answer,
        now=now,
    )


async def answered(store: Store, message_id: str, key: str, now: float = NOON) -> None:
    """A message, its answer, posted."""
    await store.add_message(post(message_id), now)
    await decide(store, message_id, reason=Reason.ANSWERED, answer=reply(key, message_id), now=now)
    await store.reply_sent(key, f"p-{key}", now)


async def about(store: Store, message_id: str) -> dict[str, Any]:
    found = await store.decision(ADAPTER, message_id)
    assert found is not None
    return found


async def unfinished(
    store: Store, now: float, max_age_s: float
) -> tuple[list[IncomingMessage], list[StoredReply]]:
    """What a bot that is started takes up again."""
    return await store.undecided(now, max_age_s), await store.pending_replies(now - max_age_s)
