"""Conversations with the real bot: real index, real database, fake platform, fake time."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from adapters.base import Event, IncomingMessage, MessageRecalled, Reply
from bot.answering.pipeline import Pipeline
from bot.answering.settings import AnswerSettings
from bot.config.options import group_options
from bot.config.schema import Config, FloodSettings
from bot.daemon.app import Parts
from bot.daemon.assemble import parts_of, surround
from bot.daemon.compose import create_dispatcher, create_handler
from bot.group.dispatcher import Dispatcher
from bot.group.types import GroupOptions
from bot.llm.llm import Llm
from bot.store.database import Place
from bot.store.store import StoreError, open_store
from bot.tracing import Tracing
from bot.types import Group
from common.hours import Hours
from common.tasks import Tasks
from knowledge.base import KnowledgeBase
from tests.fakes.clock import FakeClock
from tests.fakes.recording_adapter import RecordingAdapter

GROUP = "kettle users"
OPTIONS = group_options(Config())
"""What the shipped configuration makes of a group."""


@dataclass(frozen=True)
class Setup:
    """What a test may change."""

    options: GroupOptions = OPTIONS
    burst: int = 3
    refill_s: float = 600.0
    cooldown_s: float = 60.0
    repeat_window_s: float = 86400.0
    admins: tuple[str, ...] = ("fake:root",)
    hours: Hours = Hours()
    config: Config = Config()
    store: Place | None = None
    group: Group | None = None


@dataclass
class Talk:
    """A running bot in one group."""

    parts: Parts
    dispatcher: Dispatcher
    adapter: RecordingAdapter
    clock: FakeClock
    seen: int = 0
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = self.parts
        self.inbox, self.delivery, self.store = parts.inbox, parts.delivery, parts.store
        self.tasks, self.metrics = parts.tasks, parts.metrics

    async def say(
        self,
        user: str,
        text: str,
        *,
        mention: bool = False,
        reply_to: str | None = None,
        message_id: str | None = None,
        group: str = GROUP,
        attachments: tuple[str, ...] = (),
        mentions: tuple[str, ...] = (),
        sent_ago_s: float = 0.0,
    ) -> str:
        """Posts a message and returns its id; "@bot " at the start mentions the bot."""
        if text.startswith("@bot "):
            text, mention = text.removeprefix("@bot "), True
        chosen = message_id or uuid.uuid4().hex
        event = IncomingMessage(
            adapter=self.adapter.name,
            group=group,
            user=user,
            message_id=chosen,
            text=text,
            sent_at=self.clock.now() - sent_ago_s,
            mention=mention,
            reply_to=reply_to,
            attachments=attachments,
            mentions=mentions,
        )
        await self.receive(event)
        self.ids.append(chosen)
        return chosen

    async def take_back(self, message_id: str, group: str = GROUP) -> None:
        """The author recalls a message."""
        await self.receive(MessageRecalled(self.adapter.name, group, message_id))

    async def receive(self, event: Event) -> bool:
        """An event comes from the platform."""
        return await self.inbox.receive(event)

    async def settle(self) -> None:
        """Waits until everybody is waiting for time to pass, or done."""
        turns = 0
        while self.tasks.active > self.clock.waiting:
            turns += 1
            # Threads and servers get the processor, too, when it is not our own turn that counts.
            await asyncio.sleep(0 if turns % 20 else 0.001)

    async def settle_once(self) -> None:
        """Lets everybody go on, and time pass until the first of them is due."""
        await asyncio.sleep(0.001)
        self.clock.jump()

    async def idle(self) -> None:
        """Lets time pass until the bot has nothing left to do."""
        while self.tasks.active:
            await self.settle()
            self.clock.jump()
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        """Lets some time pass."""
        await self.settle()
        self.clock.advance(seconds)
        await asyncio.sleep(0)
        await self.settle()

    def heard(self) -> Sequence[Reply]:
        """What the bot said since the last call."""
        new = self.adapter.sent[self.seen :]
        self.seen = len(self.adapter.sent)
        return new

    async def reason(self, message_id: str) -> str:
        """The recorded reason of the decision on a message."""
        found = await self.store.decision(self.adapter.name, message_id)
        assert found is not None
        return str(found["reason"])


@asynccontextmanager
async def talking(
    folder: Path,
    knowledge: KnowledgeBase,
    setup: Setup = Setup(),
    clock: FakeClock | None = None,
    adapter: RecordingAdapter | None = None,
    llm: Llm | None = None,
    others: Sequence[RecordingAdapter] = (),
    tracing: Tracing | None = None,
) -> AsyncIterator[Talk]:
    """A bot that runs on `folder`; entering it again is a restart."""
    clock, adapter = clock or FakeClock(), adapter or RecordingAdapter()
    flood = FloodSettings(
        burst=setup.burst,
        refill_s=setup.refill_s,
        person_cooldown_s=setup.cooldown_s,
        repeat_window_s=setup.repeat_window_s,
    )
    bot = setup.config.bot.model_copy(update={"data_dir": folder})
    config = setup.config.model_copy(update={"bot": bot, "flood": flood})
    async with open_store(setup.store or folder / "bot.sqlite") as store:
        adapters = {one.name: one for one in (adapter, *others)}
        around = await surround(config, clock, store, adapters, tracing)
        options = replace(setup.options, admins=setup.admins)
        around = replace(around, options=options, hours=setup.hours)
        tasks = Tasks(tolerated=StoreError)
        parts = await parts_of(around, store, adapters, tasks, setup.group)
        async with parts.tasks:
            handler = create_handler(parts, Pipeline(knowledge, AnswerSettings(), llm))
            dispatcher = create_dispatcher(parts, handler)
            parts.commands.open(knowledge)
            await parts.delivery.resume(parts.options.max_age_s)
            await parts.inbox.open(dispatcher)
            yield Talk(parts, dispatcher, adapter, clock)
            dispatcher.stop()
            await parts.tasks.drain(0.5)


Line = tuple[str, str, str | None]


async def verify_dialog(talk: Talk, lines: Sequence[Line]) -> None:
    """Each line is (who, what they say, words of the bot's one answer or None for silence)."""
    for user, text, expected in lines:
        await talk.say(user, text)
        await talk.idle()
        said = talk.heard()
        if expected is None:
            assert not said, f"{text!r} got {[reply.text for reply in said]}"
        else:
            assert len(said) == 1, f"{text!r} got {len(said)} replies"
            assert expected in said[0].text
