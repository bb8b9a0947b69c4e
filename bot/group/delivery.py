"""Records decisions and posts what belongs to them: the record comes first, always."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from adapters.base import (
    AdapterError,
    Citation,
    Decision,
    IncomingMessage,
    NetworkError,
    RateLimited,
    Reply,
    Unconfirmed,
)
from adapters.contract import Adapter
from bot.grounding.sanitize import harmless
from bot.group.flood import Flood
from bot.llm.types import OnText
from bot.metrics import Metrics
from bot.store.store import Store
from bot.texts.notices import notice
from bot.types import Answer, Outcome, Question, Reason, Trace
from common.clock import Clock
from common.tasks import Tasks

log = logging.getLogger(__name__)


BACKOFF = wait_random_exponential(multiplier=0.5, max=60)
"""Seconds: a random time below 0.5, 1, 2, 4, ... so that bots don't come back all at once."""


POST_S, WITHDRAW_S = 900.0, 30.0
"""For so long it is tried again: an answer may be late, but people wait for a withdrawal. The
longest pause that a platform asks for is ten minutes."""


ATTEMPT_TIMEOUT_S = 30.0
"""A platform that has not answered by then is taken for unreachable."""


class Outbox:
    """Sends what the store holds as pending. The same reply always carries the same key."""

    def __init__(
        self, adapters: Mapping[str, Adapter], store: Store, clock: Clock, metrics: Metrics
    ) -> None:
        self._adapters, self._store = adapters, store
        self._clock, self._metrics = clock, metrics

    async def post(self, adapter: str, reply: Reply, tried_at: float | None = None) -> str | None:
        """Sends a reply that is recorded as pending and records how it went; returns the
        platform's id of it, None when it is not, or perhaps not, in the group.

        `tried_at` is when it was handed to the platform before a crash: where the platform can't
        tell whether it has it, it is not sent again, since two answers are worse than none.
        """
        try:
            target = self._adapter(adapter)
            if tried_at is not None and self._clock.now() - tried_at > target.resend_s:
                raise Unconfirmed("it was being sent when the bot stopped")
            platform_id = await self._retrying(lambda: self._send(target, reply), POST_S)
        except AdapterError as error:
            unknown = isinstance(error, Unconfirmed)
            reason = Reason.UNCONFIRMED if unknown else Reason.FAILED
            log.error("could not send reply %s to %s: %r", reply.key, adapter, error)
            self._metrics.replies.labels(adapter, reply.kind, reason).inc()
            await self._store.reply_failed(reply.key, self._clock.now(), reason)
            return None
        self._metrics.replies.labels(adapter, reply.kind, "sent").inc()
        await self._store.reply_sent(reply.key, platform_id, self._clock.now())
        return platform_id

    async def withdraw(self, adapter: str, group: str, key: str, platform_id: str) -> None:
        """Takes a reply back. Raises AdapterError when the platform does not."""
        target = self._adapter(adapter)

        async def take_back() -> str:
            async with _limited(repeatable=True):
                await target.recall(group, platform_id)
            return ""

        await self._retrying(take_back, WITHDRAW_S)
        await self._store.mark_recalled(key)

    async def _send(self, target: Adapter, reply: Reply) -> str:
        repeatable = target.resend_s > 0
        await self._store.reply_tried(reply.key, self._clock.now())
        try:
            async with _limited(repeatable=repeatable):
                return await target.send(reply)
        except (NetworkError, RateLimited):
            if not repeatable:
                # It is certain that the platform does not have it: after a crash it may be sent.
                await self._store.reply_tried(reply.key, None)
            raise

    def _adapter(self, name: str) -> Adapter:
        if name not in self._adapters:
            raise AdapterError(f"no adapter is named {name} any more")
        return self._adapters[name]

    async def _retrying(self, work: Callable[[], Awaitable[str]], seconds: float) -> str:
        began = self._clock.now()
        attempts = AsyncRetrying(
            stop=lambda _: self._clock.now() - began >= seconds,
            retry=retry_if_exception_type((NetworkError, RateLimited)),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )

        async def once() -> str:
            return await work()

        return await attempts(once)

    async def _sleep(self, seconds: float) -> None:
        await self._clock.wait(asyncio.Event(), self._clock.now() + seconds)


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


@asynccontextmanager
async def _limited(*, repeatable: bool) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
            yield
    except TimeoutError as error:
        kind = NetworkError if repeatable else Unconfirmed
        raise kind("the platform did not answer in time") from error


def _wait(state: RetryCallState) -> float:
    """Exponential with jitter, and never less than the platform asks for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, RateLimited) else 0.0
    return max(asked, BACKOFF(state))


@asynccontextmanager
async def at_work(adapter: Adapter, message: IncomingMessage) -> AsyncIterator[OnText | None]:
    """Shows that the bot works on a message, and yields what shows the answer to it as far as it
    is (None where it can't); at the end both are taken away, whatever became of the answer."""
    shown = ""

    async def show(text: str) -> None:
        nonlocal shown
        if text != shown:
            shown = text
            await adapter.draft(message.group, message.message_id, text)

    await adapter.thinking(message.group, message.message_id, on=True)
    try:
        yield show if adapter.streams else None
    finally:
        if shown:
            await adapter.draft(message.group, message.message_id, "")
        await adapter.thinking(message.group, message.message_id, on=False)
