"""Hybrid retrieval: dense and lexical ranks fused, pieces joined to readable passages.

Five ranked lists vote by reciprocal rank (Cormack et al., SIGIR 2009): the vectors of pieces and
of the smaller pieces inside them, and BM25 over a piece, a piece with its neighbours, and the
whole page.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.catalog import Catalog, Place
from knowledge.lexical import LexicalIndex
from knowledge.scope import EVERYTHING, Scope
from knowledge.split import is_chinese
from knowledge.types import Found, Passage, Vectors
from knowledge.vectors import VectorIndex

RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion, as published."""

DEPTH = 100
"""How far down each list is read."""

WEIGHTS = {"piece": 0.5, "small": 0.5, "words": 0.5, "around": 0.5, "page": 0.3}
"""Dense and lexical evidence count alike; the page only tips the scales."""

WORDS = {"path": 0.5, "heading": 0.5, "text": 1.0}
AROUND = {"path": 0.5, "heading": 0.5, "around": 1.0}
PAGE = {"page": 1.0}

NAMED = 1.5
"""A piece below a folder or source that the question names counts this much more."""

NEAR_EQUAL = 0.9
"""Two pieces with at least this cosine say the same (translations, versions of a page)."""

PER_PAGE = 2
"""Passages of one page among the hits, so that one long page does not fill the answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the search knows of a document without opening it."""

    id: int
    source: str
    path: str
    url: str
    has_lines: bool


@dataclass(slots=True)
class Snapshot:
    """One complete index, opened for reading. Use it from one thread at a time.

    `pages_of` and `parents` map a piece for answering to its pages, and a piece for the gate to
    the pieces for answering that it overlaps; `chinese` are pieces; `named` maps the name of a
    source or top folder, in lower case, to the pages below it.
    """

    catalog: Catalog
    answer: VectorIndex
    reject: VectorIndex
    words: LexicalIndex
    pages: dict[int, Page]
    pages_of: dict[int, tuple[int, ...]]
    parents: dict[int, tuple[int, ...]]
    chinese: frozenset[int]
    named: dict[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class _Hit:
    """A piece that was found, and the first and last piece of the passage around it."""

    piece: int
    place: Place
    first: Place
    last: Place


def search(
    snapshot: Snapshot,
    question: str,
    vector: Vectors,
    k: int,
    passage_chars: int,
    scope: Scope = EVERYTHING,
) -> Found:
    """The k best passages for a question whose vector has shape (dim,), best first; only from
    the scope."""
    terms = snapshot.words.terms(question)
    cosines, ranks = _dense(snapshot, vector, scope)
    fused = _fuse(snapshot, question, ranks, _lexical(snapshot, terms, scope))
    chosen: list[_Hit] = []
    kept: list[Vectors] = []
    for piece in sorted(fused, key=lambda id_: (-fused[id_], id_)):
        if len(chosen) == k:
            break
        place = _places(snapshot, piece, scope)[0]
        if not _adds_something(snapshot, place, piece, chosen, kept):
            continue
        first, last = _widen(snapshot.catalog.places_in(place.document), place, passage_chars)
        chosen.append(_Hit(piece, place, first, last))
        kept.append(snapshot.answer.vector(piece))
    passages = tuple(
        _passage(snapshot, hit, vector, fused[hit.piece], cosines, scope) for hit in chosen
    )
    telling = snapshot.words.telling_terms(question)
    unknown = tuple(snapshot.words.unknown_names(question))
    rare = snapshot.words.search(telling, WORDS, 1, scope.answer)
    return Found(passages, _evidence(snapshot, passages, rare, unknown), unknown)


def _places(snapshot: Snapshot, piece: int, scope: Scope) -> list[Place]:
    """Where a piece stands, as far as the scope reaches."""
    places = snapshot.catalog.places_of(piece)
    return [place for place in places if scope.pages is None or place.document in scope.pages]


def _evidence(
    snapshot: Snapshot,
    passages: Sequence[Passage],
    best: Sequence[tuple[int, float]],
    unknown: Sequence[str],
) -> float:
    """How well the documents cover a question, see `Found.evidence`.

    Nearness in meaning, plus how much of the question's rare words the `best` piece holds (its
    BM25 score grows with the logarithm of the collection), less for each name that no page has.
    """
    nearest = max((passage.score for passage in passages), default=0.0)
    rare_words = best[0][1] / math.log(2 + len(snapshot.pages_of)) if best else 0.0
    return nearest + 0.1 * rare_words - 0.1 * min(2, len(unknown))


def _dense(
    snapshot: Snapshot, vector: Vectors, scope: Scope
) -> tuple[dict[int, float], dict[int, float]]:
    """Cosine of each piece or of the smaller piece inside it that is nearer, and every piece's
    share of the dense vote."""
    labels, cosines = snapshot.answer.search(vector, DEPTH, None, scope.answer)
    near = dict(zip(labels.tolist(), cosines.tolist(), strict=True))
    votes: dict[int, float] = {}
    _vote(votes, list(near), WEIGHTS["piece"])
    inside: dict[int, float] = {}
    small, cosines = snapshot.reject.search(vector, 2 * DEPTH, 2 * DEPTH, scope.reject)
    for label, cosine in zip(small.tolist(), cosines.tolist(), strict=True):
        for piece in snapshot.parents.get(label, ()):
            if scope.answer is None or piece in scope.answer:
                inside.setdefault(piece, cosine)
    _vote(votes, list(inside)[: 2 * DEPTH], WEIGHTS["small"])
    for piece, cosine in inside.items():
        near[piece] = max(cosine, near.get(piece, cosine))
    return near, votes


def _lexical(
    snapshot: Snapshot, terms: Sequence[str], scope: Scope
) -> tuple[dict[int, float], dict[int, float]]:
    """Every piece's share of the lexical vote, and every page's."""
    votes: dict[int, float] = {}
    for name, fields in (("words", WORDS), ("around", AROUND)):
        hits = snapshot.words.search(terms, fields, DEPTH, scope.answer)
        _vote(votes, [id_ for id_, _ in hits], WEIGHTS[name])
    pages: dict[int, float] = {}
    page_ids = None if scope.pages is None else frozenset(-page for page in scope.pages)
    hits = snapshot.words.search(terms, PAGE, DEPTH // 2, page_ids)
    _vote(pages, [-id_ for id_, _ in hits], WEIGHTS["page"])
    return votes, pages


def _vote(votes: dict[int, float], ranked: Sequence[int], weight: float) -> None:
    for rank, id_ in enumerate(ranked, start=1):
        votes[id_] = votes.get(id_, 0.0) + weight / (RANK_CONSTANT + rank)


def _fuse(
    snapshot: Snapshot,
    question: str,
    dense: Mapping[int, float],
    lexical: tuple[Mapping[int, float], Mapping[int, float]],
) -> dict[int, float]:
    """Score of every piece that any list named.

    BM25 can't see a piece in another language than the question: there the dense vote stands in
    for the missing one, so that the English page answers where no Chinese one does.
    """
    words, pages = lexical
    asked = question.lower()
    named: set[int] = set()
    for name, below in snapshot.named.items():
        if name in asked:
            named |= below
    in_chinese = is_chinese(question)
    scores: dict[int, float] = {}
    for piece in {*dense, *words}:
        documents = snapshot.pages_of.get(piece, ())
        of_pages = max((pages.get(document, 0.0) for document in documents), default=0.0)
        by_words = words.get(piece, 0.0) + of_pages
        by_meaning = dense.get(piece, 0.0)
        if (piece in snapshot.chinese) != in_chinese:
            by_words = max(by_words, by_meaning)
        boost = NAMED if not named.isdisjoint(documents) else 1.0
        scores[piece] = (by_meaning + by_words) * boost
    return scores


def _adds_something(
    snapshot: Snapshot,
    place: Place,
    piece: int,
    chosen: Sequence[_Hit],
    kept: Sequence[Vectors],
) -> bool:
    same_page = [hit for hit in chosen if hit.place.document == place.document]
    if len(same_page) >= PER_PAGE:
        return False
    if any(hit.first.start <= place.start < hit.last.end for hit in same_page):
        return False
    own = snapshot.answer.vector(piece)
    return all(float(own @ other) < NEAR_EQUAL for other in kept)


def _widen(places: Sequence[Place], hit: Place, most: int) -> tuple[Place, Place]:
    """Joins neighbours of a hit, those under the same heading first, up to `most` characters."""
    here = next(i for i, place in enumerate(places) if place.start == hit.start)
    return grown(places, here, here, hit.heading, most)


def grown(
    places: Sequence[Place], first: int, last: int, heading: str, most: int
) -> tuple[Place, Place]:
    """The run of places from `first` to `last` and its neighbours, those under `heading` first,
    up to `most` characters; as its first and last place."""
    while True:
        options: list[tuple[int, int, int]] = []
        if last + 1 < len(places) and places[last + 1].end - places[first].start <= most:
            options.append((_kinship(places[last + 1], heading), 1, last + 1))
        if first > 0 and places[last].end - places[first - 1].start <= most:
            options.append((_kinship(places[first - 1], heading), 0, first - 1))
        if not options:
            return places[first], places[last]
        _, after, chosen = max(options)
        first, last = (first, chosen) if after else (chosen, last)


def _kinship(place: Place, heading: str) -> int:
    if place.heading == heading:
        return 2
    return 1 if place.heading.startswith(heading) else 0


def _passage(
    snapshot: Snapshot,
    hit: _Hit,
    vector: Vectors,
    rank_score: float,
    cosines: Mapping[int, float],
    scope: Scope,
) -> Passage:
    cosine = cosines.get(hit.piece)
    if cosine is None:
        cosine = float(np.clip(snapshot.answer.vector(hit.piece) @ vector, -1.0, 1.0))
    page = snapshot.pages[hit.place.document]
    others = [snapshot.pages[place.document] for place in _places(snapshot, hit.piece, scope)]
    return Passage(
        source=page.source,
        path=page.path,
        heading=hit.place.heading,
        line=hit.first.line if page.has_lines else 1,
        text=snapshot.catalog.excerpt(page.id, hit.first.start, hit.last.end),
        score=cosine,
        rank_score=rank_score,
        url=page.url,
        starts_under=hit.first.heading,
        start=hit.first.start,
        also_in=tuple(dict.fromkeys(other.path for other in others if other.id != page.id)),
    )
