"""How often the bot may speak unprompted, and when it need not. Pure: the clock is passed in.

All times are in seconds since the epoch. A clock that is set back neither silences the bot for
long nor crashes it.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence

from pyrate_limiter import Rate, TokenBucket

from adapters.base import Reply
from bot.types import Entry, Group, Question, Reason, Spoken

MAX_ANSWERS = 200
"""Answers remembered per group."""


class Budget:
    """A token bucket per group: `burst` answers in a row, one more every `refill_s` seconds."""

    def __init__(self, burst: int, refill_s: float) -> None:
        self._burst = burst
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

    def left(self, group: Group, now: float) -> int:
        """Tokens that the group has now."""
        now_ms = round(now * 1000)
        return self._burst - self._bucket.consumed(self._rates, self._state(group, now_ms), now_ms)

    def replay(self, group: Group, times: Iterable[float]) -> None:
        """Spends what was spent before a restart."""
        for time in sorted(times):
            self.take(group, time)

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


class Answered:
    """What was answered in each group within the last `window_s` seconds."""

    def __init__(self, window_s: float, per_group: int = MAX_ANSWERS) -> None:
        self._window_s = window_s
        self._per_group = per_group
        self._entries: dict[Group, deque[Entry]] = {}

    def add(self, group: Group, entry: Entry) -> None:
        """Remembers an answer; of more than `per_group` the oldest goes."""
        self._entries.setdefault(group, deque(maxlen=self._per_group)).append(entry)
        self._entries = {
            group: entries
            for group, entries in self._entries.items()
            if self._is_recent(entries[-1], entry.at)
        }

    def recent(self, group: Group, now: float) -> Sequence[Entry]:
        """The answers that are still in the window, oldest first."""
        return [e for e in self._entries.get(group, ()) if self._is_recent(e, now)]

    def remove(self, group: Group, key: str) -> None:
        """Forgets an answer that was withdrawn."""
        kept = [entry for entry in self._entries.pop(group, ()) if entry.key != key]
        if kept:
            self._entries[group] = deque(kept, self._per_group)

    def _is_recent(self, entry: Entry, now: float) -> bool:
        return abs(now - entry.at) < self._window_s


class Flood:
    """Budget, cooldown and repeats of all groups together."""

    def __init__(self, budget: Budget, cooldown: Cooldown, answers: Answered) -> None:
        self._budget, self._cooldown, self._answers = budget, cooldown, answers

    def refuses(self, group: Group, user: str, now: float) -> Reason | None:
        """Why an unprompted answer must not go out now; None counts it as given."""
        if not self._cooldown.ready(group, user, now):
            return Reason.COOLDOWN
        if not self._budget.take(group, now):
            return Reason.BUDGET
        self._cooldown.mark(group, user, now)
        return None

    def answered(self, group: Group, now: float) -> Sequence[Entry]:
        """What a new question may repeat, oldest first."""
        return self._answers.recent(group, now)

    def remember(self, group: Group, question: Question, reply: Reply, now: float) -> None:
        """An answer was posted."""
        entry = Entry(
            reply.key, question.text, question.last.user, reply.text, reply.citations, now
        )
        self._answers.add(group, entry)

    def forget(self, group: Group, key: str) -> None:
        """An answer was withdrawn: the question may be answered anew."""
        self._answers.remove(group, key)

    def restore(self, spoken: Iterable[Spoken], answers: Iterable[tuple[Group, Entry]]) -> None:
        """Takes up after a restart what the store remembers, both oldest first."""
        for one in spoken:
            self._budget.take(one.group, one.at)
            self._cooldown.mark(one.group, one.user, one.at)
        for group, entry in answers:
            self._answers.add(group, entry)
