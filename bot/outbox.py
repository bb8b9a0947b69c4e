"""Posting and withdrawing replies: retried with back-off, recorded before and after."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from adapters.base import Adapter, AdapterError, NetworkError, RateLimited, Reply
from bot.clock import Clock
from bot.metrics import Metrics
from bot.store import Store

log = logging.getLogger(__name__)

ATTEMPTS = 5
BACKOFF = wait_random_exponential(multiplier=0.5, max=30)
"""Seconds: a random time below 0.5, 1, 2, 4, ... so that bots don't come back all at once."""

ATTEMPT_TIMEOUT_S = 30.0
"""A platform that has not answered by then is taken for unreachable."""


class Outbox:
    """Sends what the store holds as pending. The same reply always carries the same key."""

    def __init__(
        self, adapters: Mapping[str, Adapter], store: Store, clock: Clock, metrics: Metrics
    ) -> None:
        self._adapters, self._store = adapters, store
        self._clock, self._metrics = clock, metrics

    async def post(self, adapter: str, reply: Reply) -> str | None:
        """Sends a reply that is recorded as pending and records how it went; returns the
        platform's id of it, None when it could not be sent."""
        try:
            target = self._adapter(adapter)
            platform_id = await self._retrying(lambda: target.send(reply))
        except AdapterError as error:
            log.error("could not send reply %s to %s: %r", reply.key, adapter, error)
            self._metrics.replies.labels(adapter, reply.kind, "failed").inc()
            await self._store.reply_failed(reply.key, self._clock.now())
            return None
        self._metrics.replies.labels(adapter, reply.kind, "sent").inc()
        await self._store.reply_sent(reply.key, platform_id, self._clock.now())
        return platform_id

    async def withdraw(self, adapter: str, group: str, key: str, platform_id: str) -> None:
        """Takes a reply back. Raises AdapterError when the platform does not."""
        target = self._adapter(adapter)
        await self._retrying(lambda: target.recall(group, platform_id))
        await self._store.mark_recalled(key)

    def _adapter(self, name: str) -> Adapter:
        if name not in self._adapters:
            raise AdapterError(f"no adapter is named {name} any more")
        return self._adapters[name]

    async def _retrying(self, work: Callable[[], Awaitable[str | None]]) -> str:
        attempts = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            retry=retry_if_exception_type((NetworkError, RateLimited)),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )

        async def once() -> str:
            try:
                async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
                    return await work() or ""
            except TimeoutError as error:
                raise NetworkError("the platform did not answer in time") from error

        return await attempts(once)

    async def _sleep(self, seconds: float) -> None:
        await self._clock.wait(asyncio.Event(), self._clock.now() + seconds)


def _wait(state: RetryCallState) -> float:
    """Exponential with jitter, and never less than the platform asks for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, RateLimited) else 0.0
    return max(asked, BACKOFF(state))
