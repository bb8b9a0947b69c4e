"""Decides the questions of all groups.

triage:  muted? meant for somebody else? -> the first half of the pipeline, with what was said
respond: still there? repeated? -> the second half -> flood control -> delivery
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.base import EVERYBODY, IncomingMessage
from adapters.contract import Adapter
from bot.answering.heuristics import answers, settles, speaks_to_somebody
from bot.answering.pipeline import Pipeline
from bot.group.context import (
    FRESH_S,
    as_it_is_now,
    chinese_is_spoken,
    in_context,
    with_pictures,
    with_what_it_leans_on,
)
from bot.group.delivery import Delivery, mode_of, silenced
from bot.group.duplicates import Duplicates
from bot.group.flood import Flood
from bot.group.replies import decision_reply, repeat_reply
from bot.group.types import GroupOptions, PendingQuestion
from bot.llm.types import OnText
from bot.store.groups import Standing
from bot.store.store import Store
from bot.types import Answer, Outcome, Question, Reason, Silence, Trace
from common.clock import Clock
from common.language import has_letters
from common.small_talk import NODS, small_talk
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)

ANSWERED_WITHIN_S = 3600.0
"""So long after the bot would have answered, a person's answer is taken to be one instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionHandler:
    """The `Handler` of the bot. Several questions are decided at once."""

    pipeline: Pipeline
    duplicates: Duplicates
    flood: Flood
    delivery: Delivery
    store: Store
    adapters: Mapping[str, Adapter]
    options: GroupOptions
    clock: Clock

    async def triage(self, pending: PendingQuestion) -> bool:
        """True when the question should be answered; else it is decided and recorded."""
        if pending.question.mention and not await self._is_there(pending):
            return False
        question = pending.question
        standing = await self.store.standing(*question.group, self.clock.now())
        if reason := self._not_for_us(question, standing):
            await self._conclude(question, Silence(reason), pending.trace)
            return False
        question = replace(question, sources=standing.sources)
        if self.pipeline.llm:
            question = await in_context(question, self.store)
        question = await with_what_it_leans_on(question, self.store, self.options.command_prefix)
        triaged = await pending.off.unless(self.pipeline.triage(question, pending.trace))
        if isinstance(triaged, Question):
            pending.question = triaged
            return True
        await self._end(pending, question, triaged)
        return False

    async def answered_by(self, pending: PendingQuestion, message: IncomingMessage) -> bool:
        """Did a person just answer this question, or its asker settle it?"""
        question = pending.question
        if question.mention:
            return False
        if message.user == question.last.user and not message.mention:
            later = message.sent_at >= question.last.sent_at
            return later and (settles(message.text) or small_talk(message.text) in NODS)
        return await self._is_answer(question, message)

    async def heard(self, message: IncomingMessage) -> None:
        """Notes that a person answered what the bot had an answer to and kept it to itself."""
        group, now = (message.adapter, message.group), self.clock.now()
        for draft in await self.store.open_drafts(group, now - ANSWERED_WITHIN_S):
            if await self._is_answer(draft.question, message):
                await self.store.draft_answered(
                    draft.decision_id, message.message_id, message.sent_at
                )

    async def _is_answer(self, question: Question, message: IncomingMessage) -> bool:
        if message.user == question.last.user or message.mention:
            return False
        try:
            (similarity,) = await self.pipeline.knowledge.similarity(question.text, [message.text])
        except KnowledgeError as error:
            # A reply to the question counts all the same.
            log.warning("%s is compared with no question: %s", message.message_id, error)
            similarity = 0.0
        return answers(question, message, similarity, self.options.human_similarity)

    async def respond(self, pending: PendingQuestion) -> None:
        """Answers or declines, records the decision, then posts."""
        judged = pending.question
        while await self._is_there(pending):
            if pending.question is not judged:
                if not await self.triage(pending):
                    return
                judged = pending.question
            if await self._responded(pending):
                return

    async def _responded(self, pending: PendingQuestion) -> bool:
        """False when the question says something else by the time the answer is there."""
        question = pending.question
        async with self.duplicates.one_at_a_time(question):
            if await self._was_repeated(question, pending.trace):
                return True
            async with self.delivery.progress(question) as show:
                answering = self._answering(question, pending.trace, show)
                outcome = await pending.off.unless(answering)
                if outcome is not None and not await self._is_there(pending):
                    return True
                if pending.question is not question:
                    return False
                if isinstance(outcome, Answer):
                    outcome = self._unless_refused(question, outcome)
                await self._end(pending, question, outcome)
        return True

    async def _answering(self, question: Question, trace: Trace, show: OnText | None) -> Outcome:
        if self.pipeline.llm and self.pipeline.llm.sees:
            question = await with_pictures(question, self.adapters)
        return await self.pipeline.respond(question, trace, show)

    async def _is_there(self, pending: PendingQuestion) -> bool:
        """Goes on with the question as it stands in the group now; False when it was taken back."""
        now = self.clock.now()
        if now - pending.read_at >= FRESH_S:
            pending.read_at = now
            current = await as_it_is_now(pending.question, self.adapters, self.store, now)
            if current is None:
                return False
            pending.question = current
        return True

    def _not_for_us(self, question: Question, standing: Standing) -> Reason | None:
        """What keeps the bot silent whatever the question is about."""
        mode = mode_of(standing, self.options, self.clock.now())
        if reason := silenced(question, mode):
            return reason
        if standing.muted_until:
            return Reason.MUTED
        spoken_to = {person for m in question.messages for person in m.mentions} - {EVERYBODY}
        if question.mention:
            return None
        to_us = self.options.name in question.text
        somebody = spoken_to or (not to_us and speaks_to_somebody(question.text))
        return Reason.ADDRESSED if somebody else None

    async def _was_repeated(self, question: Question, trace: Trace) -> bool:
        """Was a near-identical question answered lately? Then this one is pointed to it."""
        earlier = await self.duplicates.answered(question, self.clock.now(), trace)
        if earlier is None:
            return False
        # Who called the bot while it still let people answer has the answer now.
        waited = not question.mention and earlier.at >= question.last.sent_at
        is_to_be_said = not waited and not self._refused(question)
        reply = repeat_reply(question, earlier, self.options) if is_to_be_said else None
        await self.delivery.settle(question, Silence(Reason.REPEATED), trace, reply)
        return True

    def _refused(self, question: Question) -> Reason | None:
        """What forbids to speak now; who asked the bot itself is always answered."""
        if question.mention:
            return None
        return self.flood.refuses(question.group, question.last.user, self.clock.now())

    def _unless_refused(self, question: Question, answer: Answer) -> Outcome:
        """The answer, unless it was given already or must not go out."""
        if self.duplicates.was_told(question, answer, self.clock.now()):
            return Silence(Reason.REPEATED)
        refused = self._refused(question)
        return Silence(refused) if refused else answer

    async def _end(
        self, pending: PendingQuestion, question: Question, outcome: Outcome | None
    ) -> None:
        """Concludes a question; one that was called off as what it was called off for."""
        if outcome is None and pending.reason:
            outcome = Silence(pending.reason)
        if outcome is not None:
            await self._conclude(question, outcome, pending.trace)

    async def _conclude(self, question: Question, outcome: Outcome, trace: Trace) -> None:
        options, last = self.options, question.last
        own = question.written if has_letters(question.written) else question.text
        chinese = await chinese_is_spoken(last, own, options.language, self.store)
        reply = None
        # A sticker or file in a group whose language nobody knows is not answered at all.
        if chinese is not None or not last.attachments:
            reply = decision_reply(question, outcome, trace, options, chinese=bool(chinese))
        await self.delivery.settle(question, outcome, trace, reply)
