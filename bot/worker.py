"""The worker of one group: its bounded queue, its open packs and its waiting questions.

A worker packs messages into questions, asks the desk whether each is for the bot, lets people
answer first, and hands over what is left. It holds no truth: every message is in the store until
the desk has decided it, so a worker that dies loses nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
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
        self._queue: deque[tuple[IncomingMessage, float]] = deque()
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
            self._queue.append((message, self._clock.now()))
            self._held.add(message.message_id)
        elif message.mention:
            self._behind = True
        self._woken.set()
        return dropped

    def recall(self, message_id: str) -> None:
        """Forgets a message that its author took back."""
        self._change(message_id, None)

    def edit(self, message_id: str, text: str) -> None:
        """Goes on with what a message says now."""
        self._change(message_id, text)

    def _change(self, message_id: str, text: str | None) -> None:
        changed = [
            (m if m.message_id != message_id or text is None else replace(m, text=text), arrived)
            for m, arrived in self._queue
            if m.message_id != message_id or text is not None
        ]
        self._queue = deque(changed)
        self._packer.change(message_id, text)
        for case in list(self._waiting):
            if any(m.message_id == message_id for m in case.question.messages):
                # What it asks now is judged anew; the people's time to answer begins again.
                self._waiting.remove(case)
                self._packer.put_back(case.question.messages, self._clock.now())
                self._packer.change(message_id, text)
        self._woken.set()

    def stop(self) -> None:
        """Ends the worker after the case it is at; what is left stays in the store."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Works until there is nothing left to do: what came in first, then what is to be judged,
        then what is to be answered. An answer may take minutes; what was said meanwhile (a
        person's answer, say) is looked at before the next one is begun."""
        while not self._stopping:
            self._woken.clear()
            if self._queue:
                await self._take(*self._queue.popleft())
            elif self._behind:
                await self._catch_up()
            elif question := self._packer.due(self._clock.now()):
                await self._begin(Case(question))
            elif case := self._due():
                self._waiting.remove(case)
                await self._guarded(self._desk.respond, case)
            elif (until := self._next_deadline()) is None:
                return
            else:
                await self._clock.wait(self._woken, until)

    async def _take(self, message: IncomingMessage, arrived: float) -> None:
        settled = [case for case in self._waiting if await self._desk.settles(case, message)]
        for case in settled:
            self._waiting.remove(case)
            await self._dismiss(case, Reason.HUMAN_FIRST)
        if settled:
            await self._desk.dismiss((message,), Reason.HUMAN_ANSWER, [])
            self._held.discard(message.message_id)
        else:
            self._packer.add(message, arrived)

    def _due(self) -> Case | None:
        """The case to answer next: who asked the bot itself goes first."""
        due = [case for case in self._waiting if case.deadline <= self._clock.now()]
        return min(due, key=lambda c: (not c.question.mention, c.deadline), default=None)

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
        for entry in self._queue:
            if not entry[0].mention:
                self._queue.remove(entry)
                self._held.discard(entry[0].message_id)
                return entry[0]
        return None if message.mention else message

    def _next_deadline(self) -> float | None:
        times = [case.deadline for case in self._waiting]
        due = self._packer.next_due()
        if due is not None:
            times.append(due)
        return min(times, default=None)
