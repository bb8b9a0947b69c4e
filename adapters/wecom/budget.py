"""How much the bot may say: 30 messages a minute and 1000 an hour per chat, drafts included."""

from adapters.base import RateLimited
from common.clock import Clock
from common.rate_limit import Pace


class Budget:
    """Of every chat. A bucket of 10 that gains 20 a minute never gives more than 30 in a minute;
    one of 100 that gains 900 an hour never more than 1000 in an hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minute = Pace(clock, 20, 60, burst=10)
        self._hour = Pace(clock, 900, 3600, burst=100)
        self._drafts = Pace(clock, 8, 60, burst=4)
        self._shut: dict[str, float] = {}

    def pause(self, group: str) -> float:
        """Spends one message and returns 0; or spends nothing and returns how long to wait."""
        return self._closed(group) or self._minute.take(group) or self._hour.take(group)

    def draft_pause(self, group: str) -> float:
        """The same for a draft: there are fewer of them, so that answers have room."""
        return self._closed(group) or self._drafts.take(group) or self.pause(group)

    def spend(self, group: str) -> None:
        """Spends one message. Raises RateLimited where there is none left."""
        if pause := self.pause(group):
            raise RateLimited("this chat has had as many messages as WeCom allows", pause)

    def shut(self, group: str, seconds: float) -> None:
        """WeCom says that the chat has had too many."""
        now = self._clock.now()
        self._shut = {name: until for name, until in self._shut.items() if until > now}
        self._shut[group] = now + seconds

    def _closed(self, group: str) -> float:
        return max(0.0, self._shut.get(group, 0.0) - self._clock.now())
