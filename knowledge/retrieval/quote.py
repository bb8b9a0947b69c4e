"""Quoting the answer out of passages, word for word: the sentences, list items and rows that answer
best, with what stands beside them, as long as there is room."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from knowledge.index.catalog import REJECT
from knowledge.index.lexical import LexicalIndex
from knowledge.index.open import Snapshot
from knowledge.index.variants import are_translations
from knowledge.ingest.split import PATH, outline_of, parts
from knowledge.retrieval.question import Asked, read
from knowledge.retrieval.units import Unit, first_whole, units
from knowledge.types import Part, Passage, Quote, Vectors

WORDS, MEANING, KIND, ROW = 4.5, 3.0, 1.0, 3.0
"""What a unit adds to the score of its part: for the share of the question's rare words that it,
the unit before it and its headings hold; for the cosine of what was embedded there; for a number or
a name where one is asked for; and for being a row of a table, which is all fact."""

AFTER, BEFORE = 2.0, 1.0
"""By how much a unit that follows a chosen one, or comes before it, is ahead of its score: the
answer goes on there."""

WORTH, ELSEWHERE_WORTH = 6.0, 4.0
"""A unit that scores this much less than the best one is not worth its place: in the passage that
is quoted first, and in others, most of which are about something else."""

SECTION = 0.7
"""Of a part with several sections those are quoted that hold at least this share of what the best
of them holds of the question's rare words."""

CODE_CHARS = 400
"""So much of one block of code is shown, where it was taken apart: a log repeats what was asked,
and what to do stands below it."""

PART_CHARS = (300, 600)
"""Parts of a passage that brings none with it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A unit of a passage, the `number`th in it, in a part; with its score."""

    passage: Passage
    part: Part
    unit: Unit
    number: int
    score: float

    @property
    def text(self) -> str:
        return self.passage.text[self.unit.start : self.unit.end]

    @property
    def place(self) -> tuple[str, str, int]:
        return self.passage.source, self.passage.path, self.passage.start + self.unit.start


def cut(
    snapshot: Snapshot,
    question: str,
    vector: Vectors,
    passages: Sequence[Passage],
    max_chars: int,
) -> list[Quote]:
    """Quotes from the passages that answer a question best, at most `max_chars` in all; its vector
    has shape (dim,)."""
    asked = read(snapshot, question)
    known = np.where(asked.known, asked.weights, 0.0).tolist()
    rarity = dict(zip(asked.terms, known, strict=True))
    waiting = _candidates(snapshot, asked, rarity, vector, passages)
    chosen: list[_Candidate] = []
    ahead: dict[_Candidate, float] = {}
    left = max_chars
    highest = max((one.score for one in waiting), default=0.0)
    while waiting and left > 0:
        best = max(waiting, key=lambda one: one.score + ahead.get(one, 0.0))
        waiting.remove(best)
        at_home = not chosen or best.passage is chosen[0].passage
        least = highest - (WORTH if at_home else ELSEWHERE_WORTH)
        if best.score + ahead.get(best, 0.0) < least:
            continue
        size = _size(best, chosen)
        if (size <= left or not chosen) and not _is_enough(best, chosen):
            chosen.append(best)
            left -= size
            for one in waiting:
                if one.passage is best.passage and abs(one.number - best.number) == 1:
                    ahead[one] = _beside(one, chosen)
    return [_quote(run, max_chars) for run in _runs(chosen)]


def _candidates(
    snapshot: Snapshot,
    asked: Asked,
    rarity: Mapping[str, float],
    vector: Vectors,
    passages: Sequence[Passage],
) -> list[_Candidate]:
    """The units of all passages, each once: those of one page may overlap."""
    pages = {(page.source, page.path): page.id for page in snapshot.pages.values()}
    found: dict[tuple[str, str, int], _Candidate] = {}
    for passage in passages:
        inside = passage.parts or _parts_of(passage, rarity, snapshot.words)
        near = _Nearness(snapshot, vector, pages.get((passage.source, passage.path)), passage)
        found_here = units(passage.text)
        texts = [passage.text[unit.start : unit.end] for unit in found_here]
        held = [snapshot.words.term_set(text) & rarity.keys() for text in texts]
        at = [_part_of(inside, passage.start + (u.start + u.end) // 2) for u in found_here]
        beside = _off_subject(found_here, at, held, rarity)
        for number, (unit, part) in enumerate(zip(found_here, at, strict=True)):
            title = f"{part.heading} {unit.title}"
            around = held[number] | snapshot.words.title_terms(title)
            if number and found_here[number - 1].section == unit.section:
                around = around | held[number - 1]
            score = part.score + WORDS * _share(around, rarity) + MEANING * near.of(unit)
            score += KIND * asked.asks.given_in(texts[number]) + ROW * (unit.kind == "row")
            one = _Candidate(passage, part, unit, number, score)
            if number not in beside:
                found.setdefault(one.place, one)
    return list(found.values())


def _off_subject(
    found: Sequence[Unit],
    at: Sequence[Part],
    held: Sequence[Collection[str]],
    rarity: Mapping[str, float],
) -> set[int]:
    """The units in sections that hold much less of what was asked than another one of the same
    part: its score is not theirs."""
    sections: dict[tuple[int, int], set[str]] = defaultdict(set)
    for unit, part, terms in zip(found, at, held, strict=True):
        sections[part.start, unit.section].update(terms)
    share = {key: _share(terms, rarity) for key, terms in sections.items()}
    best: dict[int, float] = {}
    for (start, _), value in share.items():
        best[start] = max(value, best.get(start, 0.0))
    return {
        number
        for number, (unit, part) in enumerate(zip(found, at, strict=True))
        if share[part.start, unit.section] < SECTION * best[part.start]
    }


class _Nearness:
    """How near the small pieces of a passage are to a question, by where they stand."""

    def __init__(
        self, snapshot: Snapshot, vector: Vectors, page: int | None, passage: Passage
    ) -> None:
        start, end = passage.start, passage.start + len(passage.text)
        self._start = start
        self._places = [] if page is None else snapshot.catalog.places_in(page, start, end, REJECT)
        labels = [place.piece for place in self._places]
        self._cosines = (snapshot.reject.vectors(labels) @ vector).tolist()

    def of(self, unit: Unit) -> float:
        """The cosine of the nearest small piece in which a unit stands; 0 where it has none."""
        start, end = self._start + unit.start, self._start + unit.end
        return max(
            (
                cosine
                for place, cosine in zip(self._places, self._cosines, strict=True)
                if place.start < end and place.end > start
            ),
            default=0.0,
        )


def _part_of(inside: Sequence[Part], at: int) -> Part:
    """The part in which a character stands, or the last one before it."""
    return next((part for part in reversed(inside) if part.start <= at), inside[0])


def _parts_of(passage: Passage, rarity: Mapping[str, float], words: LexicalIndex) -> list[Part]:
    """The parts of a passage from elsewhere, scored by the rare words of the question in them."""
    outline = outline_of(passage.text, "markdown")
    most = 2 * PART_CHARS[1]
    return [
        Part(
            start=passage.start + piece.start,
            end=passage.start + piece.end,
            line=passage.line + piece.line - 1,
            heading=piece.heading or passage.heading,
            score=passage.rank_score + _held(piece.text, rarity, words),
        )
        for piece in parts(passage.text, "markdown", outline, PART_CHARS, most, by_section=False)
    ]


def _held(text: str, rarity: Mapping[str, float], words: LexicalIndex) -> float:
    """The share of the rare words that a text holds."""
    return _share(words.term_set(text), rarity)


def _share(held: Collection[str], rarity: Mapping[str, float]) -> float:
    return sum(w for term, w in rarity.items() if term in held) / (sum(rarity.values()) or 1.0)


def _beside(one: _Candidate, chosen: Iterable[_Candidate]) -> float:
    """What standing beside a chosen unit is worth; rows of a table stand for themselves."""
    steps = {
        one.number - other.number
        for other in chosen
        if one.passage is other.passage
        and one.unit.section == other.unit.section
        and not (one.unit.kind == other.unit.kind == "row")
    }
    return AFTER if 1 in steps else BEFORE if -1 in steps else 0.0


def _size(one: _Candidate, chosen: Iterable[_Candidate]) -> int:
    """Characters that it adds to these."""
    known = any(_same_block(one, c) for c in chosen)
    around = 0 if known else len(one.unit.head) + len(one.unit.tail) + 2
    return one.unit.end - one.unit.start + around


def _is_enough(one: _Candidate, chosen: Sequence[_Candidate]) -> bool:
    """Is the same already there, perhaps in another language, or enough of this block of code?"""
    if one.unit.kind == "code":
        shown = [c for c in chosen if _same_block(one, c)]
        if sum(len(c.text) for c in (*shown, one)) > CODE_CHARS:
            return bool(shown)
    for other in chosen:
        same_source = one.passage.source == other.passage.source
        if same_source and are_translations(one.passage.path, other.passage.path):
            return True
        if one.text.strip() == other.text.strip():
            return True
    return False


def _runs(chosen: Sequence[_Candidate]) -> list[list[_Candidate]]:
    """What follows each other in a passage together, also rows of one table and parts of one
    block of code; the best run first."""
    runs: list[list[_Candidate]] = []
    for one in chosen:
        touching = [run for run in runs if any(_belong(one, other) for other in run)]
        whole = sorted([one, *(o for run in touching for o in run)], key=lambda c: c.number)
        if touching:
            runs[runs.index(touching[0])] = whole
            runs = [run for run in runs if run not in touching[1:]]
        else:
            runs.append(whole)
    return runs


def _belong(one: _Candidate, other: _Candidate) -> bool:
    if one.unit.kind != "text" and _same_block(one, other):
        return True
    return one.passage is other.passage and abs(one.number - other.number) == 1


def _same_block(one: _Candidate, other: _Candidate) -> bool:
    return one.passage is other.passage and one.unit.block == other.unit.block


def _quote(run: Sequence[_Candidate], room: int) -> Quote:
    first, best = run[0], max(run, key=lambda one: one.score)
    blocks = [
        list(group) for _, group in groupby(run, key=lambda one: one.unit.head and one.unit.block)
    ]
    text = first_whole("\n\n".join(_shown(block) for block in blocks), room)
    passage = first.passage
    line, url = passage.place(passage.text.count("\n", 0, first.unit.start))
    return Quote(text, passage, _heading(passage, best), line, best.part.score, url)


def _shown(block: Sequence[_Candidate]) -> str:
    """Units that follow each other as they stand; rows and parts of code within their frame."""
    passage, unit = block[0].passage, block[0].unit
    if unit.kind == "text":
        return passage.text[unit.start : block[-1].unit.end].rstrip()
    said = [unit.head]
    for one, before in zip(block, [None, *block], strict=False):
        if before and one.unit.kind == "code" and one.number > before.number + 1:
            said.append("…")
        said.append(one.text)
    return "\n".join(line for line in [*said, unit.tail] if line)


def _heading(passage: Passage, best: _Candidate) -> str:
    """The headings above a unit: those of its part, or the one between, below the page's title."""
    title, own = passage.heading.split(PATH)[0], best.part.heading
    if best.unit.title and not own.endswith(best.unit.title):
        own = best.unit.title
    within = own.split(PATH)[0] == title or not title
    return own if within or not own else f"{title}{PATH}{own}"
