"""Stage 5: only what the sources say leaves, and nothing that could do harm.

For what a language model wrote, first what needs no model: is it grounded, does each claim cite,
is it about the documents, does it tell what it must not? Then a model's verdict: does each sentence
follow from its passage? Then the two scores of the paper: does it dodge, is it unsafe? Quotes must
stand in their sources word for word.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from adapters.base import Citation
from bot.answering.follows import Entailment
from bot.grounding.claims import grounded
from bot.grounding.markdown import cut_short, marks_in, renumbered, rounded_off
from bot.grounding.prompt_leaks import Leaks
from bot.grounding.restated import Restated
from bot.grounding.sanitize import harmless, unlinked, without_foreign_links
from bot.grounding.sources import Sources
from bot.grounding.topic import Subject
from bot.llm.llm import NO_ANSWER, Llm, all_of
from bot.llm.scoring import Rubric
from bot.texts.notices import notice
from bot.types import Answer, Knowledge, Outcome, Reason, Silence, Trace, stage
from common.language import is_chinese
from common.visible import visible
from knowledge.types import Found, Passage, Quote


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote, for which question, from which passages ([1] is the first); `hits` are
    those as they were found, before they grew."""

    question: str
    text: str
    passages: Sequence[Passage]
    hits: Sequence[Passage]


@dataclass(frozen=True, slots=True)
class Inspected:
    """What may be shown of a text. `dropped` are the facts and sentences that went, `core_lost`
    tells that too much did; `similarity` is that of the sentence farthest from the passages."""

    text: str
    dropped: tuple[str, ...] = ()
    core_lost: bool = False
    similarity: float = 1.0


class Inspector:
    """The checks of the text itself; made once per question. With a model, `llm`, it is asked
    whether each sentence follows."""

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        secrets: Sequence[str],
        max_chars: int,
        knowledge: Knowledge,
        llm: Llm | None = None,
    ) -> None:
        self.max_chars = max_chars
        self._question = question
        texts = [f"{p.path}\n\n{p.heading}\n\n{p.text}" for p in passages]
        self._sources = Sources(texts, question)
        rules = secrets[:2]  # how to answer, in both languages
        self._subject = Subject(question, passages, self._sources, knowledge, rules)
        asks = llm is not None and llm.options.check_sentences
        self._entailment = Entailment(question, passages, knowledge, llm) if llm and asks else None
        self._restated = Restated(passages, knowledge)
        self._leaks = Leaks(secrets, known=[*texts, question])
        self._hosts = hosts_of(passages)
        self._instead = notice("link_left_out", is_chinese(question))
        self._valid = {n: n for n in range(1, len(passages) + 1)}

    def leaks(self, text: str) -> bool:
        """Does it repeat a part of the instructions?"""
        return self._leaks.in_text(text)

    async def inspect(self, text: str) -> Inspected:
        """Grounded, cited, about the documents and following from them, without foreign links,
        mentions and hidden tags. Raises KnowledgeError, and LlmError where a model is asked."""
        checked = grounded(renumbered(text, self._valid), self._sources)
        strays, similarity = await self._subject.strays(checked.claims)
        checked = checked.without(strays)
        if self._entailment and not checked.core_lost:
            judged = await self._entailment.judged(checked.claims)
            # Who can be talked into an answer can be talked into a verdict.
            borrowed = await self._restated.borrowed(judged.follows, self._question)
            checked = checked.without([*judged.unfounded, *borrowed])
            told = await self._restated.instead(checked.claims, judged.contested)
            checked = replace(checked, claims=tuple(told))
        if not self._entailment:
            told = await self._restated.instead(checked.claims, checked.claims)
            checked = replace(checked, claims=tuple(told))
        shown = without_foreign_links(harmless(checked.text), self._hosts, self._instead)
        return Inspected(shown, checked.dropped, checked.core_lost, similarity)


async def review(
    written: Written,
    inspector: Inspector,
    llm: Llm,
    trace: Trace,
) -> Outcome:
    """The answer to post, or why not. Raises LlmError."""
    with stage(trace, "check") as figures:
        text = written.text
        if not text or NO_ANSWER in text:
            return Silence(Reason.UNSURE)
        if len(text) > inspector.max_chars:
            text = await _shorter(written, llm, inspector.max_chars)
            figures["shortened"] = len(text)
        if inspector.leaks(text):
            return Silence(Reason.UNSAFE)
        found = await inspector.inspect(text)
        figures["dropped"] = list(found.dropped)
        marks = marks_in(found.text)
        figures["cited"] = marks
        figures["similarity"] = found.similarity
        if found.core_lost or not marks:
            return Silence(Reason.UNGROUNDED)
        if harm := await scored(written.question, found.text, llm, figures):
            return Silence(harm)
        return _answer(found.text, marks, written)


async def scored(question: str, text: str, llm: Llm, figures: dict[str, object]) -> Reason | None:
    """Why an answer must not be posted, by the model's scores. Raises LlmError."""
    limits, chinese = llm.options.thresholds, is_chinese(text)
    dodge, unsafe = await all_of(
        [
            llm.score(Rubric.DODGE, chinese=chinese, question=question, answer=text),
            llm.score(Rubric.UNSAFE, chinese=chinese, message=text),
        ]
    )
    figures |= {"dodge": dodge.value, "unsafe": unsafe.value}
    if unsafe.value >= limits.unsafe_answer:
        return Reason.UNSAFE
    return Reason.UNSURE if dodge.value >= limits.dodge else None


async def _shorter(written: Written, llm: Llm, max_chars: int) -> str:
    """Summarised by the model; cut behind a whole sentence where that is still too long."""
    done = await llm.shorten(written.question, written.text, is_chinese(written.question))
    text = rounded_off(done.text) if done.cut else done.text
    return cut_short(text if marks_in(text) else written.text, max_chars)


def _answer(text: str, marks: Sequence[int], written: Written) -> Answer:
    """Only the cited passages are listed, numbered in the order in which they are cited; each at
    the place that was found, not where it began after it grew."""
    text = renumbered(text, {old: new for new, old in enumerate(marks, 1)})
    found = {(hit.source, hit.path, hit.heading): hit for hit in written.hits}
    cited = [written.passages[mark - 1] for mark in marks]
    places = [found.get((p.source, p.path, p.heading), p) for p in cited]
    return Answer(text, tuple(_citation(p, p.heading, p.line, p.section_url) for p in places))


def _citation(place: Passage, heading: str, line: int, url: str) -> Citation:
    return Citation(visible(place.path), heading, line, url, place.origin)


def check(quotes: Sequence[Quote], found: Found, sure_evidence: float, trace: Trace) -> Outcome:
    """The answer to post, with its citations; Silence when nothing quoted stands in a source."""
    with stage(trace, "check") as figures:
        kept = [quote for quote in quotes if _is_grounded(quote)]
        figures["grounded"] = len(kept)
        figures["dropped"] = len(quotes) - len(kept)
        if not kept:
            return Silence(Reason.UNGROUNDED)
        figures["exact"] = found.evidence >= sure_evidence
        hosts = hosts_of(quote.passage for quote in kept)
        text = "\n\n".join(_numbered(quote.text, hosts, n) for n, quote in enumerate(kept, start=1))
        citations = tuple(
            _citation(quote.passage, quote.heading, quote.line, quote.url) for quote in kept
        )
        return Answer(text, citations, exact=bool(figures["exact"]))


def hosts_of(passages: Iterable[Passage]) -> frozenset[str]:
    """Where the passages stand: what may be linked."""
    return frozenset(urlsplit(passage.url).hostname or "" for passage in passages) - {""}


def _numbered(text: str, hosts: frozenset[str], number: int) -> str:
    """A quote with its citation mark: behind the last word, or below a code block or table."""
    shown = unlinked(harmless(text), hosts).strip()
    return f"{shown}\n[{number}]" if shown.endswith(("```", "|")) else f"{shown} [{number}]"


def _is_grounded(quote: Quote) -> bool:
    """Every line of the quote stands in its passage."""
    lines = [line.strip() for line in quote.text.splitlines()]
    source = {line.strip() for line in quote.passage.text.splitlines()} | {"", "…", "```"}
    body = quote.passage.text
    return bool(quote.text.strip()) and all(line in source or line in body for line in lines)
