"""Cutting the answer out of passages, word for word.

A passage is taken apart into sentences, list items and code blocks, each with the headings above
it; the stretch that fits the question best, by meaning and by rare words, is kept. It leaves the
best unit's section only for sections that fit nearly as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from knowledge.lexical import LexicalIndex
from knowledge.split import PATH, Piece, outline_of, parts
from knowledge.types import Passage, Quote, Vectors

UNIT_CHARS = (40, 200)
"""A unit is about a sentence or two: shorter ones have no meaning of their own."""

WORTH = 0.9
"""A further passage is quoted when its best unit scores at least this share of the best one."""

SECTION_WORTH = 0.7
"""A neighbouring section is quoted too when its best unit scores at least this share."""

EDGE = 0.3
"""Units at the edges of a stretch with less than this share of its best score are left out."""

LEAST_CHARS = 200
"""A quote shorter than this is not worth a further citation."""

RANK_BONUS = 0.6
"""What the first passage's units are ahead by, the second's half of it, and so on: retrieval saw
the whole passage, a unit's own score only corrects its order."""


@dataclass(frozen=True, slots=True)
class _Unit:
    piece: Piece
    score: float

    @property
    def start(self) -> int:
        return self.piece.start

    @property
    def end(self) -> int:
        return self.piece.end


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
        quote = _quote(passage, _stretch(_answering(units), left), best, left)
        if any(_overlap(quote, other) for other in quotes):
            continue
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
    cuts = [_units(passage.text) for passage in passages]
    texts = [
        f"{_heading(passage, piece)}\n{piece.text}"
        for passage, pieces in zip(passages, cuts, strict=True)
        for piece in pieces
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
        (passage, [_Unit(piece, next(scores)) for piece in pieces])
        for passage, pieces in zip(passages, cuts, strict=True)
    ]


def _units(text: str) -> list[Piece]:
    """Consecutive parts of a passage; a code block or table is one of them."""
    outline = outline_of(text, "markdown")
    return parts(text, "markdown", outline, UNIT_CHARS, len(text), by_section=True)


def _heading(passage: Passage, piece: Piece) -> str:
    """The headings above a unit: its own in the passage, below the page's title."""
    if not piece.heading:
        return passage.starts_under or passage.heading
    title = passage.heading.split(PATH)[0]
    within = piece.heading.split(PATH)[0] == title or not title
    return piece.heading if within else f"{title}{PATH}{piece.heading}"


def _answering(units: Sequence[_Unit]) -> list[_Unit]:
    """The best unit's section with its subsections, and those beside it that fit nearly as well."""
    best: dict[str, float] = {}
    for unit in units:
        best[unit.piece.heading] = max(unit.score, best.get(unit.piece.heading, 0.0))
    top = max(range(len(units)), key=lambda index: units[index].score)
    within = units[top].piece.heading

    def belongs(unit: _Unit) -> bool:
        heading = unit.piece.heading
        below = heading == within or (heading + PATH).startswith(within + PATH)
        return below or best[heading] >= SECTION_WORTH * units[top].score

    first = last = top
    while first > 0 and belongs(units[first - 1]):
        first -= 1
    while last + 1 < len(units) and belongs(units[last + 1]):
        last += 1
    return list(units[first : last + 1])


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
    text = _shortened(passage.text[start:end], room)
    return Quote(text, passage, _heading(passage, run[0].piece), line, score)


def _overlap(one: Quote, other: Quote) -> bool:
    """Do two quotes share lines? Passages of one page may overlap."""
    if (one.passage.source, one.passage.path) != (other.passage.source, other.passage.path):
        return False
    first, second = sorted((one, other), key=lambda quote: quote.line)
    return second.line <= first.line + first.text.count("\n")


def _shortened(text: str, room: int) -> str:
    """Cuts at the end of a line; closes a code block that was cut."""
    if len(text) <= room:
        return text
    kept = text[: room - 8].rsplit("\n", 1)[0]
    return kept + ("\n```" if kept.count("```") % 2 else "") + "\n…"
