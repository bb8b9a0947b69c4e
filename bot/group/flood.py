"""How often the bot may speak unprompted. Pure: the clock is passed in.

All times are in seconds since the epoch. A clock that is set back neither silences the bot for
long nor crashes it.
"""

from collections.abc import Iterable

from bot.types import Group, Reason, UnpromptedReply
from common.rate_limit import TokenBuckets


class Cooldown:
    """A pause between two unprompted answers to one person in one group."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
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
        if self._seconds > 0:
            self._marks[group, user] = now

    def _is_over(self, marked: float, now: float) -> bool:
        return abs(now - marked) >= self._seconds


class Flood:
    """In each group `burst` answers in a row, one more every `refill_s` seconds; after an answer
    a person's pause of `cooldown_s`. What was said counts for `window_s`."""

    def __init__(self, *, burst: int, refill_s: float, cooldown_s: float) -> None:
        self._buckets = TokenBuckets[Group](1, refill_s, burst)
        self._own: dict[Group, TokenBuckets[Group]] = {}
        self._budgets: dict[Group, tuple[int, float]] = {}
        self._cooldown = Cooldown(cooldown_s)
        self.window_s = max(burst * refill_s, cooldown_s)

    def set_budget(self, group: Group, budget: tuple[int, float] | None) -> None:
        """Gives a group (burst, refill_s) of its own, which begins unspent; None takes it away. One
        that it has already is left as it is spent."""
        if budget == self._budgets.get(group):
            return
        self._own.pop(group, None)
        self._budgets.pop(group, None)
        if budget:
            burst, refill_s = self._budgets[group] = budget
            self._own[group] = TokenBuckets(1, refill_s, burst)
            self.window_s = max(self.window_s, burst * refill_s)

    def refuses(self, group: Group, user: str, now: float) -> Reason | None:
        """Why an unprompted answer must not go out now; None counts it as given."""
        if not self._cooldown.ready(group, user, now):
            return Reason.COOLDOWN
        if self._own.get(group, self._buckets).take(group, now):
            return Reason.BUDGET
        self._cooldown.mark(group, user, now)
        return None

    def restore(self, replies: Iterable[UnpromptedReply]) -> None:
        """Takes up after a restart what the store remembers, oldest first."""
        for reply in replies:
            self._own.get(reply.group, self._buckets).take(reply.group, reply.at)
            self._cooldown.mark(reply.group, reply.user, reply.at)
