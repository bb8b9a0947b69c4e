"""The pipeline of the HuixiangDou paper (arXiv 2401.08772), flat and in order.

    question  = preprocess(pack)              or Silence(NOT_A_QUESTION)
    verdict   = reject(question)              or Silence(OFF_TOPIC)
    evidence  = retrieve(question)            or Silence(NO_EVIDENCE)
    draft     = answer(question, evidence)
    answer    = check(draft, evidence)        or Silence(UNGROUNDED)

`triage` is the first half, cheap enough for every message; `respond` the second. Between them the
bot may wait for a person to answer. The stages that need a language model (scoring the question
and the passages, writing the answer) have their place between these and are off without one.
"""

from dataclasses import dataclass

from bot.stages.answer import answer
from bot.stages.check import check
from bot.stages.preprocess import preprocess
from bot.stages.reject import reject
from bot.stages.retrieve import retrieve
from bot.types import Knowledge, Outcome, Question, Silence, Trace


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """From the section `answer` of the configuration."""

    max_chars: int = 1200
    max_passages: int = 5
    min_evidence: float = 0.7
    sure_evidence: float = 0.85


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Question in, outcome out; keeps no state between questions."""

    knowledge: Knowledge
    options: PipelineOptions

    async def triage(self, question: Question, trace: Trace) -> Silence | None:
        """Is this for the bot at all? None when it is."""
        text = preprocess(question, trace)
        if isinstance(text, Silence):
            return text
        return await reject(text, self.knowledge, mention=question.mention, trace=trace)

    async def respond(self, question: Question, trace: Trace) -> Outcome:
        """Answers a question that passed `triage`."""
        options = self.options
        found = await retrieve(
            question.text, self.knowledge, options.max_passages, options.min_evidence, trace
        )
        if isinstance(found, Silence):
            return found
        draft = await answer(question.text, found, self.knowledge, options.max_chars, trace)
        return check(draft, found, options.sure_evidence, trace)

    async def decide(self, question: Question, trace: Trace) -> Outcome:
        """Both halves at once."""
        return await self.triage(question, trace) or await self.respond(question, trace)
