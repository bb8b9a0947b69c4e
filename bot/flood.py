"""How often the bot may speak unprompted, and when it need not. Pure: the clock is passed in.

All times are in seconds since the epoch. A clock that is set back neither silences the bot for
long nor crashes it.
"""

import math
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyrate_limiter import Rate, TokenBucket

from adapters.base import Citation, IncomingMessage, Reply
from bot.types import Group, Question, Reason

MAX_ANSWERS = 200
"""Answers remembered per group."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The bot answered `user` unprompted."""

    group: Group
    user: str
    at: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer that was posted: `text` is the question, `key` the reply's."""

    key: str
    text: str
    user: str
    answer: str
    citations: tuple[Citation, ...]
    at: float


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


_ASKS = re.compile(
    r"^(请问|怎么|怎样|如何|为什么|为啥|有没有|有人|谁|哪|求|how|what|why|where|which|who|does|did"
    r"|is there|are there|anyone|anybody|any idea|has anyone|can i|can we|could|should i)(?![a-z])"
    r"|[?？]\s*$|[吗呢么嘛][。.!！~～…\s]*$",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Ends with a question mark or 吗/呢/么/嘛, or starts like a question. Only a rule of thumb."""
    return bool(_ASKS.search(text.strip()))


_WANTS_IT_TOO = re.compile(
    r"\bsame (here|problem|issue|question|error)|\bme too\b|\+1|同问|同求|蹲|一样的(问题|情况|报错)"
    r"|我也(想|要|遇|是|有|碰)|也(想|要)(问|知道|了解)"
    r"|\bi('m| am| do| have| would|'d)? (also|too)\b|\balso (want|need|like|have|wonder|looking)",
    re.IGNORECASE,
)


def wants_it_too(text: str) -> bool:
    """Does somebody say that they have the same question? Only a rule of thumb."""
    return bool(_WANTS_IT_TOO.search(text))


def answers(
    question: Question, message: IncomingMessage, similarity: float, threshold: float
) -> bool:
    """Does a message count as a person's answer to a waiting question?

    It must be someone else's, in the same group, not be meant for the bot, and not ask for the
    same. A reply to one of the question's messages always counts; any other message must be later,
    close to the question (`similarity` is their cosine) and not be a question itself.
    """
    last = question.last
    if (message.adapter, message.group) != (last.adapter, last.group):
        return False
    if message.user == last.user or message.mention or wants_it_too(message.text):
        return False
    if message.reply_to in {m.message_id for m in question.messages}:
        return True
    if message.sent_at < last.sent_at or is_question(message.text):
        return False
    return similarity >= threshold
