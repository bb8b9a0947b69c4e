"""Stage 5 for what a language model wrote: only what its sources say leaves, and no harm.

First what needs no model: is it grounded, does it cite, is it about the documents, does it tell
what it must not? Then the two scores of the paper: does it dodge, is it unsafe?
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.base import Citation
from bot.llm.llm import NO_ANSWER, Llm, all_of
from bot.llm.scoring import Rubric
from bot.stages.check import harmless
from bot.stages.grounding import (
    Checked,
    Sources,
    grounded,
    marks_in,
    renumbered,
    sentences,
    without_foreign_links,
)
from bot.trace import stage
from bot.types import Answer, Knowledge, Outcome, Reason, Silence, Trace
from knowledge.split import is_chinese
from knowledge.types import Passage

LEAK_CHARS = 32
"""So many characters of a prompt in a row, spaces left out, are no coincidence."""

LEAST_SIMILARITY = 0.3
"""Cosine of an answer to the nearest passage it was written from; a poem about something else
has about 0.1, a sentence of the documents in other words 0.5 or more."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote, for which question, from which passages ([1] is the first); `hits` are
    those as they were found, before they grew."""

    question: str
    text: str
    passages: Sequence[Passage]
    hits: Sequence[Passage]


class Inspector:
    """The checks that need no model; made once per question."""

    def __init__(
        self, question: str, passages: Sequence[Passage], secret: str, max_chars: int
    ) -> None:
        self.max_chars = max_chars
        self._sources = Sources([f"{p.path}\n{p.heading}\n{p.text}" for p in passages], question)
        self._hosts = frozenset(urlsplit(p.url).hostname or "" for p in passages) - {""}
        self._instead = "（链接见来源）" if is_chinese(question) else "(link: see the source)"
        self._valid = {n: n for n in range(1, len(passages) + 1)}
        self._secret = _bare(secret)

    def leaks(self, text: str) -> bool:
        """Does it repeat a part of the instructions?"""
        bare = _bare(text)
        return any(
            bare[at : at + LEAK_CHARS] in self._secret
            for at in range(0, max(0, len(bare) - LEAK_CHARS + 1), 4)
        )

    def clean(self, text: str) -> Checked:
        """Grounded, with valid marks only, without foreign links, mentions and hidden tags."""
        checked = grounded(renumbered(text, self._valid), self._sources)
        shown = without_foreign_links(harmless(checked.text), self._hosts, self._instead)
        return Checked(shown, checked.dropped, checked.core_lost)

    def presentable(self, text_so_far: str) -> str:
        """What may be shown of an answer that is being written: whole sentences, checked. Nothing
        while it may still turn out to be no answer."""
        if NO_ANSWER in text_so_far or self.leaks(text_so_far):
            return ""
        complete = "".join(sentences(text_so_far)[:-1])
        return self.clean(cut_short(complete, self.max_chars)).text


async def review(
    written: Written,
    inspector: Inspector,
    knowledge: Knowledge,
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
        checked = inspector.clean(text)
        figures["dropped"] = list(checked.dropped)
        marks = marks_in(checked.text)
        figures["cited"] = marks
        if checked.core_lost or not marks:
            return Silence(Reason.UNGROUNDED)
        said = await knowledge.similarity(checked.text, [p.text for p in written.hits])
        figures["similarity"] = round(max(said), 3)
        if max(said) < LEAST_SIMILARITY:
            return Silence(Reason.UNGROUNDED)
        if harm := await _scored(written.question, checked.text, llm, figures):
            return Silence(harm)
        return _answer(checked.text, marks, written)


async def _scored(question: str, text: str, llm: Llm, figures: dict[str, object]) -> Reason | None:
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
    short = done.text if done.text and marks_in(done.text) else written.text
    return cut_short(short, max_chars)


def cut_short(text: str, max_chars: int) -> str:
    """The first sentences that fit, without a code block that is left open."""
    kept = ""
    for sentence in sentences(text):
        if len(kept) + len(sentence) > max_chars:
            break
        kept += sentence
    return kept if kept.count("```") % 2 == 0 else kept[: kept.rindex("```")]


def _answer(text: str, marks: Sequence[int], written: Written) -> Answer:
    """Only the cited passages are listed, numbered in the order in which they are cited; each at
    the place that was found, not where it began after it grew."""
    text = renumbered(text, {old: new for new, old in enumerate(marks, 1)})
    found = {(hit.source, hit.path, hit.heading): hit for hit in written.hits}
    cited = [written.passages[mark - 1] for mark in marks]
    places = [found.get((p.source, p.path, p.heading), p) for p in cited]
    return Answer(text, tuple(Citation(p.path, p.heading, p.line, p.url) for p in places))


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()
