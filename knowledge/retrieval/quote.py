"""Quoting the answer out of passages, word for word: the sentences, list items and rows that answer
best, with what stands beside them, as long as there is room."""

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import groupby

from knowledge.index.open import Snapshot
from knowledge.index.variants import are_translations
from knowledge.ingest.split import PATH
from knowledge.retrieval.evidence import is_question
from knowledge.retrieval.question import read
from knowledge.retrieval.quotable import Quotable, quotable
from knowledge.retrieval.units import first_whole, leans
from knowledge.types import Passage, Quote, Vectors

AFTER, BEFORE, LEAD = 2.0, 1.0, 6.0
"""By how much a unit that follows a chosen one, or comes before it, is ahead of its score: the
answer goes on there. What comes before code, a table or half a sentence says what it is."""

WORTH, ELSEWHERE_WORTH = 6.0, 4.0
"""A unit that scores this much less than the best one is not worth its place: in the passage that
is quoted first, and in others, most of which are about something else."""

CODE_CHARS = 400
"""So much of one block of code is shown, where it was taken apart: a log repeats what was asked,
and what to do stands below it."""


def cut(
    snapshot: Snapshot,
    question: str,
    vector: Vectors,
    passages: Sequence[Passage],
    max_chars: int,
    *,
    sure: bool,
) -> list[Quote]:
    """Quotes from the passages that answer a question best, at most `max_chars` in all; its vector
    has shape (dim,). Where the best is `sure` to answer, another section is only quoted for what
    that one lacks: what says the same again adds nothing but length."""
    found = quotable(snapshot, read(snapshot, question), vector, passages)
    numbers = {(id(one.passage), one.number): n for n, one in enumerate(found)}
    waiting = [(-one.score, n) for n, one in enumerate(found)]
    heapify(waiting)
    seen, chosen = set[int](), list[Quotable]()
    highest, left = -min(waiting, default=(0.0, 0))[0], max_chars
    while waiting and left > 0:
        worth, number = heappop(waiting)
        one = found[number]
        at_home = not chosen or one.passage is chosen[0].passage
        least = highest - (WORTH if at_home else ELSEWHERE_WORTH)
        if number in seen or -worth < least or (sure and not _adds(one, chosen)):
            seen.add(number)
            continue
        seen.add(number)
        size = _size(one, chosen)
        if (size > left and chosen) or _is_enough(one, chosen):
            continue
        chosen.append(one)
        left -= size
        for step in (-1, 1):
            other = numbers.get((id(one.passage), one.number + step), -1)
            if other >= 0 and other not in seen:
                ahead = _beside(found[other], chosen)
                heappush(waiting, (-found[other].score - ahead, other))
    return [_quote(run, max_chars) for run in _runs(chosen)]


def _adds(one: Quotable, chosen: Sequence[Quotable]) -> bool:
    """Does a unit belong to a section that is quoted, or below it; or is its own about a word that
    is asked and all of these lack; or is it the second of two that hold as many, of which the first
    is not headed by a question that it answers? Words don't tell between languages: after what is
    in the asker's, nothing in another is quoted."""
    if one.foreign or not chosen:
        return all(other.foreign for other in chosen)
    around = {one.unit.section, *one.unit.above}
    if any(one.passage is other.passage and other.unit.section in around for other in chosen):
        return True
    if not set(one.subject).issubset(term for other in chosen for term in other.terms):
        return True
    first = chosen[0]
    alone = all(first.section == other.section for other in chosen)
    return alone and not is_question(first.unit.title) and set(one.terms).issuperset(first.terms)


def _beside(one: Quotable, chosen: Iterable[Quotable]) -> float:
    """What standing beside a chosen unit is worth; rows of a table stand for themselves."""
    beside = {
        one.number - other.number: other
        for other in chosen
        if one.passage is other.passage
        and one.unit.section == other.unit.section
        and not (one.unit.kind == other.unit.kind == "row")
    }
    if -1 in beside and leans(beside[-1].text, beside[-1].unit):
        return LEAD
    return AFTER if 1 in beside else BEFORE if -1 in beside else 0.0


def _size(one: Quotable, chosen: Iterable[Quotable]) -> int:
    """Characters that it adds to these."""
    known = any(_same_block(one, c) for c in chosen)
    around = 0 if known else len(one.unit.head) + len(one.unit.tail) + 2
    return one.unit.end - one.unit.start + around


def _is_enough(one: Quotable, chosen: Sequence[Quotable]) -> bool:
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


def _runs(chosen: Sequence[Quotable]) -> list[list[Quotable]]:
    """What follows each other in a section, or below it, together, also rows of one table and parts
    of one block of code; the best run first."""
    runs: list[list[Quotable]] = []
    for one in chosen:
        touching = [run for run in runs if any(_belong(one, other) for other in run)]
        whole = sorted([one, *(o for run in touching for o in run)], key=lambda c: c.number)
        if touching:
            runs[runs.index(touching[0])] = whole
            runs = [run for run in runs if run not in touching[1:]]
        else:
            runs.append(whole)
    return runs


def _belong(one: Quotable, other: Quotable) -> bool:
    if one.unit.kind != "text" and _same_block(one, other):
        return True
    before, after = sorted((one, other), key=lambda unit: unit.number)
    if one.passage is not other.passage or after.number > before.number + 1:
        return False
    return before.unit.section in (after.unit.section, *after.unit.above)


def _same_block(one: Quotable, other: Quotable) -> bool:
    return one.passage is other.passage and one.unit.block == other.unit.block


def _quote(run: Sequence[Quotable], room: int) -> Quote:
    first, best = run[0], max(run, key=lambda one: one.score)
    shown, headed = list[str](), set[int]()
    for _, group in groupby(run, key=lambda one: one.unit.head and one.unit.block):
        block = list(group)
        number = block[0].unit.block
        shown.append(_shown(block, headed=number in headed))
        headed.add(number)
    text = first_whole("\n\n".join(shown), room)
    passage = first.passage
    line, url = passage.place(passage.text.count("\n", 0, first.unit.start))
    return Quote(text, passage, _heading(passage, best), line, best.part.score, url)


def _shown(block: Sequence[Quotable], *, headed: bool) -> str:
    """Units that follow each other as they stand; rows, items and parts of code within their
    frame, without its head where that has been shown."""
    passage, unit = block[0].passage, block[0].unit
    if unit.kind == "text":
        return passage.text[unit.start : block[-1].unit.end].rstrip()
    said = [] if headed and unit.kind == "item" else [unit.head]
    for one, before in zip(block, [None, *block], strict=False):
        if before and one.unit.kind != "row" and one.number > before.number + 1:
            said.append("…")
        said.append(one.text.rstrip())
    return "\n".join(line for line in [*said, unit.tail] if line)


def _heading(passage: Passage, best: Quotable) -> str:
    """The headings above a unit: those of its part, or the one between, below the page's title."""
    title, own = passage.heading.split(PATH)[0], best.part.heading
    if best.unit.title and not own.endswith(best.unit.title):
        own = best.unit.title
    within = own.split(PATH)[0] == title or not title
    return own if within or not own else f"{title}{PATH}{own}"
