"""The pipeline of the HuixiangDou paper (arXiv 2401.08772), flat and in order.

    text      = preprocess(pack)              or Silence(NOT_A_QUESTION | SMALL_TALK)
    text      = rewrite(text, history)                                          (with a model)
    parts     = split_questions(text)         each goes its own way from here, into one answer
    verdict   = reject(text)                  or Silence(OFF_TOPIC)
    harmless  = intent(text)                  or Silence(NOT_A_QUESTION | UNSAFE) (with a model)
    asks      = may_ask(text), unprompted     or Silence(NOT_A_QUESTION)         (without a model)
    found     = retrieve(text)
    evidence  = relevance(text, found)                                          (with a model)
    evidence += gather(text)                  where the documents don't answer
    passages  = board(evidence)               or Silence(NO_EVIDENCE)
    draft     = write(text, passages), or quote(text, passages) without a model
    answer    = review(draft) or check(draft) or Silence(UNGROUNDED | UNSURE | UNSAFE)

`triage` is the first half, cheap enough for every message: the model is asked only about what
the gate let through. `respond` is the second half. Between them the bot may wait for a person to
answer. Where no model can be reached, mentions get quoted answers and the rest silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.answering.answer import quote, write
from bot.answering.check import Inspector, Written, check, review
from bot.answering.earlier import EarlierAnswers
from bot.answering.evidence import TRUST, board
from bot.answering.external import ExternalSources
from bot.answering.gather import gather
from bot.answering.heuristics import may_ask
from bot.answering.preprocess import preprocess, rewrite
from bot.answering.preview import Preview
from bot.answering.reject import intent, reject
from bot.answering.retrieve import (
    STATED,
    Helpful,
    expanded,
    narrowed,
    relevance,
    retrieve,
    room_of,
    searches_again,
    second_search,
)
from bot.answering.settings import AnswerSettings
from bot.answering.several import joined, room_for_each, split_questions
from bot.llm.llm import Llm
from bot.llm.types import LlmError, OnText
from bot.types import Answer, Knowledge, Outcome, Question, Reason, Silence, Trace, stage
from common.language import is_chinese
from knowledge.types import Found, Passage

NEAREST = 2
"""So many quotes are shown where none is sure to answer: many would look like an answer. Of the
facts that are asked for and in such a message, none stands behind the second."""

WRITING = ("answer", "shorten", "translate", "follows")
"""The prompts of calls that see or write what is posted: it must not repeat them."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Question in, outcome out; what it keeps between questions are `earlier` answers, if any."""

    knowledge: Knowledge
    options: AnswerSettings
    llm: Llm | None = None
    external: ExternalSources | None = None
    earlier: EarlierAnswers | None = None

    async def triage(self, question: Question, trace: Trace) -> Question | Silence:
        """Is this for the bot at all? The question, perhaps rewritten, when it is."""
        text = preprocess(question, trace)
        if isinstance(text, Silence):
            return text
        llm = self._ranked(question)
        rewritten = await self._rewritten(replace(question, text=text), llm, trace)
        before = question.before if rewritten == text else ()
        triaged = await self._gated(replace(question, text=rewritten, before=before), trace)
        if isinstance(triaged, Silence):
            return triaged
        question = triaged
        if llm:
            return await self._intent(question, llm, trace) or question
        asks = question.mention or may_ask(question.text)
        return question if asks else Silence(Reason.NOT_A_QUESTION)

    async def respond(
        self, question: Question, trace: Trace, show: OnText | None = None
    ) -> Outcome:
        """Answers a question that passed `triage`; `show` is given the answer while it is being
        written, as far as it has been checked. Several questions are answered one by one, in one
        message; together where none of them can be answered by itself."""
        if question.parts and (answer := await self._each(question, trace)):
            return answer
        return await self._one(question, trace, show)

    async def _each(self, question: Question, trace: Trace) -> Answer | None:
        count = len(question.parts) + len(question.left_open)
        room = room_for_each(count, self.options.max_chars)
        narrow = replace(self, options=self.options.model_copy(update={"max_chars": room}))
        outcomes: dict[int, Outcome] = {n: Silence(Reason.OFF_TOPIC) for n in question.left_open}
        for number, text in question.parts:
            part = replace(question, text=text, parts=(), left_open=())
            outcomes[number] = await narrow._one(part, trace, None)
        return joined(dict(sorted(outcomes.items())), is_chinese(question.text))

    async def _one(self, question: Question, trace: Trace, show: OnText | None) -> Outcome:
        options = self.options
        llm = self._ranked(question, begun=True)
        least = llm.options.min_evidence if llm else options.min_evidence
        found = await retrieve(question, self.knowledge, options.max_passages, least, trace)
        if isinstance(found, Silence):
            if self.external is None and not (llm and searches_again(question, llm)):
                return found
            found = Found((), 0.0, ())
        if llm is None:
            return await self._quoted(question, found, trace)
        if self._is_better_quoted(question, found, llm):
            return await self._shown(question, found, trace)
        if earlier := await self._earlier(question, found, trace):
            return earlier
        try:
            return await self._written(question, found, llm, trace, show)
        except LlmError as error:
            _note(trace, error)
        if not question.mention:
            return Silence(Reason.LLM_DOWN)
        return await self._quoted(question, found, trace)

    async def decide(self, question: Question, trace: Trace) -> Outcome:
        """Both halves at once."""
        triaged = await self.triage(question, trace)
        return triaged if isinstance(triaged, Silence) else await self.respond(triaged, trace)

    async def _gated(self, question: Question, trace: Trace) -> Question | Silence:
        """The question where it, or some of the several that it is, belong to the documents. A
        fragment that does not by itself is judged with what it leans on, and then asked so: only
        then, because talk about the documents would carry anything that follows it through."""
        texts = split_questions(question.text)
        if len(texts) > 1 and room_for_each(len(texts), self.options.max_chars):
            parts = dict(enumerate(texts, 1))
            for number, text in enumerate(texts, 1):
                part = replace(question, text=text)
                if await reject(part, self.knowledge, self.external, trace):
                    del parts[number]
            # Unprompted, the bot does not speak of what is not for it.
            left = {*range(1, len(texts) + 1)} - {*parts} if question.mention else set()
            if len(parts) == 1 and not left:
                return replace(question, text=next(iter(parts.values())))
            if parts:
                return replace(question, parts=tuple(parts.items()), left_open=tuple(sorted(left)))
        silence = await reject(question, self.knowledge, self.external, trace)
        if silence and question.before:
            text = "\n".join((*question.before, question.text))
            question = replace(question, text=text, before=())
            silence = await reject(question, self.knowledge, self.external, trace)
        return silence or question

    def _ranked(self, question: Question, *, begun: bool = False) -> Llm | None:
        group = ":".join(question.group)
        return self.llm and self.llm.ranked(mention=question.mention, begun=begun, group=group)

    async def _rewritten(self, question: Question, llm: Llm | None, trace: Trace) -> str:
        if llm is None:
            return question.text
        try:
            return await rewrite(question, self.knowledge, llm, trace)
        except LlmError as error:
            _note(trace, error)
            return question.text

    async def _intent(self, question: Question, llm: Llm, trace: Trace) -> Silence | None:
        if self.earlier and await self.earlier.knows(question):
            return None  # it was asked about then
        try:
            return await intent(question.text, llm, trace, mention=question.mention)
        except LlmError as error:
            _note(trace, error)
            return None if question.mention else Silence(Reason.LLM_DOWN)

    async def _written(
        self, question: Question, found: Found, llm: Llm, trace: Trace, show: OnText | None
    ) -> Outcome:
        hits, firm = await self._evidence(question, found, llm, trace)
        if not hits:
            # Who has no opinion on any passage does not say either that none of them helps.
            shown = None if firm else await self._shown(question, found, trace)
            return shown or Silence(Reason.NO_EVIDENCE)
        grown, room = hits, 0
        if llm.options.check_sentences:
            passages = grown = await expanded(hits, self.knowledge, llm, trace)
            room = room_of(hits, llm)
        else:
            passages = await narrowed(question.text, hits, self.knowledge, llm, trace)
        secrets = [llm.fixed_text(name, zh) for name in WRITING for zh in (True, False)]
        inspector = Inspector(
            question.text, passages, secrets, self.options.max_chars, self.knowledge, llm
        )
        async with Preview(question.text, inspector, llm, show) as preview:
            draft = await write(question, passages, llm, preview.on_text, trace)
            written = Written(question.text, draft.text, passages, hits)
            outcome = await review(written, inspector, llm, trace)
        if isinstance(outcome, Answer) and draft.pictures:
            return replace(outcome, pictures=draft.pictures)
        if self.earlier and isinstance(outcome, Answer):
            self.earlier.remember(question, hits, grown, room, self.options.max_chars, outcome)
        at_a_loss = outcome == Silence(Reason.UNSURE) and not firm
        if question.mention and (
            outcome == Silence(Reason.UNGROUNDED) or not draft.text or at_a_loss
        ):
            # The passages help, the model's words for them don't: then in their own words.
            helpful = found if at_a_loss else replace(found, passages=tuple(hits))
            return await self._shown(question, helpful, trace)
        return outcome

    def _is_better_quoted(self, question: Question, found: Found, llm: Llm) -> bool:
        """Is a quote sure, in the asker's language, and the model none that can tell what follows
        from a passage? Then what it would write is worth less than the document's own words."""
        if llm.options.check_sentences or question.pictures or not found.passages:
            return False
        same_language = is_chinese(found.passages[0].text) is is_chinese(question.text)
        return same_language and found.evidence >= self.options.sure_evidence

    async def _earlier(self, question: Question, found: Found, trace: Trace) -> Answer | None:
        """The answer that the same question got, if the documents still say so."""
        if self.earlier is None or question.pictures:
            return None
        with stage(trace, "earlier") as figures:
            answer = await self.earlier.find(question, found.passages, self.options.max_chars)
            figures["reused"] = answer is not None
            return answer

    async def _evidence(
        self, question: Question, found: Found, llm: Llm, trace: Trace
    ) -> tuple[Sequence[Passage], bool]:
        """The passages to write from: those that help, from elsewhere too where the documents
        don't state the answer; and whether the model is to be believed of what doesn't."""
        judged = Helpful()
        if found.passages:
            judged = await relevance(question.text, found.passages, llm, trace)
        helpful = [*judged.evidence]
        if not helpful and searches_again(question, llm):
            k = self.options.max_passages
            helpful += await second_search(question, found, self.knowledge, k, llm, trace)
        if self.external and all(entry.relevance < STATED for entry in helpful):
            helpful += await gather(question, self.knowledge, self.external, llm, trace)
        return board(helpful, question.text, self._names()), judged.firm

    async def _quoted(self, question: Question, found: Found, trace: Trace) -> Outcome:
        """What is sure stands in a source word for word; else the nearest passage of the
        documents, if it is near enough."""
        sure = self.options.sure_evidence
        if self.external and found.evidence < sure:
            more = await gather(question, self.knowledge, self.external, None, trace)
            if more:
                passages = board(more, question.text, self._names())
                return await self._shown(question, Found(tuple(passages), sure, ()), trace)
        return await self._shown(question, found, trace)

    async def _shown(self, question: Question, found: Found, trace: Trace) -> Outcome:
        only_documents = all(passage.origin == TRUST[0] for passage in found.passages)
        if not found.passages or (only_documents and found.evidence < self.options.min_evidence):
            return Silence(Reason.NO_EVIDENCE)
        unsure = found.evidence < self.options.sure_evidence
        if unsure and not question.mention:
            return Silence(Reason.UNSURE)  # nobody asked for what may not answer
        text, most = question.text, self.options.max_chars
        quotes = await quote(text, found, self.knowledge, most, trace, sure=not unsure)
        shown = quotes[:NEAREST] if unsure else quotes
        return check(shown, found, self.options.sure_evidence, trace)

    def _names(self) -> Sequence[str]:
        return self.external.names if self.external else self.knowledge.status().sources


def _note(trace: Trace, error: LlmError) -> None:
    """A failing model is part of the answer to "why?"; the hybrid has logged it."""
    with stage(trace, "llm") as figures:
        figures["failed"] = type(error).__name__
