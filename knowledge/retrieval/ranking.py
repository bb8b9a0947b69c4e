"""What a snapshot is for reading, and which of its pieces a question is for.

Five ranked lists vote by reciprocal rank (Cormack et al., SIGIR 2009): the vectors of pieces and
of the smaller pieces inside them, and BM25 over a piece, a piece with its neighbours, and the
whole page. Ranks don't tell by how much the first one is ahead, so nearness and words weigh in,
and a heading that asks the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.language import is_chinese, is_named
from knowledge.index.open import Scope, Snapshot
from knowledge.ingest.split import PATH
from knowledge.retrieval.evidence import ALIKE, Scale, asks_the_same
from knowledge.types import Vectors

RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion, as published."""

DEPTH = 80
"""How far down each list is read."""

WEIGHTS = {"piece": 0.5, "small": 0.5, "words": 0.5, "around": 0.5, "page": 0.3}
"""Dense and lexical evidence count alike; the page only tips the scales."""

WORDS = {"path": 0.5, "heading": 0.5, "text": 1.0}
AROUND = {"path": 0.5, "heading": 0.5, "around": 1.0}
PAGE = {"page": 1.0}

NAMED = 1.5
"""A piece below a folder or source that the question names counts this much more."""

NEARER, WORDIER = 0.4, 0.2
"""What a piece gains that is as near as a question about the documents typically is, and what the
one gains that holds most of the words."""

OTHER_LANGUAGE = 0.5
"""Words of another language can't be compared: such a piece counts as holding half of them."""

SECTIONS = 10
"""Smaller pieces whose headings are looked at: a question that is worded like a heading is almost
always among the first ten of its neighbours."""

ALL_SECTIONS = 30
"""It always is among these."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores of all pieces that any list named, higher is better; the cosines that are known,
    of a piece or a smaller one inside it; how much the headings ask the same, 0..1; and the
    sources and folders that the question names, with their pages."""

    scores: Mapping[int, float]
    cosines: Mapping[int, float]
    titles: Mapping[int, float]
    named: Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class _Meaning:
    """The dense side: nearest cosine and votes of each piece, and the smaller pieces in order."""

    cosines: Mapping[int, float]
    votes: Mapping[int, float]
    small: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Wording:
    """The lexical side: votes of pieces and of pages, and BM25 relative to the best piece."""

    votes: Mapping[int, float]
    pages: Mapping[int, float]
    relative: Mapping[int, float]


def rank(snapshot: Snapshot, question: str, vector: Vectors, scope: Scope, scale: Scale) -> Ranking:
    """Ranks the pieces of the scope for a question whose vector has shape (dim,)."""
    terms = snapshot.words.terms(question)
    meaning = _meaning(snapshot, vector, scope)
    named = _named(snapshot, question)
    titles = _titles(snapshot, terms, meaning.small[:SECTIONS], named, scope)
    wording = _wording(snapshot, terms, scope)
    scores = _fuse(snapshot, meaning, wording, named, scale, chinese=is_chinese(question))
    for piece, alike in titles.items():
        if piece in scores:
            scores[piece] *= 1.0 + max(0.0, alike - ALIKE)
    return Ranking(scores, meaning.cosines, titles, named)


def heading_alike(snapshot: Snapshot, question: str, vector: Vectors, scope: Scope) -> float:
    """How much the heading that is most like a question asks the same, 0..1."""
    small, _ = snapshot.reject.search(vector, ALL_SECTIONS, 2 * ALL_SECTIONS, scope.reject)
    terms, named = snapshot.words.terms(question), _named(snapshot, question)
    titles = _titles(snapshot, terms, small.tolist(), named, scope)
    return max(titles.values(), default=0.0)


def _meaning(snapshot: Snapshot, vector: Vectors, scope: Scope) -> _Meaning:
    labels, cosines = snapshot.answer.search(vector, DEPTH, None, scope.answer)
    near = dict(zip(labels.tolist(), cosines.tolist(), strict=True))
    votes: dict[int, float] = {}
    _vote(votes, list(near), WEIGHTS["piece"])
    inside: dict[int, float] = {}
    found, cosines = snapshot.reject.search(vector, DEPTH, DEPTH, scope.reject)
    small: list[int] = found.tolist()
    for label, cosine in zip(small, cosines.tolist(), strict=True):
        for piece in snapshot.parents.get(label, ()):
            if scope.answer is None or piece in scope.answer:
                inside.setdefault(piece, cosine)
    _vote(votes, list(inside)[: 2 * DEPTH], WEIGHTS["small"])
    for piece, cosine in inside.items():
        near[piece] = max(cosine, near.get(piece, cosine))
    return _Meaning(near, votes, small)


def _wording(snapshot: Snapshot, terms: Sequence[str], scope: Scope) -> _Wording:
    votes: dict[int, float] = {}
    hits = snapshot.words.search(terms, WORDS, DEPTH, scope.answer)
    relative = {id_: score / hits[0][1] for id_, score in hits}
    _vote(votes, list(relative), WEIGHTS["words"])
    hits = snapshot.words.search(terms, AROUND, DEPTH, scope.answer)
    _vote(votes, [id_ for id_, _ in hits], WEIGHTS["around"])
    pages: dict[int, float] = {}
    page_ids = None if scope.pages is None else frozenset(-page for page in scope.pages)
    hits = snapshot.words.search(terms, PAGE, DEPTH // 2, page_ids)
    _vote(pages, [-id_ for id_, _ in hits], WEIGHTS["page"])
    return _Wording(votes, pages, relative)


def _vote(votes: dict[int, float], ranked: Sequence[int], weight: float) -> None:
    for position, id_ in enumerate(ranked, start=1):
        votes[id_] = votes.get(id_, 0.0) + weight / (RANK_CONSTANT + position)


def _fuse(
    snapshot: Snapshot,
    meaning: _Meaning,
    wording: _Wording,
    named: Mapping[str, frozenset[int]],
    scale: Scale,
    *,
    chinese: bool,
) -> dict[int, float]:
    """Score of every piece that any list named.

    BM25 can't see a piece in another language than the question: there the dense vote stands in
    for the missing one, so that the English page answers where no Chinese one does.
    """
    below = frozenset[int]().union(*named.values())
    scores: dict[int, float] = {}
    for piece in {*meaning.votes, *wording.votes}:
        documents = snapshot.pages_of.get(piece, ())
        by_meaning = meaning.votes.get(piece, 0.0)
        by_words = wording.votes.get(piece, 0.0)
        tips = [wording.pages[page] for page in documents if page in wording.pages]
        by_words += max(tips) if tips else 0.0
        relative = wording.relative.get(piece, 0.0)
        if (piece in snapshot.chinese) != chinese:
            by_words = max(by_words, by_meaning)
            relative = max(relative, OTHER_LANGUAGE)
        nearness = max(0.0, scale.of(meaning.cosines.get(piece, scale.talk)))
        boost = (1.0 + NEARER * nearness) * (1.0 + WORDIER * relative)
        if not below.isdisjoint(documents):
            boost *= NAMED
        scores[piece] = (by_meaning + by_words) * boost
    return scores


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
