"""Sends what the store holds as pending: tries again, and never twice what may have arrived."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from adapters.base import (
    AdapterError,
    LoginRefused,
    NetworkError,
    RateLimited,
    Reply,
    StoreFailed,
    Unconfirmed,
)
from adapters.contract import Adapter
from bot.metrics import Metrics
from bot.store.store import Store
from bot.types import Group, Reason
from common.clock import Clock

log = logging.getLogger(__name__)

BACKOFF = wait_random_exponential(multiplier=0.5, max=60)
"""Seconds: a random time below 0.5, 1, 2, 4, ... so that bots don't come back all at once."""

POST_S, WITHDRAW_S = 900.0, 30.0
"""For so long it is tried again: an answer may be late, but people wait for a withdrawal. The
longest pause that a platform asks for is ten minutes."""

LOGIN_S, LOGIN_PAUSE_S = 3600.0, 60.0
"""Where the login is refused, it is tried again for so long, with such pauses: a secret that was
rotated is put right by a person. The reply stays pending then, for the next start."""

ATTEMPT_TIMEOUT_S = 30.0
"""A platform that has not answered by then is taken for unreachable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """Sends recorded replies. The same reply always carries the same key."""

    adapters: Mapping[str, Adapter]
    store: Store
    clock: Clock
    metrics: Metrics
    _under_way: dict[str, tuple[Group, asyncio.Event]] = field(default_factory=dict, init=False)
    """What is being posted, by key: where, and what is set once it is known how it went."""

    def posting(self, adapter: str, group: str = "") -> list[asyncio.Event]:
        """What is being posted there now, as events that are set once it is known to stand there or
        not. Without a group in all of the adapter's."""
        return [
            event
            for place, event in self._under_way.values()
            if place[0] == adapter and group in ("", place[1])
        ]

    async def settled(self, adapter: str, group: str = "") -> None:
        """Waits until it is known of all that is being posted there now."""
        for event in self.posting(adapter, group):
            await event.wait()

    async def post(self, adapter: str, reply: Reply, tried_at: float | None = None) -> str | None:
        """Sends a reply that is recorded as pending and records how it went; returns the
        platform's id of it, None when it is not, or perhaps not, in the group, or is being sent.

        `tried_at` is when it was handed to the platform before a crash: where the platform can't
        tell whether it has it, it is not sent again, since two answers are worse than none.
        """
        if reply.key in self._under_way:
            return None
        known = asyncio.Event()
        self._under_way[reply.key] = (adapter, reply.group), known
        try:
            return await self._post(adapter, reply, tried_at)
        finally:
            del self._under_way[reply.key]
            known.set()

    async def _post(self, adapter: str, reply: Reply, tried_at: float | None) -> str | None:
        try:
            target = self._adapter(adapter)
            if tried_at is not None and self.clock.now() - tried_at > target.resend_s:
                raise Unconfirmed("it was being sent when the bot stopped")
            fresh = tried_at is None
            async for attempt in self._attempts(POST_S, LOGIN_S):
                with attempt:
                    platform_id = await self._send(target, reply, fresh=fresh)
                fresh = False
        except LoginRefused as error:
            log.error("reply %s waits for a start with a login that is taken: %s", reply.key, error)
            return None
        except AdapterError as error:
            unknown = isinstance(error, Unconfirmed)
            reason = Reason.UNCONFIRMED if unknown else Reason.FAILED
            log.error("could not send reply %s to %s: %r", reply.key, adapter, error)
            self.metrics.replies.labels(adapter, reply.kind, reason).inc()
            await self.store.reply_failed(reply.key, self.clock.now(), reason)
            return None
        self.metrics.replies.labels(adapter, reply.kind, "sent").inc()
        await self.store.reply_sent(reply.key, platform_id, self.clock.now())
        return platform_id

    async def withdraw(self, adapter: str, reply: Reply, platform_id: str) -> None:
        """Takes a reply back. Raises AdapterError when the platform does not."""
        target = self._adapter(adapter)
        async for attempt in self._attempts(WITHDRAW_S):
            with attempt:
                async with _limited(repeatable=True):
                    await target.recall(reply.group, platform_id)
        await self.store.mark_recalled(reply.key)

    async def _send(self, target: Adapter, reply: Reply, *, fresh: bool) -> str:
        repeatable = target.resend_s > 0
        await self.store.reply_tried(reply.key, self.clock.now())
        try:
            async with _limited(repeatable=repeatable):
                return await target.send(reply)
        except (NetworkError, RateLimited, LoginRefused) as error:
            if not repeatable or (fresh and isinstance(error, LoginRefused)):
                # It is certain that the platform does not have it: after a crash it may be sent.
                await self.store.reply_tried(reply.key, None)
            raise
        except (AdapterError, StoreFailed):
            raise
        except Exception as error:
            # One of the few places for a broad except: the reply would lie there until the next
            # start. As with a platform that is silent, nobody knows whether it was posted.
            log.exception("posting %s to %s failed", reply.key, target.name)
            kind = NetworkError if repeatable else Unconfirmed
            raise kind(f"a bug: {type(error).__name__}") from error

    def _adapter(self, name: str) -> Adapter:
        if name not in self.adapters:
            raise AdapterError(f"no adapter is named {name} any more")
        return self.adapters[name]

    def _attempts(self, seconds: float, login_s: float = 0.0) -> AsyncRetrying:
        began = self.clock.now()

        def over(state: RetryCallState) -> bool:
            most = login_s if isinstance(_error(state), LoginRefused) else seconds
            return self.clock.now() - began >= most

        return AsyncRetrying(
            stop=over,
            retry=retry_if_exception_type((NetworkError, RateLimited, LoginRefused)),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )

    async def _sleep(self, seconds: float) -> None:
        await self.clock.wait(asyncio.Event(), self.clock.now() + seconds)


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
    error = _error(state)
    asked = error.retry_after_s if isinstance(error, RateLimited) else 0.0
    if isinstance(error, LoginRefused):
        asked = LOGIN_PAUSE_S
    return max(asked, BACKOFF(state))


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
