"""How often the bot may speak unprompted. Pure: the clock is passed in.

All times are in seconds since the epoch. A clock that is set back neither silences the bot for
long nor crashes it.
"""

import math
from collections.abc import Iterable

from pyrate_limiter import Rate, TokenBucket

from bot.types import Group, Reason, UnpromptedReply


class RateLimit:
    """A token bucket per group: `burst` answers in a row, one more every `refill_s` seconds."""

    def __init__(self, burst: int, refill_s: float) -> None:
        self._burst = burst
        self.window_s = burst * refill_s
        self._rates = [Rate(1, max(1, math.ceil(refill_s * 1000)), burst)]
        self._bucket = TokenBucket()
        self._states: dict[Group, tuple[float, ...]] = {}

    def take(self, group: Group, now: float) -> bool:
        """Spends a token of the group; False when there is none."""
        now_ms = round(now * 1000)
        state, decision = self._bucket.step(self._rates, self._state(group, now_ms), now_ms, 1)
        self._states[group] = state
        self._forget_full(now_ms)
        return decision.allowed

    def _state(self, group: Group, now_ms: int) -> tuple[float, ...]:
        """The bucket's state; after the clock was set back, that of a bucket emptied now."""
        state = self._states.get(group, self._bucket.initial(self._rates))
        if self._bucket.consumed(self._rates, state, now_ms) > self._burst:
            state = self._bucket.initial(self._rates)
            for _ in range(self._burst):
                state, _decision = self._bucket.step(self._rates, state, now_ms, 1)
        return state

    def _forget_full(self, now_ms: int) -> None:
        self._states = {
            group: state
            for group, state in self._states.items()
            if self._bucket.consumed(self._rates, state, now_ms)
        }


class Cooldown:
    """A pause between two unprompted answers to one person in one group."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._marks: dict[tuple[Group, str], float] = {}

    def __len__(self) -> int:
        """People who are remembered."""
        return len(self._marks)

    def ready(self, group: Group, user: str, now: float) -> bool:
        """Has the person's pause passed?"""
        marked = self._marks.get((group, user))
        return marked is None or self._is_over(marked, now)

    def mark(self, group: Group, user: str, now: float) -> None:
        """Starts the person's pause, and forgets the pauses that are over."""
        self._marks = {k: at for k, at in self._marks.items() if not self._is_over(at, now)}
        if self.seconds > 0:
            self._marks[group, user] = now

    def _is_over(self, marked: float, now: float) -> bool:
        return abs(now - marked) >= self.seconds


class Flood:
    """Rate limit and cooldown together; `window_s` is how long what was said counts."""

    def __init__(self, limit: RateLimit, cooldown: Cooldown) -> None:
        self._limit, self._cooldown = limit, cooldown
        self.window_s = max(limit.window_s, cooldown.seconds)

    def refuses(self, group: Group, user: str, now: float) -> Reason | None:
        """Why an unprompted answer must not go out now; None counts it as given."""
        if not self._cooldown.ready(group, user, now):
            return Reason.COOLDOWN
        if not self._limit.take(group, now):
            return Reason.BUDGET
        self._cooldown.mark(group, user, now)
        return None

    def restore(self, replies: Iterable[UnpromptedReply]) -> None:
        """Takes up after a restart what the store remembers, oldest first."""
        for reply in replies:
            self._limit.take(reply.group, reply.at)
            self._cooldown.mark(reply.group, reply.user, reply.at)
