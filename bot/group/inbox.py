"""What happens to an event first: it is on disk before anything else, and before the platform is
told that it arrived. Then a message goes on its way, in `_hand_on`.

The inbox works before the index is loaded: commands are obeyed, and the rest is stored until it
is opened.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from adapters.base import (
    BotMoved,
    Event,
    Feedback,
    IncomingMessage,
    Labelled,
    MessageEdited,
    MessageRecalled,
    RecallAsked,
)
from bot.group.command_parser import parse_command
from bot.group.commands import Commands
from bot.group.context import chinese_is_spoken
from bot.group.delivery import Delivery, reply_to
from bot.group.dispatcher import Dispatcher
from bot.group.labels import label_by_recall, label_by_vote, label_message
from bot.group.types import GroupOptions
from bot.metrics import Metrics
from bot.store.early import Early
from bot.store.examples import Origin
from bot.store.store import Store
from bot.texts.notices import notice
from bot.types import Group, Question, Reason, Silence
from common.clock import Clock
from common.hours import Hours
from common.tasks import Tasks

LOOK_S = 2.0
"""So often it is asked whether others know by now where their replies stand."""


@dataclass(slots=True, kw_only=True, eq=False)
class Inbox:
    """Takes in the events of all adapters."""

    store: Store
    commands: Commands
    delivery: Delivery
    hours: Hours
    options: GroupOptions
    clock: Clock
    metrics: Metrics
    tasks: Tasks
    group: Group | None = None
    """The only one whose messages are taken up, where there are others who do so for theirs."""
    _dispatcher: Dispatcher | None = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)
    _behind: dict[Group, list[IncomingMessage]] = field(default_factory=dict, init=False)
    """What came after a command that does not count yet, by group."""

    async def open(self, dispatcher: Dispatcher) -> None:
        """From now on messages are handed on at once, those first that an earlier run or the time
        of loading left undecided; what is too old is dismissed."""
        await self._take_up(dispatcher)
        for early in await self.store.early_events(self.group):
            posting = self.delivery.outbox.posting(early.event.adapter, early.event.group)
            elsewhere = await self._posted_elsewhere(early.event)
            self.tasks.spawn(self._once_known(early, posting, elsewhere))

    async def take_up(self) -> None:
        """Hands on what is stored and undecided, as the disk was full for instance; what is on its
        way already stays there."""
        if self._dispatcher:
            await self._take_up(self._dispatcher)

    async def _take_up(self, dispatcher: Dispatcher) -> None:
        age = self.options.max_age_s
        await self.store.dismiss_stale(self.clock.now(), age, self.group)
        # The store answers in the order in which it was asked: what was added before is among
        # these, if it was before this now, and who adds something later finds the inbox open.
        # Nothing is awaited until all are handed on, so that what comes in meanwhile does not
        # overtake them.
        messages = await self.store.undecided(self.clock.now(), age, self.group)
        self._dispatcher, self._closed = dispatcher, False
        await self._hand_on_all(messages)

    async def open_hours(self) -> int:
        """Takes up what was kept for the working hours that begin now; how many messages."""
        kept = await self.store.kept(self.clock.now(), self.group)
        await self._hand_on_all(kept)
        return len(kept)

    def close(self) -> None:
        """From now on messages are only stored, for the next start."""
        self._dispatcher, self._closed = None, True

    async def receive(self, event: Event) -> bool:
        """Stores an event and sets it on its way; False when it was known. Returns once it is on
        disk: the adapter may acknowledge it then. What was begun is done to its end though its
        connection breaks: the event is known when it comes again, and would be left lying."""
        return await asyncio.shield(self._receive(event))

    async def _receive(self, event: Event) -> bool:
        match event:
            case IncomingMessage():
                return await self._message(event)
            case MessageRecalled():
                return await self._recalled(event)
            case MessageEdited():
                return await self._edited(event)
            case Feedback() | RecallAsked():
                return await self._told_of(event)
            case Labelled():
                return await self._labelled(event)
            case BotMoved():
                await self.store.bot_moved(event)
                return True

    async def _message(self, message: IncomingMessage) -> bool:
        now = self.clock.now()
        sent_at = min(now, message.sent_at)
        kept = not message.mention and self.options.keep_for_opening
        due_at = self.hours.opens_at(now) if kept and not self.hours.is_open(now) else sent_at
        others = self._of_the_same_kind(message.adapter)
        new = await self.store.add_copy(message, now, due_at, others)
        if new is False:
            self.metrics.duplicates.labels(message.adapter).inc()
            return False
        self.metrics.messages.labels(message.adapter).inc()
        if new is None:
            self.metrics.decisions.labels("silence", Reason.OTHER_BOT).inc()
        elif now - sent_at > self.options.max_age_s:
            await self.delivery.dismiss((message,), Reason.STALE)
        elif due_at <= now and (dropped := self._hand_on(message)):
            await self.delivery.dismiss((dropped,), Reason.QUEUE_FULL)
        return True

    def _of_the_same_kind(self, name: str) -> Sequence[str]:
        """The other bots on the same platform: they may be in the same groups."""
        adapters = self.delivery.adapters
        kind = adapters[name].platform if name in adapters else None
        return [other for other, one in adapters.items() if other != name and one.platform is kind]

    def _hand_on(self, message: IncomingMessage) -> IncomingMessage | None:
        """The ways of a stored message: a command is obeyed at any hour; until the inbox is open
        the rest stays in the store; then what comes outside working hours is told so, and what
        comes within them waits in its group's queue, for which the oldest may have to go: it is
        returned then."""
        if self._closed:
            return None
        group = (message.adapter, message.group)
        if group in self._behind:
            self._behind[group].append(message)
            return None
        command = parse_command(message.text, self.options.command_prefix)
        if command is not None:
            if counts := self.commands.obey(message, command):
                self._behind[group] = []
                self.tasks.spawn(self._go_on(group, counts))
        elif self._dispatcher and self.hours.is_open(self.clock.now()):
            return self._dispatcher.offer(message)
        elif self._dispatcher:
            self.tasks.spawn(self._say_closed(message))
        return None

    async def _hand_on_all(self, messages: Sequence[IncomingMessage]) -> None:
        dropped = [self._hand_on(message) for message in messages]
        for message in filter(None, dropped):
            await self.delivery.dismiss((message,), Reason.QUEUE_FULL)

    async def _go_on(self, group: Group, counts: asyncio.Event) -> None:
        """Hands on what came after a command, once that counts."""
        await counts.wait()
        await self._hand_on_all(self._behind.pop(group))

    def _change(self, group: Group, message_id: str, text: str | None) -> None:
        """A message on its way says something else now, or with None is gone."""
        if waiting := self._behind.get(group):
            self._behind[group] = [
                replace(m, text=text or "") if m.message_id == message_id else m
                for m in waiting
                if text is not None or m.message_id != message_id
            ]
        if self._dispatcher:
            self._dispatcher.change(group, message_id, text)

    async def _say_closed(self, message: IncomingMessage) -> None:
        """One short line for who asked the bot itself, else silence."""
        reply = None
        if message.mention:
            language = self.options.language
            chinese = bool(await chinese_is_spoken(message, message.text, language, self.store))
            opens = self.hours.shown(self.hours.opens_at(self.clock.now()))
            reply = reply_to(message, notice("closed", chinese, opens=opens), chinese=chinese)
        question = Question(message.text, message.mention, (message,))
        await self.delivery.settle(question, Silence(Reason.CLOSED), [], reply)

    async def _edited(self, event: MessageEdited) -> bool:
        changed = await self.store.edit_message(event.adapter, event.message_id, event.text)
        if changed:
            self._change((event.adapter, event.group), event.message_id, event.text)
        return changed

    async def _recalled(self, event: MessageRecalled) -> bool:
        """The message is blanked, no longer considered, and its answer is withdrawn. It may come
        after its recall, where its first delivery failed."""
        adapter, group = event.adapter, event.group
        known = await self.store.recall_message(adapter, event.message_id, self.clock.now(), group)
        self._change((adapter, group), event.message_id, None)
        answer = await self.store.reply_for(event.adapter, event.message_id)
        if answer and answer.platform_id and self.options.recall_with_question:
            self.tasks.spawn(self.delivery.withdraw_or_log(answer))
        return known

    async def _told_of(self, event: Feedback | RecallAsked) -> bool:
        """A platform may tell of a reply before it tells us its id. Then it is kept until the id is
        known, beyond the end of the bot: the platform does not tell it again."""
        posting = self.delivery.outbox.posting(event.adapter, event.group)
        elsewhere = await self._posted_elsewhere(event)
        known = await self._heed(event)
        if (posting or elsewhere) and not known:
            early = await self.store.add_early(event)
            self.tasks.spawn(self._once_known(early, posting, elsewhere))
        return known

    async def _posted_elsewhere(self, event: Feedback | RecallAsked) -> set[str]:
        """What others are posting, one of which may be meant: Lark's reactions name no group, and
        each group has its own holder."""
        if self.group is None or event.group:
            return set()
        return await self.store.being_posted(event.adapter)

    async def _once_known(
        self, early: Early, posting: Sequence[asyncio.Event], elsewhere: set[str]
    ) -> None:
        for event in posting:
            await event.wait()
        while elsewhere:
            await self.clock.wait(asyncio.Event(), self.clock.now() + LOOK_S)
            elsewhere &= await self.store.being_posted(early.event.adapter)
        await self._heed(early.event)
        await self.store.drop_early(early)

    async def _heed(self, event: Feedback | RecallAsked) -> bool:
        return await (self._vote(event) if isinstance(event, Feedback) else self._take_back(event))

    async def _vote(self, event: Feedback) -> bool:
        known = await self.store.vote(event)
        if known:
            await label_by_vote(self.store, event)
            self.metrics.feedback.labels(event.adapter, event.vote).inc()
        return known

    async def _labelled(self, event: Labelled) -> bool:
        found = await label_message(self.store, event, self.options.admins, Origin.CONSOLE)
        return found is not None

    async def _take_back(self, event: RecallAsked) -> bool:
        found = await self.store.reply_by_platform_id(event.adapter, event.reply_id)
        if found is None or found.reply.group != event.group:
            return False
        await label_by_recall(self.store, event, self.clock.now())
        self.tasks.spawn(self.delivery.withdraw_or_log(found))
        return True
