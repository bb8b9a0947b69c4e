"""Records decisions and posts what belongs to them: the record comes first, always."""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace

from adapters.base import AdapterError, Citation, Decision, IncomingMessage, Reply
from adapters.contract import Adapter
from bot.clock import Clock
from bot.flood import Flood
from bot.metrics import Metrics
from bot.notices import notice
from bot.outbox import Outbox
from bot.stages.check import harmless
from bot.store import Store
from bot.tasks import Tasks
from bot.types import Answer, Outcome, Question, Reason, Trace

log = logging.getLogger(__name__)

COPIED_CHARS = 200
"""So much of a question goes along with the copy of its answer."""


class Clerk:
    """The one way in which decisions get into the store and replies into groups."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        flood: Flood,
        adapters: Mapping[str, Adapter],
        clock: Clock,
        metrics: Metrics,
        tasks: Tasks,
    ) -> None:
        self._store, self._outbox, self._flood = store, outbox, flood
        self._adapters, self._clock, self._metrics = adapters, clock, metrics
        self._tasks = tasks

    async def settle(
        self, question: Question, outcome: Outcome, trace: Trace, reply: Reply | None
    ) -> bool:
        """Records a decision with its reply in one transaction, and only then posts. True when
        the reply was posted; nothing is when the messages were recalled in the meantime."""
        answered = isinstance(outcome, Answer)
        reason = Reason.ANSWERED if isinstance(outcome, Answer) else outcome.reason
        kind = "answer" if answered else "silence"
        adapter, group = question.group
        ids = tuple(message.message_id for message in question.messages)
        recorded = await self._store.decide(
            adapter=adapter, group=group, message_ids=ids, outcome=kind, reason=reason,
            trace=trace, reply=reply, now=self._clock.now(),
        )  # fmt: skip
        if recorded is None:
            return False
        self._metrics.decisions.labels(kind, reason).inc()
        for entry in trace:
            self._metrics.stage_seconds.labels(entry["stage"]).observe(entry["ms"] / 1000)
        log.info("%s/%s %s: %s (%s)", adapter, group, ids[-1], kind, reason)
        posted = bool(reply) and await self._posted(question, reply)
        if adapter in self._adapters:
            await self._adapters[adapter].show(Decision(group, ids, kind, reason, tuple(trace)))
        if posted and reply and answered:
            await self._copy(question, reply)
        return posted

    async def say(self, adapter: str, reply: Reply) -> str | None:
        """Records and posts a line that belongs to no decision; returns the platform's id."""
        await self._store.add_reply(adapter, reply, self._clock.now())
        return await self._outbox.post(adapter, reply)

    async def withdraw(self, adapter: str, group: str, key: str, platform_id: str) -> None:
        """Takes a reply back; its question may be answered anew. Raises AdapterError."""
        await self._outbox.withdraw(adapter, group, key, platform_id)
        self._flood.forget((adapter, group), key)

    async def withdraw_or_log(self, adapter: str, group: str, key: str, platform_id: str) -> None:
        """As `withdraw`, where there is nobody to tell."""
        try:
            await self.withdraw(adapter, group, key, platform_id)
        except AdapterError as error:
            log.error("withdrawing reply %s from %s failed: %r", key, adapter, error)

    async def _posted(self, question: Question, reply: Reply | None) -> bool:
        if reply is None:
            return False
        adapter, group = question.group
        platform_id = await self._outbox.post(adapter, reply)
        if platform_id and await self._store.is_recalled(adapter, question.last.message_id):
            # The question was taken back while its answer was on the way.
            await self.withdraw_or_log(adapter, group, reply.key, platform_id)
            return False
        return platform_id is not None

    async def _copy(self, question: Question, reply: Reply) -> None:
        """Posts the answer also where the configuration wants a copy of it."""
        wanted = [name for name, a in self._adapters.items() if a.copies(*question.group)]
        if not wanted:
            return
        asked = harmless(" ".join(question.text.split()))[:COPIED_CHARS]
        text = notice("copied", reply.chinese, question=asked, answer=reply.text)
        for name in wanted:
            copy = replace(
                reply, key=uuid.uuid4().hex, group="", reply_to=None, text=text, user="",
                thread=None,
            )  # fmt: skip
            await self._store.add_reply(name, copy, self._clock.now())
            self._tasks.spawn(self._post_copy(name, copy))

    async def _post_copy(self, adapter: str, copy: Reply) -> None:
        await self._outbox.post(adapter, copy)


def reply_to(
    message: IncomingMessage,
    text: str,
    kind: str = "notice",
    *,
    chinese: bool,
    citations: tuple[Citation, ...] = (),
) -> Reply:
    """A new reply to a message."""
    return Reply(
        uuid.uuid4().hex, message.group, message.message_id, text, kind, citations, message.user,
        message.thread, chinese,
    )  # fmt: skip
