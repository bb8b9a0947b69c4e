"""What becomes of a message that was stored: the only place that knows all parts.

take:    command, outside working hours, or the group's worker
triage:  muted? meant for somebody else? -> the first half of the pipeline, with what was said
respond: still there? repeated? -> the second half -> flood control -> record -> post
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from adapters.base import EVERYBODY, IncomingMessage, Reply
from adapters.contract import Adapter
from bot.answering.heuristics import answers
from bot.answering.pipeline import Pipeline
from bot.group.case import Case, Timing
from bot.group.command_parser import parse_command
from bot.group.commands import Commands, Request
from bot.group.context import as_it_is_now, in_context
from bot.group.delivery import Clerk, Outbox, at_work, reply_to
from bot.group.dispatcher import Dispatcher
from bot.group.duplicates import Turns
from bot.group.flood import Flood
from bot.metrics import Metrics
from bot.store.store import Store
from bot.texts.answers import DECLINED, answer_text, decline_text, excerpt
from bot.texts.notices import notice, speaks_chinese
from bot.types import Answer, Group, Outcome, Question, Reason, Silence, Trace, stage
from common.clock import Clock
from common.hours import Hours
from common.tasks import Tasks, unless

REREAD_AFTER_S = 10.0
"""A message that is older when it is to be answered is looked at again: it may have been changed
or taken back without the platform telling."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How the bot behaves; from the sections `bot`, `flood` and `admin` of the configuration."""

    language: str = "auto"
    when_unknown: str = "say"
    repeat_similarity: float = 0.8
    human_similarity: float = 0.45
    resume_max_age_s: float = 3600.0
    command_prefix: str = "/dou"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the bot works with."""

    pipeline: Pipeline
    store: Store
    outbox: Outbox
    clerk: Clerk
    flood: Flood
    commands: Commands
    hours: Hours
    adapters: Mapping[str, Adapter]
    clock: Clock
    metrics: Metrics
    tasks: Tasks


class Bot:
    """The desk at which the workers' cases are decided."""

    def __init__(self, parts: Parts, manners: Manners, timing: Timing) -> None:
        self._p, self._manners = parts, manners
        self._turns = Turns(parts.pipeline.knowledge, manners.repeat_similarity)
        self.dispatcher = Dispatcher(self, parts.clock, timing, parts.tasks)

    async def take(self, message: IncomingMessage) -> None:
        """Sets a stored message on its way."""
        if self._is_command(message):
            self._p.tasks.spawn(self.obey(message))
        elif not self._p.hours.is_open(self._p.clock.now()):
            self._p.tasks.spawn(self._closed(message))
        elif dropped := self.dispatcher.offer(message):
            await self.dismiss((dropped,), Reason.QUEUE_FULL, [])

    def changed(self, group: Group, message_id: str, text: str | None) -> None:
        """A message says something else now, or with None is gone."""
        if text is None:
            self.dispatcher.recall(group, message_id)
        else:
            self.dispatcher.edit(group, message_id, text)

    async def obey(self, message: IncomingMessage) -> None:
        """Does what an admin command asks for and answers it."""
        command = parse_command(message.text, self._manners.command_prefix)
        if command is None:
            return
        chinese = speaks_chinese(self._manners.language, message.text)
        user = f"{message.adapter}:{message.user}"
        request = Request(
            message.adapter, message.group, user, command, message.message_id, message.reply_to,
            chinese,
        )  # fmt: skip

        async def say(text: str) -> None:
            await self._p.clerk.say(message.adapter, reply_to(message, text, chinese=chinese))

        text = await self._p.commands.run(request, say)
        question = Question(message.text, message.mention, (message,))
        reply = reply_to(message, text, chinese=chinese)
        await self._p.clerk.settle(question, Silence(Reason.COMMAND), [], reply)

    async def triage(self, case: Case) -> bool:
        """True when the question should be answered; else the case is decided and recorded."""
        question = case.question
        if reason := await self._not_for_us(question):
            await self._conclude(question, Silence(reason), case.trace)
            return False
        question = replace(question, sources=await self._p.store.bound(*question.group))
        if self._p.pipeline.llm:
            question = await in_context(question, self._p.store)
        triaged = await unless(case.off, self._p.pipeline.triage(question, case.trace))
        if isinstance(triaged, Question):
            case.question = triaged
            return True
        await self._end(case, question, triaged)
        return False

    async def respond(self, case: Case) -> None:
        """Answers or declines, records the decision, then posts."""
        if not await self._still_asked(case):
            return
        question = case.question
        async with self._turns.after_the_same(question):
            if await self._points_back(question, case.trace):
                return
            adapter = self._p.adapters.get(question.last.adapter)
            # An answer that nobody asked for is not shown half-done.
            watched = at_work(adapter, question.last) if adapter and question.mention else None
            async with watched or nullcontext() as show:
                answering = self._p.pipeline.respond(question, case.trace, show)
                outcome = await unless(case.off, answering)
                if isinstance(outcome, Answer) and not question.mention:
                    outcome = self._budgeted(question, outcome)
                await self._end(case, question, outcome)

    async def dismiss(
        self, messages: Sequence[IncomingMessage], reason: Reason, trace: Trace
    ) -> None:
        """Records that messages stay unanswered."""
        if reason is Reason.QUEUE_FULL:
            self._p.metrics.dropped.inc(len(messages))
        text = "\n".join(m.text for m in messages)
        question = Question(text, mention=False, messages=tuple(messages))
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
        return [message for message in backlog if not self._is_command(message)]

    async def resume(self) -> int:
        """After a start: dismisses what is too old, and takes up the rest. Replies that were
        recorded but perhaps not sent are posted under their key, or given up where the platform
        might have them already. Returns how many there were."""
        store, now = self._p.store, self._p.clock.now()
        await store.dismiss_stale(now, self._manners.resume_max_age_s)
        messages, replies = await store.unfinished(now, self._manners.resume_max_age_s)
        for pending in replies:
            self._p.tasks.spawn(self._post_again(pending.adapter, pending.reply, pending.tried_at))
        for message in messages:
            await self.take(message)
        return len(messages) + len(replies)

    async def open_up(self) -> int:
        """Takes up what was kept for the working hours that begin now; how many messages."""
        kept = await self._p.store.kept(self._p.clock.now())
        for message in kept:
            await self.take(message)
        return len(kept)

    async def _post_again(self, adapter: str, reply: Reply, tried_at: float | None) -> None:
        await self._p.outbox.post(adapter, reply, tried_at)

    def _is_command(self, message: IncomingMessage) -> bool:
        return parse_command(message.text, self._manners.command_prefix) is not None

    async def _closed(self, message: IncomingMessage) -> None:
        """Outside working hours: one short line for who asked the bot itself, else silence."""
        question = Question(message.text, message.mention, (message,))
        reply = None
        if message.mention:
            chinese = self._chinese(question)
            opens = self._p.hours.shown(self._p.hours.opens_at(self._p.clock.now()))
            text = notice("closed", chinese, opens=opens)
            reply = reply_to(message, text, chinese=chinese)
        await self._p.clerk.settle(question, Silence(Reason.CLOSED), [], reply)

    async def _not_for_us(self, question: Question) -> Reason | None:
        """What keeps the bot silent whatever the question is about."""
        if await self._p.store.muted_until(*question.group, self._p.clock.now()):
            return Reason.MUTED
        spoken_to = {person for m in question.messages for person in m.mentions} - {EVERYBODY}
        return Reason.ADDRESSED if spoken_to and not question.mention else None

    async def _end(self, case: Case, question: Question, outcome: Outcome | None) -> None:
        """Records what became of a case; of one that was called off what it was called off for."""
        if outcome is None and case.reason:
            outcome = Silence(case.reason)
        if outcome is not None:
            await self._conclude(question, outcome, case.trace)

    async def _still_asked(self, case: Case) -> bool:
        """Looks again at messages that have waited. False when that decided the case."""
        question, now = case.question, self._p.clock.now()
        adapter = self._p.adapters.get(question.last.adapter)
        if adapter is None or now - question.last.sent_at < REREAD_AFTER_S:
            return True
        current = await as_it_is_now(question, adapter, self._p.store, now)
        if current is None or current is question:
            return current is not None
        case.question = current
        return await self.triage(case)

    async def _points_back(self, question: Question, trace: Trace) -> bool:
        """A near-identical question was answered lately: points to that answer instead."""
        earlier = self._p.flood.answered(question.group, self._p.clock.now())
        if not earlier:
            return False
        with stage(trace, "repeated") as figures:
            texts = [entry.text for entry in earlier]
            cosines = await self._p.pipeline.knowledge.alike(question.text, texts)
            best = max(range(len(earlier)), key=lambda index: cosines[index])
            figures["similarity"] = round(cosines[best], 3)
            figures["threshold"] = self._manners.repeat_similarity
            if cosines[best] < self._manners.repeat_similarity:
                return False
        reply = None
        if question.mention or isinstance(self._budgeted(question, Answer("", ())), Answer):
            chinese = self._chinese(question)
            text = notice("repeated", chinese, excerpt=excerpt(earlier[best].answer))
            reply = reply_to(
                question.last, text, chinese=chinese, citations=earlier[best].citations
            )
        await self._p.clerk.settle(question, Silence(Reason.REPEATED), trace, reply)
        return True

    def _budgeted(self, question: Question, answer: Answer) -> Outcome:
        """An unprompted answer costs a token of its group and starts its person's pause."""
        refused = self._p.flood.refuses(question.group, question.last.user, self._p.clock.now())
        return Silence(refused) if refused else answer

    async def _conclude(self, question: Question, outcome: Outcome, trace: Trace) -> None:
        """Records a decision and posts what belongs to it."""
        last, chinese = question.last, self._chinese(question)
        reply: Reply | None = None
        if isinstance(outcome, Answer):
            text = answer_text(outcome, chinese)
            reply = reply_to(last, text, "answer", chinese=chinese, citations=outcome.citations)
        elif question.mention and outcome.reason in DECLINED:
            reply = self._decline(last, outcome.reason, trace, chinese=chinese)
        posted = await self._p.clerk.settle(question, outcome, trace, reply)
        if posted and reply and isinstance(outcome, Answer):
            self._p.flood.remember(question.group, question, reply, self._p.clock.now())

    def _decline(
        self, message: IncomingMessage, reason: Reason, trace: Trace, *, chinese: bool
    ) -> Reply | None:
        match self._manners.when_unknown:
            case "say":
                return reply_to(message, decline_text(trace, chinese, reason), chinese=chinese)
            case "react":
                return reply_to(message, notice("react", chinese), "reaction", chinese=chinese)
            case _:
                return None

    def _chinese(self, question: Question) -> bool:
        return speaks_chinese(self._manners.language, question.text)
