"""Requests and tokens per minute of a hosted API: waits instead of being refused."""

import asyncio

from pyrate_limiter import Duration, Rate, TokenBucket

from bot.clock import Clock


class PerMinute:
    """A token bucket of `limit` units per minute; 0 is no limit.

    `burst` units may go at once: all of a minute's tokens, but only some of its requests.
    """

    def __init__(self, clock: Clock, limit: int, burst: int) -> None:
        self._clock, self._limit = clock, limit
        self._rates = [Rate(max(1, limit), Duration.MINUTE, max(1, burst))]
        self._bucket = TokenBucket()
        self._state = self._bucket.initial(self._rates)

    async def take(self, units: int) -> None:
        """Waits until so many units are free; more than a whole burst counts as a burst."""
        weight = min(max(1, units), self._rates[0].burst)
        while self._limit:
            now = self._clock.now()
            self._state, decision = self._bucket.step(
                self._rates, self._state, round(now * 1000), weight
            )
            if decision.allowed:
                return
            pause = max(1, decision.retry_after_ms or 0) / 1000
            await self._clock.wait(asyncio.Event(), now + pause)
