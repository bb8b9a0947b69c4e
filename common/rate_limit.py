"""Token buckets: how fast a platform may be asked, per key (a group, an app)."""

import asyncio

from pyrate_limiter import Rate, TokenBucket

from common.clock import Clock


class Pace:
    """`limit` units in `seconds`, at most `burst` of them at once; 0 is no limit."""

    def __init__(
        self, clock: Clock, limit: int, seconds: float = 60.0, burst: int | None = None
    ) -> None:
        self._clock, self._limit = clock, limit
        self._rates = [Rate(max(1, limit), round(seconds * 1000), max(1, burst or limit))]
        self._bucket = TokenBucket()
        self._states: dict[str, tuple[float, ...]] = {}

    def take(self, key: str = "", units: int = 1) -> float:
        """Takes so many units and returns 0, or takes none and returns the seconds until there
        are enough. More than a whole burst counts as a burst."""
        if not self._limit:
            return 0.0
        now_ms = round(self._clock.now() * 1000)
        weight = min(max(1, units), self._rates[0].burst)
        state = self._states.get(key, self._bucket.initial(self._rates))
        self._states[key], decision = self._bucket.step(self._rates, state, now_ms, weight)
        self._forget_full(now_ms)
        return 0.0 if decision.allowed else max(1, decision.retry_after_ms or 0) / 1000

    async def wait(self, key: str = "", units: int = 1) -> None:
        """Takes so many units, as soon as there are enough."""
        while pause := self.take(key, units):
            await self._clock.wait(asyncio.Event(), self._clock.now() + pause)

    def _forget_full(self, now_ms: int) -> None:
        if len(self._states) > 1000:
            self._states = {
                key: state
                for key, state in self._states.items()
                if self._bucket.consumed(self._rates, state, now_ms)
            }
