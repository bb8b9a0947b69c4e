"""Stage 4: the draft. A language model writes it; without one it is quoted, word for word."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.answering.external_passages import narrowed
from bot.answering.keywords import MAX_WORDS
from bot.answering.preprocess import as_history
from bot.grounding.markdown import rounded_off
from bot.llm.asked_in import asked_in, is_in_another
from bot.llm.llm import NO_ANSWER, Llm
from bot.llm.types import OnText
from bot.types import Knowledge, Question, Trace, Turn, stage
from knowledge.code.terms import verbatim_terms
from knowledge.types import Found, Passage, Quote


async def quote(
    text: str, found: Found, knowledge: Knowledge, max_chars: int, trace: Trace, *, sure: bool
) -> Sequence[Quote]:
    """The best stretches of the passages in the order in which they will be shown, at most
    `max_chars` characters in all; where the best is `sure` to answer, others only for what it
    lacks."""
    with stage(trace, "answer") as figures:
        code = [passage for passage in found.passages if passage.origin == "code"]
        if found.passages[0] in code:
            words = await knowledge.keywords(text, MAX_WORDS)
            shown = narrowed(code[0], verbatim_terms(text), words, max_chars)
            quotes = [Quote(shown.text, shown, shown.heading, shown.line, shown.score, shown.url)]
        else:
            prose = [passage for passage in found.passages if passage not in code]
            quotes = await knowledge.quote(text, prose, max_chars, sure=sure)
        figures["kind"] = "quoted"
        figures["quotes"] = len(quotes)
        figures["chars"] = sum(len(quote.text) for quote in quotes)
        return quotes


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model wrote, and how many pictures of the question it looked at."""

    text: str
    pictures: int = 0


async def write(
    question: Question,
    passages: Sequence[Passage],
    llm: Llm,
    on_text: OnText | None,
    trace: Trace,
) -> Draft:
    """The model's draft in the asker's language, with a mark [n] for each passage it draws on;
    where the model ran out of tokens, without what it had not finished. Raises LlmError."""
    with stage(trace, "answer") as figures:
        language = asked_in(question.written or question.text)
        done = await llm.answer(
            question.text,
            [f"{passage.heading}\n{passage.text}" for passage in passages],
            as_history(_exchange(question, llm.options.history_turns)),
            language,
            on_text,
            question.pictures,
        )
        pictures = done.pictures
        if NO_ANSWER not in done.text and is_in_another(done.text, language):
            figures["translated"] = str(language)
            done = await llm.translate(done.text, language)
        figures["kind"] = "written"
        figures["backend"], figures["model"] = done.backend, done.model
        figures["prompt_tokens"], figures["cached_tokens"] = done.prompt_tokens, done.cached_tokens
        figures["chars"], figures["cut"] = len(done.text), done.cut
        if pictures:
            figures["pictures"] = pictures
        return Draft(rounded_off(done.text) if done.cut else done.text, pictures)


def _exchange(question: Question, turns: int) -> Sequence[Turn]:
    """What the asker and the bot said to each other lately; what others said is not theirs."""
    own = [t for t in question.history if t.to_asker or t.user == question.last.user]
    return own[-2 * turns :] if turns else ()
