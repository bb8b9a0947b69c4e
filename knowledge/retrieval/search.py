"""Hybrid retrieval: the best pieces, joined to readable passages, and how well they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from knowledge.index.catalog import Place
from knowledge.index.open import EVERYTHING, Page, Scope, Snapshot
from knowledge.retrieval.evidence import Scale, evidence, held
from knowledge.retrieval.ranking import Ranking, rank
from knowledge.types import Found, Passage, Vectors

__all__ = ["Page", "Snapshot", "grown", "search"]

NEAR_EQUAL = 0.9
"""Two pieces with at least this cosine say the same (versions of a page)."""

JUDGED = 3
"""Passages of which one has to be evidence: the best one is nearly always among them."""

PER_PAGE = 2
"""Passages of one page among the hits, so that one long page does not fill the answer."""


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
    scale: Scale = Scale(),  # noqa: B008
) -> Found:
    """The k best passages for a question whose vector has shape (dim,), best first; only from
    the scope."""
    ranking = rank(snapshot, question, vector, scope, scale)
    scores = ranking.scores
    chosen: list[_Hit] = []
    kept: list[Vectors] = []
    for piece in sorted(sorted(scores), key=lambda id_: scores[id_], reverse=True):
        if len(chosen) == k:
            break
        place = _places(snapshot, piece, scope)[0]
        if not _adds_something(snapshot, place, piece, chosen, kept):
            continue
        reach = (place.start - passage_chars, place.end + passage_chars)
        near = snapshot.catalog.places_in(place.document, *reach)
        first, last = _widen(near, place, passage_chars)
        chosen.append(_Hit(piece, place, first, last))
        kept.append(snapshot.answer.vector(piece))
    passages = tuple(
        _passage(snapshot, hit, vector, scores[hit.piece], ranking.cosines, scope) for hit in chosen
    )
    unknown = tuple(snapshot.words.unknown_names(question))
    found = Found(passages, 0.0, unknown)
    return replace(found, evidence=_evidence(snapshot, question, found, chosen, ranking, scale))


def _places(snapshot: Snapshot, piece: int, scope: Scope) -> list[Place]:
    """Where a piece stands, as far as the scope reaches."""
    places = snapshot.catalog.places_of(piece)
    return [place for place in places if scope.pages is None or place.document in scope.pages]


def _evidence(
    snapshot: Snapshot,
    question: str,
    found: Found,
    hits: Sequence[_Hit],
    ranking: Ranking,
    scale: Scale,
) -> float:
    """How well the documents cover a question, see `Found.evidence`: what speaks most for it in
    one of the first passages. The name of a source says nothing about what stands in there, and
    where a question names one, others are not what it is about."""
    sure = 0.0
    telling = snapshot.words.telling_terms(question)
    names = snapshot.words.title_terms(" ".join(ranking.named))
    source_named = _is_a_source_named(snapshot, ranking.named)
    for hit, passage in zip(hits[:JUDGED], found.passages, strict=False):
        rest = telling
        if any(hit.place.document in pages for pages in ranking.named.values()):
            rest = [term for term in telling if term not in names]
        elif source_named:
            continue
        text = f"{passage.path}\n{passage.heading}\n{passage.text}"
        share, count = held(snapshot.words, rest, text)
        title, nearness = ranking.titles.get(hit.piece, 0.0), scale.of(passage.score)
        sure = max(sure, evidence(nearness, share, count, title, len(found.unknown)))
    return sure


def _is_a_source_named(snapshot: Snapshot, named: Mapping[str, frozenset[int]]) -> bool:
    """Is one of the names that of a source, not of a folder only?"""
    return any(
        snapshot.pages[page].source.lower() == name
        for name, below in named.items()
        for page in below
    )


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
