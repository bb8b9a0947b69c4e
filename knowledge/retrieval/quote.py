"""Cutting the answer out of passages, word for word.

A passage is taken apart into sentences, list items and code blocks, each with the headings above
it. The section that fits the question best is kept, or of a long one the stretch that fits; what
stands beside it only where it fits nearly as well, by meaning, by rare words and by its heading.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from knowledge.index.lexical import LexicalIndex
from knowledge.ingest.split import PATH
from knowledge.retrieval.evidence import asks_the_same
from knowledge.retrieval.sentences import first_whole, units
from knowledge.types import Passage, Piece, Quote, Vectors

WORTH = 0.95
"""A further passage is quoted when its best unit scores at least this share of the best one."""

SECTION_WORTH = 0.85
"""A neighbouring section is quoted too when its best unit scores at least this share."""

FLOOR = 0.45
"""A unit speaks for being quoted as far as it scores more than this share of the best one."""

LEAST_CHARS = 200
"""A quote shorter than this is not worth a further citation."""

RANK_BONUS = 0.6
"""What the first passage's units are ahead by, the second's half of it, and so on: retrieval saw
the whole passage, a unit's own score only corrects its order."""

COMMON = 0.1
"""What almost any heading shares with a question."""

ASKED = 0.6
"""A heading that shares this much with the question asks it: its section is the whole answer."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A part of a passage; how well it fits, 0..2, and how much its heading asks the same, 0..1."""

    piece: Piece
    fit: float
    title: float

    @property
    def start(self) -> int:
        return self.piece.start

    @property
    def end(self) -> int:
        return self.piece.end

    @property
    def score(self) -> float:
        return self.fit + max(0.0, self.title - COMMON)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A passage taken apart, and its best unit."""

    passage: Passage
    units: Sequence[_Unit]
    best: _Unit
    rank: int

    @property
    def order(self) -> float:
        return -self.best.score - RANK_BONUS / self.rank


def cut(
    question: str,
    passages: Sequence[Passage],
    max_chars: int,
    encode: Callable[[Sequence[str]], Vectors],
    words: LexicalIndex,
) -> list[Quote]:
    """Quotes from the passages that fit the question best, at most `max_chars` in all."""
    candidates = sorted(_candidates(question, passages, encode, words), key=lambda c: c.order)
    quotes: list[Quote] = []
    left = max_chars
    for candidate in candidates:
        first = candidates[0]
        if quotes and (left < LEAST_CHARS or not _adds(candidate, first, quotes[0])):
            continue
        run = _stretch(_answering(candidate.units, candidate.best), left)
        quote = _quote(candidate.passage, run, candidate.best.fit, left)
        if any(_overlap(quote, other) for other in quotes):
            continue
        quotes.append(quote)
        left -= len(quote.text)
    return quotes


def _adds(candidate: _Candidate, first: _Candidate, answer: Quote) -> bool:
    """Is there something in a passage that the first quote does not say?"""
    if first.best.title >= ASKED and candidate.best.title < first.best.title:
        return False
    one, other = candidate.passage, answer.passage
    if one.source == other.source and are_translations(one.path, other.path):
        return False
    return candidate.best.score >= WORTH * first.best.score


def _candidates(
    question: str,
    passages: Sequence[Passage],
    encode: Callable[[Sequence[str]], Vectors],
    words: LexicalIndex,
) -> list[_Candidate]:
    """The passages taken apart. A unit fits by its cosine to the question and by the share of
    the question's rare words that it holds."""
    cuts = [units(passage.text) for passage in passages]
    placed = [
        (_heading(passage, piece), piece)
        for passage, pieces in zip(passages, cuts, strict=True)
        for piece in pieces
    ]
    if not placed:
        return []
    texts = [f"{heading}\n{piece.text}" for heading, piece in placed]
    vectors = encode([question, *texts])
    asked = words.terms(question)
    shares = _shares(asked, texts, words)
    rated = iter(
        _Unit(piece, float(cosine) + share, _title(words, asked, heading))
        for (heading, piece), cosine, share in zip(
            placed, vectors[1:] @ vectors[0], shares, strict=True
        )
    )
    found: list[_Candidate] = []
    for rank, (passage, pieces) in enumerate(zip(passages, cuts, strict=True), start=1):
        own = [next(rated) for _ in pieces]
        if own:
            found.append(_Candidate(passage, own, max(own, key=lambda unit: unit.score), rank))
    return found


def _shares(asked: Sequence[str], texts: Sequence[str], words: LexicalIndex) -> list[float]:
    """How much of the asked words, as far as they occur at all, each text holds, 0..1."""
    held = [words.term_set(text) for text in texts]
    anywhere = set().union(*held)
    rarity = {t: w for t, w in words.rarity(asked).items() if t in anywhere}
    whole = sum(rarity.values()) or 1.0
    return [sum(weight for t, weight in rarity.items() if t in have) / whole for have in held]


def _title(words: LexicalIndex, asked: Sequence[str], heading: str) -> float:
    above, _, title = heading.rpartition(PATH)
    return asks_the_same(words, asked, title, above)


def _heading(passage: Passage, piece: Piece) -> str:
    """The headings above a unit: its own in the passage, below the page's title."""
    if not piece.heading:
        return passage.starts_under or passage.heading
    title = passage.heading.split(PATH)[0]
    within = piece.heading.split(PATH)[0] == title or not title
    return piece.heading if within else f"{title}{PATH}{piece.heading}"


def _answering(parts: Sequence[_Unit], top: _Unit) -> list[_Unit]:
    """The best unit's section with its subsections, and those beside it that fit nearly as well."""
    best: dict[str, float] = {}
    for unit in parts:
        best[unit.piece.heading] = max(unit.score, best.get(unit.piece.heading, 0.0))
    within = top.piece.heading
    least = top.score * (1.0 if top.title >= ASKED else SECTION_WORTH)

    def belongs(unit: _Unit) -> bool:
        heading = unit.piece.heading
        below = heading == within or (heading + PATH).startswith(within + PATH)
        return below or best[heading] >= least

    first = last = parts.index(top)
    while first > 0 and belongs(parts[first - 1]):
        first -= 1
    while last + 1 < len(parts) and belongs(parts[last + 1]):
        last += 1
    return list(parts[first : last + 1])


def _stretch(parts: Sequence[_Unit], room: int) -> list[_Unit]:
    """The run of units of at most `room` characters that says most for the question: each counts
    for what it scores above a floor, and against what it scores below. A single unit may be
    longer than `room`."""
    strongest = max(range(len(parts)), key=lambda index: parts[index].score)
    floor = FLOOR * parts[strongest].score
    best = (0.0, strongest, strongest)
    for first in range(len(parts)):
        total = 0.0
        for last in range(first, len(parts)):
            if parts[last].end - parts[first].start > room:
                break
            total += parts[last].score - floor
            best = max(best, (total, first, last))
    return list(parts[best[1] : best[2] + 1])


def _quote(passage: Passage, run: Sequence[_Unit], score: float, room: int) -> Quote:
    start, end = run[0].start, run[-1].end
    line = passage.line + passage.text.count("\n", 0, start)
    text = first_whole(passage.text[start:end], room)
    return Quote(text, passage, _heading(passage, run[0].piece), line, score)


def _overlap(one: Quote, other: Quote) -> bool:
    """Do two quotes share lines? Passages of one page may overlap."""
    if (one.passage.source, one.passage.path) != (other.passage.source, other.passage.path):
        return False
    first, second = sorted((one, other), key=lambda quote: quote.line)
    return second.line <= first.line + first.text.count("\n")


_PARTS = re.compile(r"[/._\\-]+")
_LANGUAGES = frozenset(
    [
        "zh",
        "cn",
        "hans",
        "hant",
        "tw",
        "hk",
        "chs",
        "cht",
        "chinese",
        "中文",
        "简体",
        "繁体",
        "en",
        "us",
        "gb",
        "eng",
        "english",
        "英文",
    ]
)


@lru_cache(10_000)
def without_language(path: str) -> tuple[str, ...]:
    """What of a path does not name a language."""
    parts = _PARTS.split(path.lower())
    return tuple(part for part in parts if part and part not in _LANGUAGES)


def are_translations(one: str, other: str) -> bool:
    """Are these two paths of one page in two languages?"""
    return one != other and without_language(one) == without_language(other)
