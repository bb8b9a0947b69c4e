"""Quoting the answer out of passages, word for word: the best part, what stands beside it, and
further parts, as long as there is room. Long tables and code are cut around what was asked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from knowledge.index.lexical import LexicalIndex
from knowledge.index.open import Snapshot
from knowledge.index.variants import are_translations
from knowledge.ingest.split import PATH, outline_of, parts
from knowledge.retrieval.question import read
from knowledge.retrieval.sentences import first_whole
from knowledge.types import Part, Passage, Quote

_TITLE = re.compile(r"^(?:#{1,6} |=+$|-+$)", re.MULTILINE)

BESIDE = 2.0
"""By how much a part beside a chosen one is ahead of its score: the answer goes on there."""

WORTH = 4.0
"""A part that scores this much less than the best one answers once in fifty times."""

GAP = 40
"""Characters between two parts that follow each other: blank lines, a badge."""

LONG = 700
"""Characters of a part from which on it is cut: a table or a block of code, not one thought."""

LEAST_CHARS = 200
"""A quote shorter than this is not worth a further citation."""

SECTION = 0.7
"""A section beside the one that holds most of the question's words is shown with it, if it holds
at least this share of as much."""

PART_CHARS = (300, 600)
"""Parts of a passage that brings none with it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A part of a passage, the `number`th in it."""

    passage: Passage
    part: Part
    number: int

    @property
    def text(self) -> str:
        begin = self.passage.start
        return self.passage.text[self.part.start - begin : self.part.end - begin]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is quoted of a part: `text`, which begins at `line` of the document."""

    candidate: _Candidate
    text: str
    line: int
    whole: bool


def cut(
    snapshot: Snapshot, question: str, passages: Sequence[Passage], max_chars: int
) -> list[Quote]:
    """Quotes from the passages that answer best, at most `max_chars` in all."""
    words, asked = snapshot.words, read(snapshot, question)
    rarity = dict(zip(asked.terms, asked.weights.tolist(), strict=True))
    waiting = _candidates(passages, rarity, words)
    chosen: list[_Chosen] = []
    left = max_chars
    highest = max((one.part.score for one in waiting), default=0.0)
    while waiting and (left >= LEAST_CHARS or not chosen):
        best = max(waiting, key=lambda one: one.part.score + BESIDE * _is_beside(one, chosen))
        waiting.remove(best)
        if best.part.score + BESIDE * _is_beside(best, chosen) < highest - WORTH:
            break
        if not _is_said(best, chosen):
            chosen.append(_fitted(best, rarity, words, min(left, LONG)))
            left -= len(chosen[-1].text)
    return [_quote(run) for run in _runs(chosen)]


def _candidates(
    passages: Sequence[Passage], rarity: Mapping[str, float], words: LexicalIndex
) -> list[_Candidate]:
    """The parts of all passages, each once: those of one page may overlap."""
    found: dict[tuple[str, str, int], _Candidate] = {}
    for passage in passages:
        for number, part in enumerate(passage.parts or _parts_of(passage, rarity, words)):
            place = (passage.source, passage.path, part.start)
            found.setdefault(place, _Candidate(passage, part, number))
    return list(found.values())


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
    inside = words.term_set(text)
    return sum(w for term, w in rarity.items() if term in inside) / (sum(rarity.values()) or 1.0)


def _is_beside(one: _Candidate, chosen: Iterable[_Chosen]) -> bool:
    """Does it follow one of these in its document, or come before it?"""
    for other in (entry.candidate for entry in chosen):
        gap = max(one.part.start - other.part.end, other.part.start - one.part.end)
        same = (one.passage.source, one.passage.path) == (other.passage.source, other.passage.path)
        if same and gap <= GAP:
            return True
    return False


def _is_said(one: _Candidate, chosen: Iterable[_Chosen]) -> bool:
    """Is the same already there, perhaps in another language?"""
    for other in (entry.candidate for entry in chosen):
        same_source = one.passage.source == other.passage.source
        if same_source and are_translations(one.passage.path, other.passage.path):
            return True
        if one.text.strip() == other.text.strip():
            return True
    return False


def _fitted(
    one: _Candidate, rarity: Mapping[str, float], words: LexicalIndex, room: int
) -> _Chosen:
    """A part as it is, or of one that is too long the lines around the one that says most of
    what was asked; a table keeps its head, a block of code its fences."""
    line, text = _sections(one, rarity, words)
    if len(text) <= room:
        return _Chosen(one, text, line, whole=text == one.text)
    lines = text.split("\n")
    head = lines[:2] if lines[0].lstrip().startswith(("|", "+")) else []
    room -= sum(map(len, head)) + 10
    held = [_held(row, rarity, words) for row in lines]
    best = max(range(len(head), len(lines)), key=lambda number: held[number], default=0)
    if len(lines) <= len(head) or len(lines[best]) > room:
        return _Chosen(one, first_whole(text, room), line, whole=False)
    first, last = _around(lines, held, best, len(head), room)
    shown = _fenced(lines[:first], [*head, *lines[first : last + 1]])
    return _Chosen(one, shown, line if head else line + first, whole=False)


def _sections(one: _Candidate, rarity: Mapping[str, float], words: LexicalIndex) -> tuple[int, str]:
    """Of a part with several sections those that are about the question: where the first begins,
    and their text."""
    if not _TITLE.search(one.text):
        return one.part.line, one.text
    lines = one.text.splitlines(keepends=True)
    titles = [heading.line for heading in outline_of(one.text, "markdown").headings]
    cuts = [0, *(title for title in titles if "".join(lines[:title]).strip("# \n")), len(lines)]
    sections = ["".join(lines[first:last]) for first, last in pairwise(cuts)]
    held = [_held(section, rarity, words) for section in sections]
    first = last = max(range(len(held)), key=lambda number: held[number])
    least = SECTION * held[first]
    while last + 1 < len(held) and held[last + 1] >= least:
        last += 1
    while first > 0 and held[first - 1] >= least:
        first -= 1
    return one.part.line + cuts[first], "".join(sections[first : last + 1]).rstrip()


def _around(
    lines: Sequence[str], held: Sequence[float], best: int, begin: int, room: int
) -> tuple[int, int]:
    """The first and last line around the best one that fit, those first that hold more."""
    first = last = best
    left = room - len(lines[best])
    while True:
        beside = [n for n in (last + 1, first - 1) if begin <= n < len(lines)]
        fitting = [n for n in beside if len(lines[n]) < left]
        if not fitting:
            return first, last
        taken = max(fitting, key=lambda n: (held[n], abs(n - best) * -1, n < best))
        first, last = min(first, taken), max(last, taken)
        left -= len(lines[taken]) + 1


def _fenced(before: Sequence[str], kept: Sequence[str]) -> str:
    """Lines out of a text, inside a block of code where they stand in one."""
    opened = ["```", *kept] if _fences(before) % 2 else list(kept)
    return "\n".join([*opened, "```"] if _fences(opened) % 2 else opened)


def _fences(lines: Sequence[str]) -> int:
    return sum(line.lstrip().startswith("```") for line in lines)


def _runs(chosen: Sequence[_Chosen]) -> list[list[_Chosen]]:
    """What follows each other in a passage together, the best run first."""
    runs: list[list[_Chosen]] = []
    for one in chosen:
        run = next((run for run in runs if _continues(run, one)), None)
        if run is None:
            runs.append([one])
        else:
            run.append(one)
            run.sort(key=lambda entry: entry.candidate.number)
    return runs


def _continues(run: Sequence[_Chosen], one: _Chosen) -> bool:
    if run[0].candidate.passage is not one.candidate.passage or not one.whole:
        return False
    beside = (run[0].candidate.number - 1, run[-1].candidate.number + 1)
    return run[0].whole and one.candidate.number in beside


def _quote(run: Sequence[_Chosen]) -> Quote:
    first, passage = run[0], run[0].candidate.passage
    best = max((one.candidate.part for one in run), key=lambda part: part.score)
    text = first.text
    if len(run) > 1:
        end = run[-1].candidate.part.end
        text = passage.text[first.candidate.part.start - passage.start : end - passage.start]
    part = first.candidate.part
    above = passage.text.count("\n", 0, part.start - passage.start) + first.line - part.line
    line, url = passage.place(above)
    return Quote(text, passage, _heading(passage, best), line, best.score, url)


def _heading(passage: Passage, part: Part) -> str:
    """The headings above a part: its own in the passage, below the page's title."""
    title = passage.heading.split(PATH)[0]
    within = part.heading.split(PATH)[0] == title or not title
    return part.heading if within or not part.heading else f"{title}{PATH}{part.heading}"
