"""The worker of one group: its bounded queue, its open packs and its waiting questions.

A worker packs messages into questions, asks the desk whether each is for the bot, lets people
answer first, and hands over what is left. It holds no truth: every message is in the store until
the desk has decided it, so a worker that dies loses nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from adapters.base import IncomingMessage
from bot.clock import Clock
from bot.conversation import Packer
from bot.types import Group, Question, Reason, Trace

log = logging.getLogger(__name__)

Step: TypeAlias = Callable[["Case"], Awaitable[bool | None]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to wait for more of a question and for a person's answer, and the queue's bound."""

    quiet_s: float = 6.0
    max_wait_s: float = 30.0
    mention_wait_s: float = 1.5
    wait_for_humans_s: float = 20.0
    queue_size: int = 100


@dataclass(slots=True)
class Case:
    """A question on its way to a decision. `deadline` is when people have had their chance."""

    question: Question
    trace: Trace = field(default_factory=list)
    deadline: float = 0.0


class Desk(Protocol):
    """Decides cases and records the decisions."""

    async def triage(self, case: Case) -> bool:
        """True when the bot should answer; else the case is decided and recorded."""
        ...

    async def respond(self, case: Case) -> None:
        """Answers or declines, and records it."""
        ...

    async def dismiss(
        self, messages: Sequence[IncomingMessage], reason: Reason, trace: Trace
    ) -> None:
        """Records that messages stay unanswered."""
        ...

    async def settles(self, case: Case, message: IncomingMessage) -> bool:
        """Did a person just answer this question?"""
        ...

    async def backlog(self, group: Group) -> Sequence[IncomingMessage]:
        """Undecided messages of a group, oldest first."""
        ...


class Worker:
    """The queue, open packs and waiting questions of one group."""

    def __init__(self, group: Group, desk: Desk, clock: Clock, timing: Timing) -> None:
        self.group = group
        self._desk, self._clock, self._timing = desk, clock, timing
        self._queue: deque[IncomingMessage] = deque()
        self._packer = Packer(timing.quiet_s, timing.max_wait_s, timing.mention_wait_s)
        self._waiting: list[Case] = []
        self._held: set[str] = set()
        self._woken = asyncio.Event()
        self._behind = False
        self._stopping = False

    @property
    def depth(self) -> int:
        """Messages in the queue."""
        return len(self._queue)

    def offer(self, message: IncomingMessage) -> IncomingMessage | None:
        """Queues a message; returns the unprompted one that had to go for it, if any.

        A mention is never dropped: where there is no room it stays in the store, and the worker
        fetches it when its queue is empty.
        """
        if message.message_id in self._held:
            return None
        dropped = self._make_room(message)
        if len(self._queue) < self._timing.queue_size:
            self._queue.append(message)
            self._held.add(message.message_id)
        elif message.mention:
            self._behind = True
        self._woken.set()
        return dropped

    def recall(self, message_id: str) -> None:
        """Forgets a message that its author took back."""
        self._queue = deque(m for m in self._queue if m.message_id != message_id)
        self._packer.recall(message_id)
        self._waiting = [
            case
            for case in self._waiting
            if any(m.message_id != message_id for m in case.question.messages)
        ]
        self._woken.set()

    def stop(self) -> None:
        """Ends the worker after the case it is at; what is left stays in the store."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Works until there is nothing left to do."""
        while not self._stopping:
            self._woken.clear()
            if self._queue:
                await self._take(self._queue.popleft())
            elif self._behind:
                await self._catch_up()
            elif (until := self._next_deadline()) is None:
                return
            elif until > self._clock.now():
                await self._clock.wait(self._woken, until)
            await self._decide_what_is_due()

    async def _take(self, message: IncomingMessage) -> None:
        settled = [case for case in self._waiting if await self._desk.settles(case, message)]
        for case in settled:
            self._waiting.remove(case)
            await self._dismiss(case, Reason.HUMAN_FIRST)
        if settled:
            await self._desk.dismiss((message,), Reason.HUMAN_ANSWER, [])
            self._held.discard(message.message_id)
        else:
            self._packer.add(message, self._clock.now())

    async def _decide_what_is_due(self) -> None:
        # Messages that are queued may belong to an open pack: they are packed before it is cut.
        if not self._queue:
            for question in self._packer.due(self._clock.now()):
                await self._begin(Case(question))
        for case in [case for case in self._waiting if case.deadline <= self._clock.now()]:
            if case in self._waiting and not self._stopping:
                self._waiting.remove(case)
                await self._guarded(self._desk.respond, case)

    async def _begin(self, case: Case) -> None:
        if not await self._guarded(self._desk.triage, case):
            return
        wait = 0.0 if case.question.mention else self._timing.wait_for_humans_s
        case.deadline = self._clock.now() + wait
        self._waiting.append(case)

    async def _guarded(self, step: Step, case: Case) -> bool:
        """Runs one step of a case; a bug ends the case, not the worker."""
        going_on = False
        try:
            going_on = bool(await step(case))
        except Exception:
            # One of the three places for a broad except: the group must go on.
            log.exception("deciding %s in %s failed", case.question.last.message_id, self.group)
            await self._dismiss(case, Reason.FAILED)
        if not going_on:
            self._held.difference_update(m.message_id for m in case.question.messages)
        return going_on

    async def _dismiss(self, case: Case, reason: Reason) -> None:
        await self._desk.dismiss(case.question.messages, reason, case.trace)
        self._held.difference_update(m.message_id for m in case.question.messages)

    async def _catch_up(self) -> None:
        """Fetches mentions that found no room; runs when the queue is empty."""
        self._behind = False
        for message in await self._desk.backlog(self.group):
            if message.mention and (dropped := self.offer(message)):
                await self._desk.dismiss((dropped,), Reason.QUEUE_FULL, [])

    def _make_room(self, message: IncomingMessage) -> IncomingMessage | None:
        """The oldest unprompted message of a full queue; the new one itself if there is none."""
        if len(self._queue) < self._timing.queue_size:
            return None
        for waiting in self._queue:
            if not waiting.mention:
                self._queue.remove(waiting)
                self._held.discard(waiting.message_id)
                return waiting
        return None if message.mention else message

    def _next_deadline(self) -> float | None:
        times = [case.deadline for case in self._waiting]
        due = self._packer.next_due()
        if due is not None:
            times.append(due)
        return min(times, default=None)
