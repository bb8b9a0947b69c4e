"""What of some passages can be quoted by itself, and how well each such unit answers a question."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from common.language import is_chinese
from knowledge.index.catalog import REJECT
from knowledge.index.lexical import LexicalIndex
from knowledge.index.open import Snapshot
from knowledge.ingest.split import outline_of, parts
from knowledge.retrieval.entries import is_named, names_asked
from knowledge.retrieval.evidence import is_question
from knowledge.retrieval.question import Asked
from knowledge.retrieval.units import Unit, units
from knowledge.types import Part, Passage, Vectors

WORDS, MEANING, KIND, ROW, ENTRY = 4.5, 3.0, 1.0, 3.0, 6.0
"""What a unit adds to the score of its part: for the share of the question's rare words that it,
the unit before it and its headings hold; for the cosine of what was embedded there; for a number or
a name where one is asked for; for being a row of a table, which is all fact; and for telling of the
very name that is asked about."""

SECTION = 0.7
"""Of a part with several sections those are quoted that hold at least this share of what the best
of them holds of the question's rare words."""

PART_CHARS = (300, 600)
"""Parts of a passage that brings none with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Quotable:
    """A unit of a passage, the `number`th in it, in a part; with its score. `terms` are the words
    of the question that its section holds, `subject` those of them that say what it is about: the
    words of its heading where that is a question, else all. `foreign` is what is in another
    language, which holds few of them whatever it says; `named` is what is told of a name that is
    asked about."""

    passage: Passage
    part: Part
    unit: Unit
    number: int
    score: float
    terms: Collection[str]
    subject: Collection[str]
    foreign: bool
    named: bool

    @property
    def text(self) -> str:
        """As it stands in the passage, without what is shown around it."""
        return self.passage.text[self.unit.start : self.unit.end]

    @property
    def section(self) -> tuple[str, str, int, int]:
        """The section that it stands in: of one passage."""
        return self.passage.source, self.passage.path, self.passage.start, self.unit.section

    @property
    def place(self) -> tuple[str, str, int]:
        """Where it stands in the documents: passages of one page may overlap."""
        return self.passage.source, self.passage.path, self.passage.start + self.unit.start


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A question, how much each word of it tells, and the names in it."""

    asked: Asked
    rarity: Mapping[str, float]
    names: frozenset[str]


def quotable(
    snapshot: Snapshot, asked: Asked, vector: Vectors, passages: Sequence[Passage]
) -> list[Quotable]:
    """The units of all passages, each once, for a question whose vector has shape (dim,). Where
    what is asked about has an entry in the asker's language, only those in that language."""
    wanted = _Wanted(asked, _rarity(asked), names_asked(snapshot.words, asked))
    paths = {passage.path for passage in passages}
    of_paths = (page for page in snapshot.pages.values() if page.path in paths)
    pages = {(page.source, page.path): page.id for page in of_paths}
    found: dict[tuple[str, str, int], Quotable] = {}
    for passage in passages:
        near = _Nearness(snapshot, vector, pages.get((passage.source, passage.path)), passage)
        for one in _of_passage(snapshot.words, wanted, near, passage):
            found.setdefault(one.place, one)
    told = any(one.named and not one.foreign for one in found.values())
    return [one for one in found.values() if not (told and one.foreign)]


def _rarity(asked: Asked) -> dict[str, float]:
    """How much each word of a question tells, of those that tell anything."""
    known = (asked.weights * asked.known).tolist()
    return {term: weight for term, weight in zip(asked.terms, known, strict=True) if weight > 0}


def _of_passage(
    words: LexicalIndex, wanted: _Wanted, near: "_Nearness", passage: Passage
) -> Iterator[Quotable]:
    asked, rarity, names = wanted.asked, wanted.rarity, wanted.names
    inside = passage.parts or _parts_of(passage, rarity, words)
    found = units(passage.text)
    texts = [passage.text[unit.start : unit.end] for unit in found]
    at = [_part_of(inside, passage.start + (u.start + u.end) // 2) for u in found]
    held = [words.term_set(text) & rarity.keys() for text in texts]
    for unit, terms in zip(found, held, strict=True):
        if unit.head:
            terms.update(words.title_terms(unit.head) & rarity.keys())
    sections = defaultdict[int, set[str]](set)
    foreign = is_chinese(passage.text) is not asked.chinese
    named = {n for n, unit in enumerate(found) if is_named(words, passage.text, unit, names)}
    left_out = _off_subject(found, at, held, rarity) | _other_rows(found, named)
    for number, (unit, part) in enumerate(zip(found, at, strict=True)):
        around = words.title_terms(f"{part.heading} {unit.title}") & rarity.keys()
        sections[unit.section] |= held[number] | around
        if number in left_out:
            continue
        around |= held[number]
        if number and found[number - 1].section == unit.section and unit.kind != "row":
            around |= held[number - 1]
        score = part.score + WORDS * _share(around, rarity) + MEANING * near.of(unit)
        score += KIND * asked.asks.given_in(texts[number]) + ROW * (unit.kind == "row")
        score += ENTRY * (number in named)
        here = sections[unit.section]
        yield Quotable(
            passage=passage,
            part=part,
            unit=unit,
            number=number,
            score=score,
            terms=here,
            subject=here & words.title_terms(unit.title) if is_question(unit.title) else here,
            foreign=foreign,
            named=number in named,
        )


def _other_rows(found: Sequence[Unit], named: Collection[int]) -> set[int]:
    """The rows of tables in which others are those of a name that is asked for."""
    tables = {found[number].block for number in named if found[number].kind == "row"}
    rows = {n for n, unit in enumerate(found) if unit.kind == "row" and unit.block in tables}
    return rows.difference(named)


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
