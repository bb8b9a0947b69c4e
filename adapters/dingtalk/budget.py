"""How much the bot may post: asked before anything is sent."""

from adapters.base import RateLimited
from common.clock import Clock
from common.rate_limit import Pace

CALLS_PER_SECOND = 10
"""Of the API, and as many at once, for all groups together."""

POSTS_PER_MINUTE, POSTS_AT_ONCE = 15, 5
"""DingTalk allows 20 messages in a minute and group, and silences the robot for ten minutes
after more. A bucket of 5 that gets 15 a minute never gives more than 20 in any minute."""


class Budget:
    """One app's. What it refuses is RateLimited."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._app = Pace(clock, CALLS_PER_SECOND, seconds=1.0)
        self._groups = Pace(clock, POSTS_PER_MINUTE, burst=POSTS_AT_ONCE)
        self._blocked: dict[str, float] = {}

    def take(self, group: str, *, by_api: bool = True) -> None:
        """Counts a message to a group."""
        now = self._clock.now()
        if (until := self._blocked.get(group, 0.0)) > now:
            raise RateLimited("DingTalk wants no message in this group for a while", until - now)
        self._blocked.pop(group, None)
        if by_api:
            self.call()
        if pause := self._groups.take(group):
            raise RateLimited("the group has had as many messages as DingTalk allows", pause)

    def call(self) -> None:
        """Counts a call of the API."""
        if pause := self._app.take():
            raise RateLimited("DingTalk allows no more calls at once", pause)

    def block(self, group: str, seconds: float) -> None:
        """The platform wants no message in this group for so long."""
        self._blocked[group] = self._clock.now() + seconds
