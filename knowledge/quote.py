"""Cutting the answer out of passages, word for word.

A passage is taken apart into sentences, list items and code blocks; the stretch that fits the
question best, by meaning and by rare words, is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from semantic_text_splitter import MarkdownSplitter

from knowledge.lexical import LexicalIndex
from knowledge.split import outline_of
from knowledge.types import Passage, Quote, Vectors

UNIT_CHARS = (40, 200)
"""A unit is about a sentence or two: shorter ones have no meaning of their own."""

WORTH = 0.9
"""A further passage is quoted when its best unit scores at least this share of the best one."""

EDGE = 0.3
"""Units at the edges of a stretch with less than this share of its best score are left out."""

LEAST_CHARS = 200
"""A quote shorter than this is not worth a further citation."""

RANK_BONUS = 0.6
"""What the first passage's units are ahead by, the second's half of it, and so on: retrieval saw
the whole passage, a unit's own score only corrects its order."""


@dataclass(frozen=True, slots=True)
class _Unit:
    start: int
    end: int
    score: float


def cut(
    question: str,
    passages: Sequence[Passage],
    max_chars: int,
    encode: Callable[[Sequence[str]], Vectors],
    words: LexicalIndex,
) -> list[Quote]:
    """Quotes from the passages that fit the question best, at most `max_chars` in all."""
    scored = [
        (passage, units, max(unit.score for unit in units), RANK_BONUS / rank)
        for rank, (passage, units) in enumerate(_scored(question, passages, encode, words), 1)
        if units
    ]
    scored.sort(key=lambda item: -item[2] - item[3])
    quotes: list[Quote] = []
    left = max_chars
    for passage, units, best, _ in scored:
        if quotes and (left < LEAST_CHARS or best < WORTH * quotes[0].score):
            continue
        quote = _quote(passage, _stretch(units, left), best, left)
        quotes.append(quote)
        left -= len(quote.text)
    return quotes


def _scored(
    question: str,
    passages: Sequence[Passage],
    encode: Callable[[Sequence[str]], Vectors],
    words: LexicalIndex,
) -> list[tuple[Passage, list[_Unit]]]:
    """Each passage's units: cosine to the question plus the share of its rare words they hold."""
    spans = [_units(passage.text) for passage in passages]
    texts = [
        f"{passage.heading}\n{passage.text[start:end]}"
        for passage, cuts in zip(passages, spans, strict=True)
        for start, end in cuts
    ]
    vectors = encode([question, *texts])
    cosines = vectors[1:] @ vectors[0]
    held = [set(words.terms(text)) for text in texts]
    anywhere = set().union(*held)
    rarity = {t: w for t, w in words.rarity(words.terms(question)).items() if t in anywhere}
    whole = sum(rarity.values()) or 1.0
    scores = iter(
        float(cosine) + sum(weight for term, weight in rarity.items() if term in have) / whole
        for cosine, have in zip(cosines, held, strict=True)
    )
    return [
        (passage, [_Unit(start, end, next(scores)) for start, end in cuts])
        for passage, cuts in zip(passages, spans, strict=True)
    ]


def _units(text: str) -> list[tuple[int, int]]:
    """Consecutive parts of a passage; a code block or table is one of them."""
    lines = np.cumsum([0, *(len(line) + 1 for line in text.split("\n"))])
    blocks = [
        (int(lines[first]), int(min(lines[last], len(text))))
        for first, last in outline_of(text, "markdown").solid
    ]
    units: list[tuple[int, int]] = []
    for start, part in MarkdownSplitter(UNIT_CHARS).chunk_indices(text):
        torn = next((block for block in blocks if block[0] < start < block[1]), None)
        if torn and units and units[-1][1] > torn[0]:
            units[-1] = (units[-1][0], start + len(part))
        else:
            units.append((start, start + len(part)))
    return units


def _stretch(units: Sequence[_Unit], room: int) -> list[_Unit]:
    """The run of units of at most `room` characters with the highest sum of scores, without weak
    ones at its edges. A single unit may be longer than `room`."""
    strongest = max(range(len(units)), key=lambda index: units[index].score)
    best = (units[strongest].score, strongest, strongest)
    for first in range(len(units)):
        total = 0.0
        for last in range(first, len(units)):
            if units[last].end - units[first].start > room:
                break
            total += units[last].score
            best = max(best, (total, first, last))
    run = list(units[best[1] : best[2] + 1])
    weak = EDGE * max(unit.score for unit in run)
    while len(run) > 1 and run[-1].score < weak:
        run.pop()
    while len(run) > 1 and run[0].score < weak:
        run.pop(0)
    return run


def _quote(passage: Passage, run: Sequence[_Unit], score: float, room: int) -> Quote:
    start, end = run[0].start, run[-1].end
    line = passage.line + passage.text.count("\n", 0, start)
    return Quote(_shortened(passage.text[start:end], room), passage, line, score)


def _shortened(text: str, room: int) -> str:
    """Cuts at the end of a line; closes a code block that was cut."""
    if len(text) <= room:
        return text
    kept = text[: room - 8].rsplit("\n", 1)[0]
    return kept + ("\n```" if kept.count("```") % 2 else "") + "\n…"
