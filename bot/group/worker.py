"""The worker of one group: its bounded queue, its open packs and its waiting questions.

A worker packs messages into questions, asks the handler whether each is for the bot, lets people
answer first, and hands over what is left. The handler may take minutes where a language model is
asked: several questions are worked on at once, and what comes in meanwhile is looked at, because
a person's answer, an edit or a recall calls a question off. The worker holds no truth: every
message is in the store until it is decided, so a worker that dies loses nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from adapters.base import IncomingMessage
from bot.group.command_parser import parse_command
from bot.group.delivery import Delivery
from bot.group.packing import Packer
from bot.group.types import GroupOptions, Handler, PendingQuestion
from bot.store.store import Store, StoreError
from bot.types import Group, Reason
from common.clock import Clock
from common.tasks import Tasks
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.5
"""Until the next look for mentions that found no room, where the last one found none that could be
taken: what stands before them is being decided, which nobody tells."""


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """The queue, open packs and waiting questions of one group."""

    group: Group = field(kw_only=False)
    handler: Handler
    delivery: Delivery
    store: Store
    options: GroupOptions
    clock: Clock
    tasks: Tasks
    _packer: Packer = field(init=False)
    _queue: deque[tuple[IncomingMessage, float]] = field(default_factory=deque, init=False)
    _waiting: list[PendingQuestion] = field(default_factory=list, init=False)
    _at_work: set[PendingQuestion] = field(default_factory=set, init=False)
    _held: set[str] = field(default_factory=set, init=False)
    _taking: IncomingMessage | None = field(default=None, init=False)
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _behind: bool = field(default=False, init=False)
    _look_at: float = field(default=0.0, init=False)
    _stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        options = self.options
        self._packer = Packer(options.quiet_s, options.max_wait_s, options.mention_wait_s)

    @property
    def depth(self) -> int:
        """Messages that are not decided yet."""
        return len(self._held)

    @property
    def _full(self) -> bool:
        return len(self._held) >= self.options.queue_size

    @property
    def _room_to_answer(self) -> bool:
        """Does a place stay free for judging? Where there is one in all, answers are quick."""
        return sum(bool(p.deadline) for p in self._at_work) < max(1, self.options.at_once - 1)

    @property
    def _may_look(self) -> bool:
        now = self.clock.now()  # which may have been set back
        return not self._look_at - LOOK_AGAIN_S <= now < self._look_at

    def offer(self, message: IncomingMessage) -> IncomingMessage | None:
        """Queues a message; returns the unprompted one that had to go for it, if any.

        A mention is never dropped: where there is no room it stays in the store, and the worker
        fetches it when there is some.
        """
        if message.message_id in self._held:
            return None
        dropped = self._make_room(message)
        if not self._full:
            self._queue.append((message, self.clock.now()))
            self._held.add(message.message_id)
        elif message.mention:
            self._behind = True
        self._woken.set()
        return dropped

    def change(self, message_id: str, text: str | None) -> None:
        """Goes on with what a message says now; with None without it."""
        for pending in [p for p in (*self._waiting, *self._at_work) if p.holds(message_id)]:
            # What it asks now is judged anew; the people's time to answer begins again.
            if pending in self._at_work:
                pending.call_off(None)
            else:
                self._waiting.remove(pending)
            self._packer.put_back(pending.question.messages, self.clock.now())
        self._packer.change(message_id, text)
        if self._taking and self._taking.message_id == message_id:
            self._taking = None if text is None else replace(self._taking, text=text)
        if text is None:
            self._queue = deque(e for e in self._queue if e[0].message_id != message_id)
            self._held.discard(message_id)
        else:
            self._queue = deque(
                (replace(m, text=text) if m.message_id == message_id else m, arrived)
                for m, arrived in self._queue
            )
        self._woken.set()

    def stop(self) -> None:
        """Ends the worker after what it is at; what is left stays in the store."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Works until there is nothing left to do: what came in first, then what is to be answered,
        then what is to be judged, for which a place is kept free."""
        while not self._stopping:
            self._woken.clear()
            free = len(self._at_work) < self.options.at_once
            if self._queue:
                await self._take(*self._queue.popleft())
            elif self._behind and not self._full and self._may_look:
                await self._catch_up()
            elif free and self._room_to_answer and (pending := self._due()):
                self._start(self._respond, pending)
            elif free and (question := self._packer.due(self.clock.now())):
                self._start(self._triage, PendingQuestion(question))
            elif free and (pending := self._due()):
                self._start(self._respond, pending)
            elif (until := self._next_deadline()) is None and not self._at_work:
                return
            else:
                await self.clock.wait(self._woken, until if free else None)
        while self._at_work:
            self._woken.clear()
            await self._woken.wait()

    def _start(
        self, step: Callable[[PendingQuestion], Awaitable[bool]], pending: PendingQuestion
    ) -> None:
        """Works on a question beside the others. `step` returns True where it is not decided."""
        before = pending.question.messages

        async def work() -> None:
            try:
                if not await step(pending):
                    self._release(pending)
            except KnowledgeError as error:
                # An embeddings API that is down, say: the next question may fare better.
                last = pending.question.last
                log.error("deciding %s in %s failed: %s", last.message_id, self.group, error)
                await self._dismiss(pending, Reason.FAILED)
            except StoreError:
                # It stands in the store as it was, and is taken up again once that is well.
                self._release(pending)
                raise
            except Exception:
                # One of the few places for a broad except: a bug ends the question, and the
                # group must go on.
                last = pending.question.last
                log.exception("deciding %s in %s failed", last.message_id, self.group)
                await self._dismiss(pending, Reason.FAILED)
            finally:
                # Of some it may have turned out that they were taken back, which nobody told.
                gone = [m for m in before if not pending.holds(m.message_id)]
                self._held.difference_update(m.message_id for m in gone)
                self._at_work.discard(pending)
                self._woken.set()

        self._at_work.add(pending)
        self.tasks.spawn(work())

    async def _take(self, message: IncomingMessage, arrived: float) -> None:
        """Packs a message, unless it answers somebody's question. It may be changed or taken back
        while that is looked at."""
        self._taking = message
        accepted = [*self._waiting, *(one for one in self._at_work if one.deadline)]
        if question := self._packer.asked_by_another(message):
            accepted.append(PendingQuestion(question))  # a reply says that people are at it
        answered = [
            pending
            for pending in accepted
            if not pending.off.is_set() and await self.handler.answered_by(pending, message)
        ]
        taken, self._taking = self._taking, None
        if taken is None:
            return
        for pending in answered:
            if pending in self._at_work:
                pending.call_off(Reason.HUMAN_FIRST)
            else:
                await self._dismiss(pending, Reason.HUMAN_FIRST)
        if answered:
            await self.delivery.dismiss((message,), Reason.HUMAN_ANSWER)
            self._held.discard(message.message_id)
        else:
            self._packer.add(taken, arrived)
        await self.handler.heard(taken)

    async def _triage(self, pending: PendingQuestion) -> bool:
        """Is it for the bot, and did nobody answer it? Then it waits for people to do so."""
        if not await self.handler.triage(pending):
            return False
        if pending.off.is_set():
            return True
        if await self._was_answered(pending):
            return False
        wait = 0.0 if pending.question.mention else self.options.wait_for_humans_s
        pending.deadline = self.clock.now() + wait
        self._waiting.append(pending)
        return True

    async def _respond(self, pending: PendingQuestion) -> bool:
        await self.handler.respond(pending)
        return False

    async def _was_answered(self, pending: PendingQuestion) -> bool:
        """Did somebody answer while its author was still writing, or while it was judged?"""
        if pending.question.mention:
            return False
        others = [*map(PendingQuestion, self._packer.peek()), *self._waiting]
        for other in [one for one in others if not one.question.mention]:
            for message in other.question.messages:
                if await self.handler.answered_by(pending, message):
                    await self._dismiss(other, Reason.HUMAN_ANSWER)
                    await self._dismiss(pending, Reason.HUMAN_FIRST)
                    return True
        return False

    async def _dismiss(self, pending: PendingQuestion, reason: Reason) -> None:
        """Ends a question, or messages that might have become one, without an answer."""
        if pending in self._waiting:
            self._waiting.remove(pending)
        messages = pending.question.messages
        if pending not in self._at_work:
            for message in messages:
                self._packer.change(message.message_id, None)
        self._held.difference_update(m.message_id for m in messages)
        await self.delivery.dismiss(messages, reason, pending.trace)

    def _release(self, pending: PendingQuestion) -> None:
        """A question is decided; one that was called off for no reason goes on in another."""
        if pending.reason or not pending.off.is_set():
            self._held.difference_update(m.message_id for m in pending.question.messages)

    async def _catch_up(self) -> None:
        """Fetches mentions that found no room."""
        self._behind = False
        options, now = self.options, self.clock.now()
        most = options.queue_size + 1  # with what is in the queue already, it is full then
        found = await self.store.backlog(self.group, now, options.max_age_s, most)
        self._behind |= len(found) == most
        held = len(self._held)
        for message in found:
            if parse_command(message.text, options.command_prefix) or not message.mention:
                continue
            if dropped := self.offer(message):
                await self.delivery.dismiss((dropped,), Reason.QUEUE_FULL)
        self._look_at = 0.0 if len(self._held) > held else self.clock.now() + LOOK_AGAIN_S

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

    def _due(self) -> PendingQuestion | None:
        """Takes out the question to answer next: who asked the bot itself goes first."""
        due = [one for one in self._waiting if one.deadline <= self.clock.now()]
        found = min(due, key=lambda one: (not one.question.mention, one.deadline), default=None)
        if found:
            self._waiting.remove(found)
        return found

    def _next_deadline(self) -> float | None:
        times = [pending.deadline for pending in self._waiting]
        if (due := self._packer.next_due()) is not None:
            times.append(due)
        if self._behind and not self._full:
            times.append(self._look_at)
        return min(times, default=None)
