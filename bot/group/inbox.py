"""What happens to an event first: it is on disk before anything else, and before the platform is
told that it arrived.

The reception opens before the index is loaded: what comes until then is stored, and taken up when
the bot is ready.
"""

from dataclasses import dataclass
from typing import Protocol

from adapters.base import (
    BotMoved,
    Event,
    Feedback,
    IncomingMessage,
    MessageEdited,
    MessageRecalled,
    RecallAsked,
)
from bot.group.delivery import Clerk
from bot.metrics import Metrics
from bot.store.store import Store
from bot.types import Group, Question, Reason, Silence
from common.clock import Clock
from common.hours import Hours
from common.tasks import Tasks


class Desk(Protocol):
    """Who is handed the messages that are to be considered."""

    async def take(self, message: IncomingMessage) -> None:
        """Sets a stored message on its way."""
        ...

    def changed(self, group: Group, message_id: str, text: str | None) -> None:
        """A message says something else now, or with None is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What is older than `max_age_s` is not answered. With `keep_for_opening` unprompted
    messages from outside working hours wait for the opening, else they are dropped. With
    `recall_with_question` an answer goes when its question does."""

    max_age_s: float = 3600.0
    keep_for_opening: bool = False
    recall_with_question: bool = True


class Reception:
    """Takes in the events of all adapters."""

    def __init__(
        self,
        store: Store,
        clerk: Clerk,
        hours: Hours,
        rules: Rules,
        clock: Clock,
        metrics: Metrics,
        tasks: Tasks,
    ) -> None:
        self._store, self._clerk, self._hours, self._rules = store, clerk, hours, rules
        self._clock, self._metrics, self._tasks = clock, metrics, tasks
        self._desk: Desk | None = None

    def open(self, desk: Desk) -> None:
        """From now on messages are handed over at once."""
        self._desk = desk

    def close(self) -> None:
        """From now on messages are only stored, for the next start."""
        self._desk = None

    async def receive(self, event: Event) -> bool:
        """Stores an event and sets it on its way; False when it was known. Returns once it is on
        disk: the adapter may acknowledge it then."""
        match event:
            case IncomingMessage():
                return await self._message(event)
            case MessageRecalled():
                return await self._recalled(event)
            case MessageEdited():
                return await self._edited(event)
            case Feedback():
                return await self._judged(event)
            case RecallAsked():
                return await self._recall_asked(event)
            case BotMoved():
                await self._store.moved(event)
                return True

    async def _message(self, message: IncomingMessage) -> bool:
        now = self._clock.now()
        sent_at = min(now, message.sent_at)
        kept = not message.mention and self._rules.keep_for_opening
        due_at = self._hours.opens_at(now) if kept and not self._hours.is_open(now) else sent_at
        if not await self._store.add_message(message, now, due_at):
            self._metrics.duplicates.labels(message.adapter).inc()
            return False
        self._metrics.messages.labels(message.adapter).inc()
        if now - sent_at > self._rules.max_age_s:
            question = Question(message.text, message.mention, (message,))
            await self._clerk.settle(question, Silence(Reason.STALE), [], None)
        elif due_at <= now and self._desk:
            await self._desk.take(message)
        return True

    async def _edited(self, event: MessageEdited) -> bool:
        changed = await self._store.edit_message(event.adapter, event.message_id, event.text)
        if changed and self._desk:
            self._desk.changed((event.adapter, event.group), event.message_id, event.text)
        return changed

    async def _recalled(self, event: MessageRecalled) -> bool:
        """The message is blanked, no longer considered, and its answer is withdrawn."""
        if self._desk:
            self._desk.changed((event.adapter, event.group), event.message_id, None)
        known = await self._store.recall_message(event.adapter, event.message_id, self._clock.now())
        answer = await self._store.reply_for(event.adapter, event.message_id)
        if answer and answer.platform_id and self._rules.recall_with_question:
            self._tasks.spawn(
                self._clerk.withdraw_or_log(
                    event.adapter, event.group, answer.key, answer.platform_id
                )
            )
        return known

    async def _judged(self, event: Feedback) -> bool:
        known = await self._store.vote(event)
        if known:
            self._metrics.feedback.labels(event.adapter, event.vote).inc()
        return known

    async def _recall_asked(self, event: RecallAsked) -> bool:
        found = await self._store.reply_by_platform_id(event.adapter, event.reply_id)
        if found is None or found.group != event.group:
            return False
        self._tasks.spawn(
            self._clerk.withdraw_or_log(event.adapter, event.group, found.key, found.platform_id)
        )
        return True
