"""What happens to a message from its arrival to its answer: the only place that knows all parts.

receive: store -> command, or the group's worker
triage:  muted? -> the first half of the pipeline, with what was said before
respond: repeated? -> the second half -> flood control -> record -> post
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from adapters.base import (
    Adapter,
    AdapterError,
    Decision,
    Event,
    IncomingMessage,
    MessageRecalled,
    Reply,
)
from bot.admin import parse_command
from bot.clock import Clock
from bot.commands import Commands, Request
from bot.context import in_context
from bot.dispatch import Dispatcher
from bot.drafts import drafting
from bot.flood import Flood, answers
from bot.metrics import Metrics
from bot.notices import notice, speaks_chinese
from bot.outbox import Outbox
from bot.pipeline import Pipeline
from bot.presentation import DECLINED, answer_text, decline_text
from bot.store import Store
from bot.trace import stage
from bot.types import Answer, Group, Outcome, Question, Reason, Silence, Trace
from bot.worker import Case, Timing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Manners:
    """How the bot behaves; from the sections `bot`, `flood` and `admin` of the configuration."""

    language: str = "auto"
    when_unknown: str = "say"
    repeat_similarity: float = 0.92
    human_similarity: float = 0.45
    resume_max_age_s: float = 3600.0
    command_prefix: str = "/dou"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the bot works with."""

    pipeline: Pipeline
    store: Store
    outbox: Outbox
    flood: Flood
    commands: Commands
    adapters: Mapping[str, Adapter]
    clock: Clock
    metrics: Metrics


class Bot:
    """Receives from every adapter, and is the desk at which the workers' cases are decided."""

    def __init__(self, parts: Parts, manners: Manners, timing: Timing) -> None:
        self._p, self._manners = parts, manners
        self.dispatcher = Dispatcher(self, parts.clock, timing)

    async def receive(self, event: Event) -> bool:
        """Stores an event and sets it on its way; False when it was known. Returns once it is on
        disk: the adapter may acknowledge it then."""
        if isinstance(event, MessageRecalled):
            return await self._recalled(event)
        if not await self._p.store.add_message(event, self._p.clock.now()):
            self._p.metrics.duplicates.labels(event.adapter).inc()
            return False
        self._p.metrics.messages.labels(event.adapter).inc()
        if parse_command(event.text, self._manners.command_prefix):
            self.dispatcher.spawn(self.obey(event))
            return True
        dropped = self.dispatcher.offer(event)
        if dropped:
            await self.dismiss((dropped,), Reason.QUEUE_FULL, [])
        return True

    async def obey(self, message: IncomingMessage) -> None:
        """Does what an admin command asks for and answers it."""
        command = parse_command(message.text, self._manners.command_prefix)
        if command is None:
            return
        request = Request(
            adapter=message.adapter,
            group=message.group,
            user=f"{message.adapter}:{message.user}",
            command=command,
            message_id=message.message_id,
            reply_to=message.reply_to,
            chinese=speaks_chinese(self._manners.language, message.text),
        )
        question = Question(message.text, message.mention, (message,))

        async def say(text: str) -> None:
            reply = self._reply(message, text)
            await self._p.store.add_reply(message.adapter, reply, self._p.clock.now())
            await self._p.outbox.post(message.adapter, reply)

        text = await self._p.commands.run(request, say)
        await self._settle(question, Silence(Reason.COMMAND), [], self._reply(message, text))

    async def triage(self, case: Case) -> bool:
        """True when the question should be answered; else the case is decided and recorded."""
        question, now = case.question, self._p.clock.now()
        silence: Silence | None = None
        if await self._p.store.muted_until(*_group(question), now):
            silence = Silence(Reason.MUTED)
        else:
            if self._p.pipeline.llm:
                question = await in_context(question, self._p.store)
            triaged = await self._p.pipeline.triage(question, case.trace)
            if isinstance(triaged, Silence):
                silence = triaged
            else:
                case.question = triaged
        if silence:
            await self._conclude(question, silence, case.trace)
        return silence is None

    async def respond(self, case: Case) -> None:
        """Answers or declines, records the decision, then posts."""
        question = case.question
        if await self._points_back(question, case.trace):
            return
        adapter = self._p.adapters.get(question.last.adapter)
        # An answer that nobody asked for is not shown half-done.
        watched = drafting(adapter, question.last) if adapter and question.mention else None
        async with watched or nullcontext() as show:
            outcome = await self._p.pipeline.respond(question, case.trace, show)
            if isinstance(outcome, Answer) and not question.mention:
                outcome = self._budgeted(question, outcome)
            await self._conclude(question, outcome, case.trace)

    async def dismiss(
        self, messages: Sequence[IncomingMessage], reason: Reason, trace: Trace
    ) -> None:
        """Records that messages stay unanswered."""
        if reason is Reason.QUEUE_FULL:
            self._p.metrics.dropped.inc(len(messages))
        question = Question(
            "\n".join(m.text for m in messages), mention=False, messages=tuple(messages)
        )
        await self._conclude(question, Silence(reason), trace)

    async def settles(self, case: Case, message: IncomingMessage) -> bool:
        """Did a person just answer this question?"""
        question = case.question
        if question.mention or message.user == question.last.user or message.mention:
            return False
        similarity = (await self._p.pipeline.knowledge.similarity(question.text, [message.text]))[0]
        return answers(question, message, similarity, self._manners.human_similarity)

    async def backlog(self, group: Group) -> Sequence[IncomingMessage]:
        """Undecided messages of a group that are young enough to answer, oldest first."""
        now, age = self._p.clock.now(), self._manners.resume_max_age_s
        backlog = await self._p.store.backlog(group, now, age)
        return [m for m in backlog if not parse_command(m.text, self._manners.command_prefix)]

    async def resume(self) -> int:
        """After a start: dismisses what is too old, and takes up the rest. Replies that were
        recorded but perhaps not sent go out again under their key. Returns how many."""
        store, now = self._p.store, self._p.clock.now()
        age = self._manners.resume_max_age_s
        await store.dismiss_stale(now, age)
        messages, replies = await store.unfinished(now, age)
        for adapter, reply in replies:
            await self._p.outbox.post(adapter, reply)
        for message in messages:
            if parse_command(message.text, self._manners.command_prefix):
                self.dispatcher.spawn(self.obey(message))
            else:
                self.dispatcher.offer(message)
        return len(messages) + len(replies)

    async def _recalled(self, event: MessageRecalled) -> bool:
        """The message is blanked, no longer considered, and its answer is withdrawn."""
        store = self._p.store
        self.dispatcher.recall((event.adapter, event.group), event.message_id)
        known = await store.recall_message(event.adapter, event.message_id, self._p.clock.now())
        answer = await store.reply_for(event.adapter, event.message_id)
        if answer is not None and answer.platform_id:
            await self._withdraw(event.adapter, event.group, answer.key, answer.platform_id)
        return known

    async def _withdraw(self, adapter: str, group: str, key: str, platform_id: str) -> None:
        try:
            await self._p.outbox.withdraw(adapter, group, key, platform_id)
        except AdapterError as error:
            log.error("withdrawing reply %s from %s failed: %r", key, adapter, error)
        self._p.flood.forget((adapter, group), key)

    async def _points_back(self, question: Question, trace: Trace) -> bool:
        """A near-identical question was answered lately: points to that answer instead."""
        group, now = _group(question), self._p.clock.now()
        earlier = self._p.flood.answered(group, now)
        if not earlier:
            return False
        with stage(trace, "repeated") as figures:
            texts = [entry.text for entry in earlier]
            cosines = await self._p.pipeline.knowledge.similarity(question.text, texts)
            best = max(range(len(earlier)), key=lambda index: cosines[index])
            figures["similarity"] = round(cosines[best], 3)
            figures["threshold"] = self._manners.repeat_similarity
            if cosines[best] < self._manners.repeat_similarity:
                return False
        outcome: Outcome = Silence(Reason.REPEATED)
        reply = None
        if question.mention or isinstance(self._budgeted(question, Answer("", ())), Answer):
            first = earlier[best]
            chinese = self._chinese(question)
            text = notice(
                "repeated", chinese, user=first.user, excerpt=first.answer.split("\n")[0][:80]
            )
            reply = replace(self._reply(question.last, text), citations=first.citations)
        await self._settle(question, outcome, trace, reply)
        return True

    def _budgeted(self, question: Question, answer: Answer) -> Outcome:
        """An unprompted answer costs a token of its group and starts its person's pause."""
        refused = self._p.flood.refuses(_group(question), question.last.user, self._p.clock.now())
        return Silence(refused) if refused else answer

    async def _conclude(self, question: Question, outcome: Outcome, trace: Trace) -> None:
        """Records a decision and posts what belongs to it."""
        last, chinese = question.last, self._chinese(question)
        reply: Reply | None = None
        if isinstance(outcome, Answer):
            text = answer_text(outcome, chinese)
            reply = replace(self._reply(last, text, "answer"), citations=outcome.citations)
        elif question.mention and outcome.reason in DECLINED:
            reply = self._decline(last, trace, chinese)
        posted = await self._settle(question, outcome, trace, reply)
        if posted and reply and isinstance(outcome, Answer):
            self._p.flood.remember(_group(question), question, reply, self._p.clock.now())

    def _decline(self, message: IncomingMessage, trace: Trace, chinese: bool) -> Reply | None:
        match self._manners.when_unknown:
            case "say":
                return self._reply(message, decline_text(trace, chinese))
            case "react":
                return self._reply(message, notice("react", chinese), "reaction")
            case _:
                return None

    async def _settle(
        self, question: Question, outcome: Outcome, trace: Trace, reply: Reply | None
    ) -> bool:
        """Records a decision with its reply in one transaction, and only then posts. True when
        the reply was posted; nothing is when the messages were recalled in the meantime."""
        answered = isinstance(outcome, Answer)
        reason = Reason.ANSWERED if isinstance(outcome, Answer) else outcome.reason
        kind = "answer" if answered else "silence"
        adapter, group = _group(question)
        ids = tuple(message.message_id for message in question.messages)
        recorded = await self._p.store.decide(
            adapter=adapter, group=group, message_ids=ids, outcome=kind, reason=reason,
            trace=trace, reply=reply, now=self._p.clock.now(),
        )  # fmt: skip
        if recorded is None:
            return False
        self._p.metrics.decisions.labels(kind, reason).inc()
        for entry in trace:
            self._p.metrics.stage_seconds.labels(entry["stage"]).observe(entry["ms"] / 1000)
        log.info("%s/%s %s: %s (%s)", adapter, group, ids[-1], kind, reason)
        platform_id = await self._p.outbox.post(adapter, reply) if reply else None
        if reply and platform_id and await self._p.store.is_recalled(adapter, ids[-1]):
            # The question was taken back while its answer was on the way.
            await self._withdraw(adapter, group, reply.key, platform_id)
            platform_id = None
        if adapter in self._p.adapters:
            await self._p.adapters[adapter].show(Decision(group, ids, kind, reason, tuple(trace)))
        return platform_id is not None

    def _reply(self, message: IncomingMessage, text: str, kind: str = "notice") -> Reply:
        return Reply(uuid.uuid4().hex, message.group, message.message_id, text, kind)

    def _chinese(self, question: Question) -> bool:
        return speaks_chinese(self._manners.language, question.text)


def _group(question: Question) -> Group:
    return question.last.adapter, question.last.group
