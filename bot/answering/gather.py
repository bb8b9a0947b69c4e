"""Stage 3b: where the documents don't answer, the project's code and the web are searched.

What comes back is evidence only when it has been judged: with a language model by its relevance
and safety scores; without one, code that holds what the question names, and pages of preferred
sites that are as near to the question as a document would have to be. The web at large is asked
for those only who mentioned the bot, and never the site to which their own message points: the bot
would cite the asker.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from bot.answering.definition import answers_unread
from bot.answering.evidence import Evidence
from bot.answering.external import ExternalSources
from bot.answering.external_passages import article_passage, code_passage, joined
from bot.answering.keywords import Keywords, keywords
from bot.answering.retrieve import helpfulness
from bot.llm.llm import Llm
from bot.llm.scoring import Rubric
from bot.llm.types import LlmError
from bot.types import Knowledge, Question, Trace, stage
from common.language import is_chinese
from common.links import host_of, links
from knowledge.code.terms import verbatim_terms
from knowledge.code.types import Choose, CodeHit, RepoQuestion
from knowledge.web.types import Article

T = TypeVar("T")

GATHER_S = 60.0
"""Seconds that searching there may take in all."""

MAX_CODE = 4
MAX_PAGE_PASSAGES = 4
"""Passages of each kind that are judged."""

MAX_TELLING = 20
"""Words of a question of which code must hold all."""

SURE_PAGE = 0.85
"""The evidence that a page must bring to be quoted unread: see `knowledge.retrieval.assess`."""


async def gather(
    question: Question,
    knowledge: Knowledge,
    external: ExternalSources,
    llm: Llm | None,
    trace: Trace,
) -> list[Evidence]:
    """Passages from elsewhere that help; [] where nothing does. Raises KnowledgeError and, with a
    model, LlmError."""
    with stage(trace, "gather") as figures:
        wanted = await keywords(question.text, knowledge, llm)
        figures["queries"], figures["names"] = list(wanted.queries), list(wanted.names)
        hits, articles = await _searched(question, wanted, knowledge, external, llm)
        figures["code"] = [f"{hit.repo}/{hit.path}:{hit.line}" for hit in hits]
        figures["pages"] = [article.url for article in articles]
        pointed_to = {host_of(link.address) for link in links(question.text)}
        allowed = [
            article
            for article in articles
            if article.preferred or (question.mention and host_of(article.url) not in pointed_to)
        ]
        if llm is None:
            meant = [hit for hit in hits if external.may_mean(hit.repo, question.text)]
            figures["known"] = sorted({name for hit in hits for name in hit.matched})
            found = await _unread(question.text, knowledge, meant, allowed, external.names)
        else:
            found = await _read(question.text, knowledge, hits, allowed, llm)
        figures["scores"] = [round(entry.relevance, 3) for entry in found]
        return found


async def _searched(
    question: Question,
    wanted: Keywords,
    knowledge: Knowledge,
    external: ExternalSources,
    llm: Llm | None,
) -> tuple[list[CodeHit], list[Article]]:
    """Both searches at once; one that takes too long is done without."""
    text = question.text

    async def code() -> list[CodeHit]:
        if external.code is None:
            return []
        asked = RepoQuestion(
            text,
            knowledge.similarity,
            terms=wanted.names,
            verbatim=tuple(verbatim_terms(text)),
            sources=question.sources,
            choose=_chooser(llm) if llm else None,
        )
        return (await external.code.search(asked))[:MAX_CODE]

    async def web() -> list[Article]:
        if external.web is None:
            return []
        return await external.web.search(wanted.queries, is_chinese(text))

    return await asyncio.gather(_in_time(code()), _in_time(web()))


def _chooser(llm: Llm) -> Choose:
    async def choose(text: str, introductions: Sequence[str]) -> Sequence[int] | None:
        """None where the model can't be asked: the search goes on by introductions."""
        try:
            return await llm.choose(text, introductions)
        except LlmError:
            return None

    return choose


async def _in_time(search: Awaitable[list[T]]) -> list[T]:
    try:
        async with asyncio.timeout(GATHER_S):
            return await search
    except TimeoutError:
        return []


async def _unread(
    text: str,
    knowledge: Knowledge,
    hits: Sequence[CodeHit],
    articles: Sequence[Article],
    project: Sequence[str],
) -> list[Evidence]:
    """What needs no reading to be believed; `project` is what it is called."""
    words = await knowledge.keywords(text, MAX_TELLING)
    code = [
        Evidence(code_passage(hit), hit.score)
        for hit in joined(hits)
        if hit.matched and answers_unread(hit, text, words, project)
    ]
    names = [name.lower() for name in verbatim_terms(text)]
    pages = [
        article_passage(article)
        for article in articles
        if article.preferred and all(name in article.text.lower() for name in names)
    ]
    found = await knowledge.assess(text, pages, MAX_PAGE_PASSAGES)
    return code + [
        Evidence(passage, passage.rank_score)
        for passage in found.passages
        if passage.rank_score >= SURE_PAGE
    ]


async def _read(
    text: str,
    knowledge: Knowledge,
    hits: Sequence[CodeHit],
    articles: Sequence[Article],
    llm: Llm,
) -> list[Evidence]:
    """What the model finds helpful and harmless."""
    pages = [article_passage(article) for article in articles]
    found = await knowledge.assess(text, pages, MAX_PAGE_PASSAGES)
    passages = [*map(code_passage, hits), *found.passages]
    scores = await helpfulness(text, passages, llm)
    limits = llm.options.thresholds
    helpful = [
        Evidence(passage, score.value / 10)
        for passage, score in zip(passages, scores, strict=True)
        if score.value >= limits.relevance
    ]
    strange = [entry for entry in helpful if entry.passage.origin != "code"]
    texts = [entry.passage.text for entry in strange]
    dangers = await llm.score_each(Rubric.UNSAFE, "message", texts, chinese=is_chinese(text))
    unsafe = [
        entry
        for entry, danger in zip(strange, dangers, strict=True)
        if danger.value >= limits.unsafe_answer
    ]
    return [entry for entry in helpful if entry not in unsafe]
