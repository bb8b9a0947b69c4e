"""The worker of one group: its bounded queue, its open packs and its waiting questions.

A worker packs messages into questions, asks the desk whether each is for the bot, lets people
answer first, and hands over what is left. The desk may take minutes where a language model is
asked: it works on several cases at once, and what comes in meanwhile is looked at, because a
person's answer, an edit or a recall calls a case off. The worker holds no truth: every message is
in the store until the desk has decided it, so a worker that dies loses nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from adapters.base import IncomingMessage
from bot.group.case import Case, Desk, Timing
from bot.group.packing import Packer
from bot.types import Group, Reason
from common.clock import Clock
from common.tasks import Tasks

log = logging.getLogger(__name__)

Step: TypeAlias = Callable[[Case], Awaitable[bool | None]]


class Worker:
    """The queue, open packs and waiting questions of one group."""

    def __init__(
        self, group: Group, desk: Desk, clock: Clock, timing: Timing, tasks: Tasks
    ) -> None:
        self.group = group
        self._desk, self._clock, self._timing, self._tasks = desk, clock, timing, tasks
        self._queue: deque[tuple[IncomingMessage, float]] = deque()
        self._packer = Packer(timing.quiet_s, timing.max_wait_s, timing.mention_wait_s)
        self._waiting: list[Case] = []
        self._at_work: set[Case] = set()
        self._held: set[str] = set()
        self._woken = asyncio.Event()
        self._behind = False
        self._stopping = False

    @property
    def depth(self) -> int:
        """Messages that are not decided yet."""
        return len(self._held)

    @property
    def _full(self) -> bool:
        return len(self._held) >= self._timing.queue_size

    def offer(self, message: IncomingMessage) -> IncomingMessage | None:
        """Queues a message; returns the unprompted one that had to go for it, if any.

        A mention is never dropped: where there is no room it stays in the store, and the worker
        fetches it when there is some.
        """
        if message.message_id in self._held:
            return None
        dropped = self._make_room(message)
        if not self._full:
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
        for case in [case for case in (*self._waiting, *self._at_work) if case.holds(message_id)]:
            # What it asks now is judged anew; the people's time to answer begins again.
            if case in self._at_work:
                case.call_off(None)
            else:
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
        then what is to be answered."""
        while not self._stopping:
            self._woken.clear()
            free = len(self._at_work) < self._timing.at_once
            if self._queue:
                await self._take(*self._queue.popleft())
            elif self._behind and not self._full:
                await self._catch_up()
            elif free and (question := self._packer.due(self._clock.now())):
                self._start(Case(question), self._begin)
            elif free and (case := self._due()):
                self._waiting.remove(case)
                self._start(case, self._respond)
            elif (until := self._next_deadline()) is None and not self._at_work:
                return
            else:
                await self._clock.wait(self._woken, until if free else None)
        while self._at_work:
            self._woken.clear()
            await self._woken.wait()

    def _start(self, case: Case, step: Callable[[Case], Awaitable[None]]) -> None:
        """Lets the desk work on a case beside the others."""

        async def work() -> None:
            try:
                await step(case)
            finally:
                self._at_work.discard(case)
                self._woken.set()

        self._at_work.add(case)
        self._tasks.spawn(work())

    async def _take(self, message: IncomingMessage, arrived: float) -> None:
        accepted = [*self._waiting, *(case for case in self._at_work if case.deadline)]
        if question := self._packer.asked_by_another(message):
            accepted.append(Case(question))  # a reply says that people are at it
        settled = [
            case
            for case in accepted
            if not case.off.is_set() and await self._desk.settles(case, message)
        ]
        for case in settled:
            if case in self._at_work:
                case.call_off(Reason.HUMAN_FIRST)
            else:
                self._forget(case)
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

    async def _respond(self, case: Case) -> None:
        await self._guarded(self._desk.respond, case)

    async def _begin(self, case: Case) -> None:
        if not await self._guarded(self._desk.triage, case) or case.off.is_set():
            return
        if await self._was_answered(case):
            return
        wait = 0.0 if case.question.mention else self._timing.wait_for_humans_s
        case.deadline = self._clock.now() + wait
        self._waiting.append(case)

    async def _was_answered(self, case: Case) -> bool:
        """Did somebody answer while its author was still writing, or while it was judged?"""
        if case.question.mention:
            return False
        others = [Case(question) for question in self._packer.peek() if not question.mention]
        others += [waiting for waiting in self._waiting if not waiting.question.mention]
        for other in others:
            for message in other.question.messages:
                if await self._desk.settles(case, message):
                    self._forget(other)
                    await self._dismiss(other, Reason.HUMAN_ANSWER)
                    await self._dismiss(case, Reason.HUMAN_FIRST)
                    return True
        return False

    def _forget(self, case: Case) -> None:
        """Takes a case, or messages that may become one, out of what is to be looked at."""
        if case in self._waiting:
            self._waiting.remove(case)
        for message in case.question.messages:
            self._packer.change(message.message_id, None)

    async def _guarded(self, step: Step, case: Case) -> bool:
        """Runs one step of a case; a bug ends the case, not the worker."""
        going_on = False
        try:
            going_on = bool(await step(case))
        except Exception:
            # One of the three places for a broad except: the group must go on.
            log.exception("deciding %s in %s failed", case.question.last.message_id, self.group)
            await self._dismiss(case, Reason.FAILED)
        if not going_on and not (case.off.is_set() and case.reason is None):
            self._held.difference_update(m.message_id for m in case.question.messages)
        return going_on

    async def _dismiss(self, case: Case, reason: Reason) -> None:
        await self._desk.dismiss(case.question.messages, reason, case.trace)
        self._held.difference_update(m.message_id for m in case.question.messages)

    async def _catch_up(self) -> None:
        """Fetches mentions that found no room."""
        self._behind = False
        for message in await self._desk.backlog(self.group):
            if message.mention and (dropped := self.offer(message)):
                await self._desk.dismiss((dropped,), Reason.QUEUE_FULL, [])

    def _make_room(self, message: IncomingMessage) -> IncomingMessage | None:
        """The oldest unprompted message of those that nobody has looked at; the new one itself if
        there is none."""
        if not self._full:
            return None
        oldest = self._packer.oldest_unprompted()
        if oldest:
            self._packer.change(oldest.message_id, None)
        else:
            oldest = next((m for m, _ in self._queue if not m.mention), None)
            self._queue = deque(entry for entry in self._queue if entry[0] is not oldest)
        if oldest:
            self._held.discard(oldest.message_id)
            return oldest
        return None if message.mention else message

    def _next_deadline(self) -> float | None:
        times = [case.deadline for case in self._waiting]
        due = self._packer.next_due()
        if due is not None:
            times.append(due)
        return min(times, default=None)
