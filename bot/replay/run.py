"""Lets the bot live through an exported chat: the same inbox, queues, handler and delivery as in
the daemon, on a clock that jumps from one moment at which something happens to the next.

Deciding takes no time on that clock. What the bot would have said is only recorded, so people
don't react to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.answering.pipeline import Pipeline
from bot.config.options import hours
from bot.config.schema import Config
from bot.daemon.app import Parts
from bot.daemon.assemble import build
from bot.daemon.compose import create_dispatcher, create_handler
from bot.group.handler import QuestionHandler
from bot.group.packing import Packer
from bot.group.types import GroupOptions, PendingQuestion
from bot.llm.llm import Llm
from bot.replay.chat import PLATFORM, ChatMessage
from bot.replay.record import STILL_OPEN_S, Record, RecordingAdapter
from bot.store.store import open_store
from bot.types import Progress
from common.clock import SimulatedClock
from common.hours import Hours
from knowledge.base import KnowledgeBase

MOST_OPEN = 20
"""Questions of a group whose answers by people are looked for at a time."""

SHOW_EVERY = 200


async def replay(
    config: Config,
    chat: Sequence[ChatMessage],
    knowledge: KnowledgeBase,
    llm: Llm | None,
    progress: Progress = lambda *_: None,
) -> Record:
    """Replays a chat, oldest message first, as if the bot were live in all of its groups. Raises
    KnowledgeError, StoreError."""
    live = config.bot.model_copy(update={"mode": "live", "shadow_days": 0.0})
    config = config.model_copy(update={"bot": live})
    clock = SimulatedClock(chat[0].message.sent_at)
    record = Record()
    by_id = {one.message.message_id: one for one in chat}
    adapter = RecordingAdapter(clock, by_id, record)
    with TemporaryDirectory(prefix="replay-") as folder:
        async with open_store(Path(folder) / "bot.sqlite", durable=False) as store:
            parts = await build(config, clock, store, {PLATFORM: adapter})
            await knowledge.prepare(
                list(_texts(chat, parts.options)),
                lambda done, total: progress("embed", done, total),
            )
            async with parts.tasks:
                handler = create_handler(parts, Pipeline(knowledge, config.answer, llm))
                dispatcher = create_dispatcher(parts, handler)
                await parts.inbox.open(dispatcher)
                run = _Run(parts, clock, hours(config), handler, record)
                for number, one in enumerate(chat, 1):
                    await run.receive(one)
                    if number % SHOW_EVERY == 0 or number == len(chat):
                        progress("replay", number, len(chat))
                await run.end()
    return record


@dataclass(frozen=True, slots=True)
class _Run:
    parts: Parts
    clock: SimulatedClock
    hours: Hours
    handler: QuestionHandler
    record: Record

    async def receive(self, one: ChatMessage) -> None:
        """Lets time pass until a message comes, and hands it in."""
        message = one.message
        await self._until(message.sent_at)
        await self._look_for_answers(one)
        await self.parts.inbox.receive(message)

    async def end(self) -> None:
        """Lets time pass until there is nothing left to do."""
        await self.clock.settle(self.parts.tasks)
        while (moment := self._next()) is not None:
            await self._until(moment)

    async def _until(self, moment: float) -> None:
        await self.clock.settle(self.parts.tasks)
        while (first := self._next()) is not None and first <= moment:
            opens = not self.hours.is_open(self.clock.now())
            self.clock.move_to(first)
            if opens and self.hours.is_open(first):
                await self.parts.inbox.open_hours()
            await self.clock.settle(self.parts.tasks)
        self.clock.move_to(moment)

    def _next(self) -> float | None:
        """The next moment at which something happens by itself."""
        now, moments = self.clock.now(), []
        if (deadline := self.clock.deadline) is not None:
            moments.append(deadline)
        if self.parts.options.keep_for_opening and not self.hours.is_open(now):
            moments.append(self.hours.opens_at(now))
        return min(moments, default=None)

    async def _look_for_answers(self, one: ChatMessage) -> None:
        """Notes which questions that the gate let through a message answers."""
        message = one.message
        waiting = self.record.open.get(message.group, [])
        kept = []
        for decided in waiting[-MOST_OPEN:]:
            if message.sent_at - decided.asked_at > STILL_OPEN_S:
                continue
            if await self.handler.answered_by(PendingQuestion(decided.question), message):
                decided.answered_at = message.sent_at
            else:
                kept.append(decided)
        if waiting:
            self.record.open[message.group] = kept


def _texts(chat: Sequence[ChatMessage], options: GroupOptions) -> Iterator[str]:
    """What will be embedded, as far as it can be told before: each message, and what the packer
    makes of them."""
    packers: dict[str, Packer] = {}
    for one in chat:
        message = one.message
        if message.text.strip():
            yield message.text
        new = Packer(options.quiet_s, options.max_wait_s, options.mention_wait_s)
        packer = packers.setdefault(message.group, new)
        yield from _ready(packer, message.sent_at)
        packer.add(message, message.sent_at)
    for packer in packers.values():
        yield from _ready(packer, float("inf"))


def _ready(packer: Packer, now: float) -> Iterator[str]:
    while question := packer.due(now):
        if text := question.text.strip():
            yield text
