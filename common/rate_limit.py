"""Token buckets: how often something may be done, per key (a group, an app)."""

import asyncio
import math
from collections.abc import Hashable
from typing import Generic, TypeVar

from pyrate_limiter import Rate, TokenBucket

from common.clock import Clock

K = TypeVar("K", bound=Hashable)

MOST_KEYS = 1000
"""From so many keys on those whose buckets are full are forgotten."""


class TokenBuckets(Generic[K]):
    """A bucket per key: `burst` units at once, and `units` more in `seconds`. Pure: the clock is
    passed in, in seconds since the epoch; one that is set back costs no more than an empty
    bucket."""

    def __init__(self, units: int, seconds: float, burst: int) -> None:
        self._rates = [Rate(max(1, units), max(1, math.ceil(seconds * 1000)), max(1, burst))]
        self._bucket = TokenBucket()
        self._states: dict[K, tuple[float, ...]] = {}

    def take(self, key: K, now: float, units: int = 1) -> float:
        """Takes so many units and returns 0, or takes none and returns the seconds until there
        are enough. More than a whole burst counts as a burst."""
        now_ms, weight = round(now * 1000), min(max(1, units), self._rates[0].burst)
        state = self._state(key, now_ms)
        self._states[key], decision = self._bucket.step(self._rates, state, now_ms, weight)
        if len(self._states) > MOST_KEYS:
            self._states = {k: s for k, s in self._states.items() if self._used(s, now_ms)}
        return 0.0 if decision.allowed else max(1, decision.retry_after_ms or 0) / 1000

    def _state(self, key: K, now_ms: int) -> tuple[float, ...]:
        burst = self._rates[0].burst
        state = self._states.get(key, self._bucket.initial(self._rates))
        if self._used(state, now_ms) > burst:  # the clock was set back
            state = self._bucket.initial(self._rates)
            state, _ = self._bucket.step(self._rates, state, now_ms, burst)
        return state

    def _used(self, state: tuple[float, ...], now_ms: int) -> float:
        return self._bucket.consumed(self._rates, state, now_ms)


class Pace:
    """`limit` units in `seconds`, at most `burst` of them at once; 0 is no limit."""

    def __init__(
        self, clock: Clock, limit: int, seconds: float = 60.0, burst: int | None = None
    ) -> None:
        self._clock, self._limit = clock, limit
        self._buckets = TokenBuckets[str](limit, seconds, burst or limit)

    def take(self, key: str = "", units: int = 1) -> float:
        """See `TokenBuckets.take`."""
        return self._buckets.take(key, self._clock.now(), units) if self._limit else 0.0

    async def wait(self, key: str = "", units: int = 1) -> None:
        """Takes so many units, as soon as there are enough."""
        while pause := self.take(key, units):
            await self._clock.wait(asyncio.Event(), self._clock.now() + pause)
