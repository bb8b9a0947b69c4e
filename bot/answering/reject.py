"""Stage 2: the gate. Most of a group's messages end here."""

import asyncio

from bot.answering.external import ExternalSources
from bot.answering.heuristics import is_question
from bot.llm.llm import Llm
from bot.llm.scoring import Rubric
from bot.types import Knowledge, Question, Reason, Silence, Trace, stage
from common.language import is_chinese
from knowledge.code.terms import verbatim_terms
from knowledge.code.types import RepoQuestion


async def reject(
    question: Question, knowledge: Knowledge, external: ExternalSources | None, trace: Trace
) -> Silence | None:
    """Silence for what is too far from the documents; a mention is let through more easily, and
    in any case where it calls the project by name and more than the documents can be searched.
    What the project's code defines is as good as what the documents say."""
    with stage(trace, "reject") as figures:
        verdict = await knowledge.judge(
            question.text,
            mention=question.mention,
            sources=question.sources,
            group=":".join(question.group),
        )
        figures["score"] = round(verdict.score, 4)
        figures["threshold"] = round(verdict.threshold, 4)
        figures["accept"] = verdict.accept
        figures["snapshot"] = knowledge.status().snapshot
        if question.text != question.written.strip():
            figures["judged"] = question.text
        if not verdict.accept and question.mention and external:
            figures["accept"] = figures["named"] = external.is_named_in(question.text)
        if not figures["accept"] and external:
            figures["accept"] = figures["in_code"] = await _in_code(question, knowledge, external)
        return None if figures["accept"] else Silence(Reason.OFF_TOPIC)


LOOK_S = 5.0
"""Seconds for a look into the code before a message is rejected."""


async def _in_code(question: Question, knowledge: Knowledge, external: ExternalSources) -> bool:
    """Does the code define what is asked about? Servers are asked for mentions only, and what
    does not look like a question is not looked up unprompted."""
    names = tuple(verbatim_terms(question.text))
    may_be = question.mention or is_question(question.text)
    if external.code is None or not names or not may_be:
        return False
    asked = RepoQuestion(
        text=question.text,
        similarity=knowledge.similarity,
        verbatim=names,
        sources=question.sources,
    )
    try:
        async with asyncio.timeout(LOOK_S):
            return await external.code.defines(asked, local_only=not question.mention)
    except TimeoutError:
        return False


MENTION_SHARE = 0.5
"""A mention asks by being one: its score must reach this share of the threshold, which parts a
clumsy question or a bare error message from greetings and small talk."""


async def intent(text: str, llm: Llm, trace: Trace, *, mention: bool = False) -> Silence | None:
    """Silence for what is no question to answer. Raises LlmError."""
    limits, chinese = llm.options.thresholds, is_chinese(text)
    least = limits.question * (MENTION_SHARE if mention else 1.0)
    with stage(trace, "intent") as figures:
        question = await llm.score(Rubric.QUESTION, chinese=chinese, message=text)
        figures |= {"question": question.value, "at_least": least, "how": question.how}
        is_question = question.value >= least
        if not (is_question or mention):
            return Silence(Reason.NOT_A_QUESTION)  # and nobody is told why
        unsafe = await llm.score(Rubric.UNSAFE, chinese=chinese, message=text)
        figures |= {"unsafe": unsafe.value, "below": limits.unsafe_question}
        if unsafe.value >= limits.unsafe_question:
            return Silence(Reason.UNSAFE)
        return None if is_question else Silence(Reason.NOT_A_QUESTION)
