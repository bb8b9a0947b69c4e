"""Stage 3: the passages to answer from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.answering.evidence import Evidence
from bot.answering.keywords import keywords
from bot.grounding.orders import without_orders
from bot.llm.llm import Llm
from bot.llm.prompts import estimate
from bot.llm.scoring import Rubric, Score
from bot.types import Knowledge, Question, Reason, Silence, Trace, stage
from common.language import is_chinese
from knowledge.types import Found, Passage


async def retrieve(
    question: Question, knowledge: Knowledge, k: int, min_evidence: float, trace: Trace
) -> Found | Silence:
    """The k best passages; Silence when the documents don't cover the question."""
    with stage(trace, "retrieve") as figures:
        found = await knowledge.search(question.text, k, question.sources)
        figures["evidence"] = round(found.evidence, 3)
        figures["min_evidence"] = min_evidence
        figures["unknown"] = list(found.unknown)
        if found.reranked:
            figures["reranked"] = found.reranked
        figures["hits"] = [
            {"path": hit.path, "line": hit.line, "score": round(hit.score, 3)}
            for hit in found.passages
        ]
        if not found.passages or found.evidence < min_evidence:
            return Silence(Reason.NO_EVIDENCE)
        return found


STATED = 0.8
"""Relevance from which a passage is taken to state the answer, or an important part of it: then
nothing else is asked about."""

FIRST = 3
"""So many passages are scored at first."""


@dataclass(frozen=True, slots=True)
class Helpful:
    """The passages that help, by a model's scores; `firm` where it had an opinion on any."""

    evidence: Sequence[Evidence] = ()
    firm: bool = True


async def relevance(text: str, passages: Sequence[Passage], llm: Llm, trace: Trace) -> Helpful:
    """The passages that help; those behind the first few are looked at where none of these states
    the answer and the model has an opinion on any. One whose score failed counts as one that
    doesn't. Raises LlmError when all of them failed."""
    least = llm.options.thresholds.relevance
    with stage(trace, "relevance") as figures:
        scores = await helpfulness(text, passages[:FIRST], llm)
        stated = any(score.value >= 10 * STATED for score in scores)
        if len(passages) > FIRST and not stated and any(score.firm for score in scores):
            scores += await helpfulness(text, passages[FIRST:], llm)
        figures["failed"] = sum(score.how == "failed" for score in scores)
        figures["scores"] = [score.value for score in scores]
        figures["at_least"] = least
        figures["firm"] = firm = any(score.firm for score in scores)
        both = zip(passages, scores, strict=False)
        helpful = [(passage, score) for passage, score in both if score.value >= least]
        # In the search's own order where the model has no opinion on which helps most.
        found = [Evidence(one, (score.value if firm else least) / 10) for one, score in helpful]
        return Helpful(found, firm)


def searches_again(question: Question, llm: Llm) -> bool:
    """May the documents be searched once more, in the model's words?"""
    return llm.options.second_search and question.mention


async def second_search(
    question: Question, first: Found, knowledge: Knowledge, k: int, llm: Llm, trace: Trace
) -> Sequence[Evidence]:
    """Passages that help, found by what the model would look for, and not by the first search."""
    with stage(trace, "second_search") as figures:
        wanted = await keywords(question.text, knowledge, llm)
        figures["queries"] = list(wanted.queries[:1])
        known = {(one.source, one.path, one.line) for one in first.passages}
        passages: list[Passage] = []
        for query in wanted.queries[:1]:
            found = await knowledge.search(query, k, question.sources)
            passages = [p for p in found.passages if (p.source, p.path, p.line) not in known]
        figures["passages"] = len(passages)
    if not passages:
        return ()
    return (await relevance(question.text, passages, llm, trace)).evidence


async def helpfulness(text: str, passages: Sequence[Passage], llm: Llm) -> list[Score]:
    """How well each passage helps to answer. Raises LlmError when all scores failed."""
    shown = [f"{passage.heading}\n{passage.text}" for passage in passages]
    return await llm.score_each(
        Rubric.RELEVANCE, "passage", shown, chinese=is_chinese(text), question=text
    )


async def narrowed(
    text: str, passages: Sequence[Passage], knowledge: Knowledge, llm: Llm, trace: Trace
) -> Sequence[Passage]:
    """What would be quoted of the passages, for a model that can't tell what follows from one: it
    takes what stands beside the answer for the answer. Grown where nothing would be quoted."""
    with stage(trace, "narrow") as figures:
        most = room_of(passages, llm)
        prose = [passage for passage in passages if passage.origin != "code"]
        quotes = await knowledge.quote(text, prose, most) if prose == [*passages] else ()
        figures["passages"] = len(quotes)
        figures["chars"] = sum(len(quote.text) for quote in quotes)
    if not quotes:
        return await expanded(passages, knowledge, llm, trace)
    return [
        replace(
            quote.passage,
            text=without_orders(quote.text),
            heading=quote.heading,
            line=quote.line,
            url=quote.url,
            parts=(),
            places=(),
        )
        for quote in quotes
    ]


async def expanded(
    passages: Sequence[Passage], knowledge: Knowledge, llm: Llm, trace: Trace
) -> Sequence[Passage]:
    """The passages grown to sections and pages, as far as the model's context goes, without what
    gives orders to who answers."""
    with stage(trace, "expand") as figures:
        most = room_of(passages, llm)
        wide = _within(await knowledge.expand(passages, most), most)
        grown = [replace(passage, text=without_orders(passage.text)) for passage in wide]
        figures["passages"] = len(grown)
        figures["chars"] = sum(len(passage.text) for passage in grown)
        figures["at_most"] = most
        return grown


def room_of(passages: Sequence[Passage], llm: Llm) -> int:
    """Characters like those of the passages that the model's evidence may have."""
    held = "".join(passage.text for passage in passages)
    return int(llm.evidence_tokens() * max(1.0, len(held) / max(1, estimate(held))))


def _within(passages: Sequence[Passage], most: int) -> Sequence[Passage]:
    """The first passages that fit, and the best one in any case: only what the model will see
    may be cited."""
    kept: list[Passage] = []
    for passage in passages:
        most -= len(passage.text)
        if kept and most < 0:
            break
        kept.append(passage)
    return kept
