"""Records decisions and posts what belongs to them: the record comes first, always."""

import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.base import AdapterError, Citation, Decision, IncomingMessage, Reply
from adapters.contract import Adapter
from bot.grounding.sanitize import harmless
from bot.group.duplicates import RecentAnswers
from bot.group.outbox import Outbox
from bot.group.types import GroupOptions
from bot.llm.types import OnText
from bot.metrics import Metrics
from bot.store.groups import Standing
from bot.store.replies import StoredReply
from bot.store.store import Store
from bot.texts.notices import notice
from bot.tracing import Tracing
from bot.types import Answer, Group, Mode, Outcome, Question, Reason, Silence, Trace
from common.clock import Clock
from common.tasks import Tasks

log = logging.getLogger(__name__)

COPIED_CHARS = 200
"""So much of a question goes along with the copy of its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The one way in which decisions get into the store and replies into groups."""

    store: Store
    outbox: Outbox
    recent: RecentAnswers
    adapters: Mapping[str, Adapter]
    clock: Clock
    options: GroupOptions
    metrics: Metrics
    tasks: Tasks
    tracing: Tracing | None = None
    group: Group | None = None
    """The only one whose replies are taken up, where there are others who do so for theirs."""

    async def mode(self, group: Group) -> Mode:
        """What the bot does in a group."""
        now = self.clock.now()
        return mode_of(await self.store.standing(*group, now), self.options, now)

    async def settle(
        self, question: Question, outcome: Outcome, trace: Trace, reply: Reply | None
    ) -> None:
        """Records a decision with its reply in one transaction, and only then posts; nothing is
        posted when the messages were recalled in the meantime. Where the group's mode forbids to
        speak, the reply to all but a command is kept as a draft, or dropped."""
        draft = None
        if reply and outcome != Silence(Reason.COMMAND):
            outcome, reply, draft = await self._as_the_mode_has_it(question, outcome, reply)
        answered, reason = isinstance(outcome, Answer), outcome.reason
        kind = "answer" if answered else "silence"
        adapter, group = question.group
        ids = tuple(message.message_id for message in question.messages)
        recorded = await self.store.decide(
            adapter=adapter,
            group=group,
            message_ids=ids,
            outcome=kind,
            reason=reason,
            trace=trace,
            reply=reply,
            draft=draft,
            now=self.clock.now(),
        )
        if recorded is None:
            return
        self._count(question, kind, reason, trace)
        log.info("%s/%s %s: %s (%s)", adapter, group, ids[-1], kind, reason)
        posted = reply is not None and await self._posted(question, reply)
        if adapter in self.adapters:
            await self.adapters[adapter].show(Decision(group, ids, kind, reason, tuple(trace)))
        if posted and reply and answered:
            self.recent.remember(question, reply, self.clock.now())
            await self._copy(question, reply)

    async def dismiss(
        self, messages: Sequence[IncomingMessage], reason: Reason, trace: Trace | None = None
    ) -> None:
        """Records that messages stay unanswered, which nobody is told."""
        if reason is Reason.QUEUE_FULL:
            self.metrics.dropped.inc(len(messages))
        text = "\n".join(message.text for message in messages)
        question = Question(text, mention=False, messages=tuple(messages))
        await self.settle(question, Silence(reason), trace or [], None)

    def names_only(self, adapter: str) -> bool:
        """Is whoever writes there only who they say they are?"""
        return adapter in self.adapters and self.adapters[adapter].names_only

    async def say(self, adapter: str, reply: Reply) -> None:
        """Records and posts a line that belongs to no decision."""
        await self.store.add_reply(adapter, reply, self.clock.now())
        await self.outbox.post(adapter, reply)

    async def resume(self, max_age_s: float) -> None:
        """Posts what an earlier run recorded and perhaps did not send, under the same keys; gives
        up what is older than `max_age_s`, and what the platform might have already. To be called
        before anything else is posted."""
        await self.store.fail_stale(self.clock.now(), max_age_s, self.group)
        await self.take_up(max_age_s)

    async def take_up(self, max_age_s: float) -> None:
        """Posts what is recorded and not sent, as the disk was full for instance; what is on its
        way already stays there."""
        since = self.clock.now() - max_age_s
        for stored in await self.store.pending_replies(since, self.group):
            posting = self.outbox.post(stored.adapter, stored.reply, stored.tried_at)
            self.tasks.spawn(posting)

    async def withdraw(self, stored: StoredReply) -> None:
        """Takes a reply back; its question may be answered anew. Raises AdapterError."""
        await self.outbox.withdraw(stored.adapter, stored.reply, stored.platform_id)
        self.recent.forget((stored.adapter, stored.reply.group), stored.reply.key)

    async def withdraw_or_log(self, stored: StoredReply) -> None:
        """As `withdraw`, where there is nobody to tell."""
        try:
            await self.withdraw(stored)
        except AdapterError as error:
            log.error("withdrawing %s of %s failed: %r", stored.reply.key, stored.adapter, error)

    @asynccontextmanager
    async def progress(self, question: Question) -> AsyncIterator[OnText | None]:
        """Shows that the bot works on a question, and yields what shows the answer to it as far
        as it is; at the end both are taken away, whatever became of the answer. Yields None, and
        shows nothing, where nobody asked for an answer, none is to be posted, or the platform
        can't."""
        message, shown = question.last, ""
        adapter = self.adapters.get(message.adapter)
        if (
            adapter is None
            or not question.mention
            or await self.mode(question.group) is Mode.SHADOW
        ):
            yield None
            return

        async def show(text: str) -> None:
            nonlocal shown
            if text != shown:
                shown = text
                await adapter.draft(message.group, message.message_id, text)

        await adapter.thinking(message.group, message.message_id, on=True)
        try:
            yield show if adapter.streams else None
        finally:
            if shown:
                await adapter.draft(message.group, message.message_id, "")
            await adapter.thinking(message.group, message.message_id, on=False)

    async def _as_the_mode_has_it(
        self, question: Question, outcome: Outcome, reply: Reply
    ) -> tuple[Outcome, Reply | None, Reply | None]:
        """What is decided, what is posted, and what is only kept as a draft."""
        mode = await self.mode(question.group)
        if refused := silenced(question, mode):
            return Silence(refused), None, None
        if mode is Mode.SHADOW:
            drafted = isinstance(outcome, Answer)
            return Silence(Reason.SHADOW) if drafted else outcome, None, reply
        return outcome, reply, None

    def _count(self, question: Question, kind: str, reason: Reason, trace: Trace) -> None:
        self.metrics.decisions.labels(kind, reason).inc()
        for entry in trace:
            self.metrics.stage_seconds.labels(entry["stage"]).observe(entry["ms"] / 1000)
        if self.tracing:
            about = {"adapter": question.group[0], "outcome": kind, "reason": str(reason)}
            self.tracing.decided(trace, time.time(), **about, mention=question.mention)

    async def _posted(self, question: Question, reply: Reply) -> bool:
        adapter = question.last.adapter
        platform_id = await self.outbox.post(adapter, reply)
        if platform_id and await self.store.is_recalled(adapter, question.last.message_id):
            # The question was taken back while its answer was on the way.
            await self.withdraw_or_log(StoredReply(adapter, reply, "sent", platform_id))
            return False
        return platform_id is not None

    async def _copy(self, question: Question, reply: Reply) -> None:
        """Posts the answer also where the configuration wants a copy of it."""
        wanted = [name for name, a in self.adapters.items() if a.copies(*question.group)]
        if not wanted:
            return
        asked = harmless(" ".join(question.text.split()))[:COPIED_CHARS]
        text = notice("copied", reply.chinese, question=asked, answer=reply.text)
        for name in wanted:
            copy = Reply(
                key=uuid.uuid4().hex,
                group="",
                reply_to=None,
                text=text,
                citations=reply.citations,
                chinese=reply.chinese,
            )
            await self.store.add_reply(name, copy, self.clock.now())
            self.tasks.spawn(self.outbox.post(name, copy))


def reply_to(
    message: IncomingMessage,
    text: str,
    kind: str = "notice",
    *,
    chinese: bool,
    citations: tuple[Citation, ...] = (),
) -> Reply:
    """A new reply to a message."""
    return Reply(
        key=uuid.uuid4().hex,
        group=message.group,
        reply_to=message.message_id,
        text=text,
        kind=kind,
        citations=citations,
        user=message.user,
        thread=message.thread,
        chinese=chinese,
    )


def mode_of(standing: Standing, options: GroupOptions, now: float) -> Mode:
    """The mode of a group: what was set there, else shadow while the group is new, else the
    default."""
    chosen, since = standing.mode, standing.since
    if chosen:
        return Mode(chosen)
    is_new = since is None or now < since + options.shadow_s
    if options.shadow_s and is_new and options.mode is not Mode.OFF:
        return Mode.SHADOW
    return options.mode


def silenced(question: Question, mode: Mode) -> Reason | None:
    """Why a mode does not even let a question be considered."""
    if mode is Mode.OFF:
        return Reason.OFF
    return Reason.NOT_MENTIONED if mode is Mode.MENTION and not question.mention else None
