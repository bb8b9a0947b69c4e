"""How much a bot may post and ask: asked before anything is sent."""

import asyncio
from collections.abc import Sequence

from adapters.base import RateLimited
from common.clock import Clock
from common.rate_limit import Pace


class Budget:
    """Buckets for everything, and buckets for each group, whose burst and refill together stay
    within what the platform allows."""

    def __init__(
        self, clock: Clock, whole: Sequence[Pace] = (), group: Sequence[Pace] = ()
    ) -> None:
        self._clock, self._whole, self._group = clock, whole, group
        self._blocked: dict[str, float] = {}

    def pause(self, group: str = "") -> float:
        """Takes one and returns 0, or the seconds until there is one; with `group` one that goes
        there."""
        if (left := self._blocked.get(group, 0.0) - self._clock.now()) > 0:
            return left
        pauses = (pace.take(group) for pace in self._group if group)
        return next(filter(None, pauses), 0.0) or next(
            filter(None, (pace.take() for pace in self._whole)), 0.0
        )

    def take(self, group: str = "") -> None:
        """Takes one. Raises RateLimited where there is none left."""
        if pause := self.pause(group):
            raise RateLimited("there was as much as the platform allows", pause)

    async def wait(self, group: str = "") -> None:
        """Takes one, as soon as there is one."""
        while pause := self.pause(group):
            await self._clock.wait(asyncio.Event(), self._clock.now() + pause)

    def block(self, seconds: float, group: str = "") -> None:
        """The platform wants nothing for so long, in this group or at all."""
        now = self._clock.now()
        self._blocked = {key: until for key, until in self._blocked.items() if until > now}
        self._blocked[group] = now + seconds
