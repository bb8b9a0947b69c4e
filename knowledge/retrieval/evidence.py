"""How well the documents cover a question: a number between 0 and 1 that means the same for a
handful of pages and for a thousand, for short questions and for long ones, for every embedder.

Four things speak for or against it: how near the best passage is in meaning, on the scale of the
collection; how much of what the question is about stands in that passage; whether a heading asks
the same; and names in the question that no page has.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from common.language import REMEMBERED, is_named
from knowledge.index.lexical import LexicalIndex
from knowledge.index.open import Page, Scope, Snapshot
from knowledge.types import PATH, Vectors

NEARNESS, WORDS, TITLE, UNKNOWN, NOTHING = 0.8, 2.0, 3.0, 1.2, 0.6
"""Weights of the evidence, as log odds; `NOTHING` is what there has to be more than."""

FUNCTION_WORD = 0.2
"""How much a function word ("how", "的") counts in searching, beside 1 of any other: "top" and
"down" are such words, and the name of a method."""

SAME_WORDS = 0.75
"""Share of the telling words of two questions that both have, where they ask the same."""

MOST_UNKNOWN = 2
"""More unknown names than these tell nothing new."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What cosines mean in a collection: how near small talk is to its pieces, and how near
    questions are that its own headings ask."""

    talk: float = 0.2
    question: float = 0.45

    def of(self, cosine: float) -> float:
        """0 for small talk, 1 for a question about the documents; below and above as well."""
        return (cosine - self.talk) / max(self.question - self.talk, 0.05)


def evidence(nearness: float, share: float, count: float, title: float, unknown: int) -> float:
    """The probability that the documents answer. `nearness` is on the collection's scale, `share`
    of the question's `count` telling words stands in the best passage, `title` is how much a
    heading asks the same, and `unknown` names are on no page."""
    odds = NEARNESS * nearness + WORDS * share * math.sqrt(count) + TITLE * title
    odds -= UNKNOWN * min(MOST_UNKNOWN, unknown) + NOTHING
    return 1.0 / (1.0 + math.exp(-odds))


def held(words: LexicalIndex, telling: Sequence[str], text: str) -> tuple[float, float]:
    """How much of the telling words a text holds, by their rarity, 0..1; and how many words
    that many rarities amount to, so that one rare word among common ones counts as one."""
    rarity = words.rarity(telling)
    total = sum(rarity.values())
    if not total:
        return 0.0, 0.0
    inside = words.term_set(text)
    share = sum(weight for term, weight in rarity.items() if term in inside) / total
    return share, total * total / sum(weight * weight for weight in rarity.values())


def asks_the_same(
    words: LexicalIndex,
    asked: Collection[str],
    title: str,
    above: str = "",
    known: Collection[str] = (),
) -> float:
    """How alike the terms of a question and a heading are, by their rarity, 0..1. What stands
    `above` the heading (other headings, the path) explains words of the question, but need not
    be in it; `known` words are left out on both sides."""
    own = words.title_terms(title).difference(known)
    if own.isdisjoint(asked):
        return 0.0
    explained = own | words.title_terms(above)
    rarity = words.rarity([*own.union(asked)])
    total = sum(rarity.values())
    return sum(rarity[term] for term in asked if term in explained) / total if total else 0.0


_QUESTION = re.compile(
    r"[?？]\W*$|^\W*(?:how|why|what|where|when|which|can|may|does|do|is|are)\b|怎么|怎样|如何|为什么",
    re.IGNORECASE,
)


@lru_cache(REMEMBERED)
def is_question(title: str) -> bool:
    """Is a heading one? Then it says what is answered below it."""
    return _QUESTION.search(title) is not None


def question_alike(
    words: LexicalIndex,
    asked: Mapping[str, float],
    heading: str,
    page: Page,
    known: Collection[str] = (),
) -> float:
    """How alike a question and a heading that is one are, 0..1, by the rarity of the terms that
    only one of them has; 0 of any other heading, which names a subject and not what is asked about
    it. `asked` are the question's terms and how much each counts, without those that are known;
    what stands above the heading need not be in it."""
    above, _, title = heading.rpartition(PATH)
    if not is_question(title):
        return 0.0
    own = words.title_terms(title).difference(known)
    if own.isdisjoint(asked):
        return 0.0
    explained = own | words.title_terms(f"{above} {page.source} {page.path}")
    rarity = words.rarity([*own.union(asked)])
    telling = words.title_telling(title)
    weighed = {
        term: rare * asked.get(term, 1.0 if term in telling else FUNCTION_WORD)
        for term, rare in rarity.items()
    }
    return sum(weighed[t] for t in asked if t in explained) / (sum(weighed.values()) or 1.0)


def worded_alike(words: LexicalIndex, one: str, other: str) -> bool:
    """Are two questions about the same: the same names and numbers, and nearly the same words?"""
    first, second = (set(words.telling_terms(text)) for text in (one, other))
    if any(term.isascii() for term in first ^ second):
        return False
    return len(first & second) >= SAME_WORDS * len(first | second)


ALL_SECTIONS = 30
"""Smaller pieces whose headings are looked at: the one that is worded like a message is always
among as many of its neighbours."""


def heading_alike(snapshot: Snapshot, question: str, vector: Vectors, scope: Scope) -> float:
    """How much the heading that is most like a question asks the same, 0..1."""
    small, _ = snapshot.reject.search(vector, ALL_SECTIONS, 2 * ALL_SECTIONS, scope.reject)
    terms, named = snapshot.words.terms(question), _named(snapshot, question)
    titles = _titles(snapshot, terms, small.tolist(), named, scope)
    return max(titles.values(), default=0.0)


def _named(snapshot: Snapshot, question: str) -> dict[str, frozenset[int]]:
    """The sources and folders that a question names, with the pages below them."""
    return {name: below for name, below in snapshot.named.items() if is_named(name, question)}


def _titles(
    snapshot: Snapshot,
    terms: Sequence[str],
    small: Sequence[int],
    named: Mapping[str, frozenset[int]],
    scope: Scope,
) -> dict[int, float]:
    """How much the headings of smaller pieces ask the same, noted for the pieces around them.
    The name of a source is no part of it: all that stands there is about that."""
    alike: dict[int, float] = {}
    asked, names = frozenset(terms), snapshot.words.title_terms(" ".join(named))
    for label in small:
        place = snapshot.catalog.places_of(label)[0]
        above, _, title = place.heading.rpartition(PATH)
        page = snapshot.pages[place.document]
        explaining = f"{above} {page.source} {page.path}"
        known = frozenset[str]()
        if any(place.document in pages for pages in named.values()):
            known = names
        same = asks_the_same(snapshot.words, asked - known, title, explaining, known)
        for piece in snapshot.parents.get(label, ()):
            if scope.answer is None or piece in scope.answer:
                alike[piece] = max(same, alike.get(piece, 0.0))
    return alike
