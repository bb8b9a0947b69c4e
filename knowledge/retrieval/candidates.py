"""Which pieces a question may be for: ranked lists by meaning and by wording, joined by reciprocal
rank (Cormack et al., SIGIR 2009). The best of them are looked at closely afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from knowledge.index.open import Scope, Snapshot
from knowledge.retrieval.question import Asked
from knowledge.types import Vectors

RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion, as published."""

DEPTH = 80
"""How far down each list is read."""

MOST = 60
"""Candidates: of unseen questions' answers 0.98 are among as many."""

PAGE_COUNTS = 0.6
"""The list of whole pages only tips the scales."""

WORDS = {"path": 0.5, "heading": 0.5, "text": 1.0}
AROUND = {"path": 0.5, "heading": 0.5, "around": 1.0}
PAGE = {"page": 1.0}

USUAL = 10
"""The small piece this far down the list is near because all is about the same; between 5 and 40
it makes no difference."""

SELDOM = 0.03
"""A Latin word on no more than this share of the pages, or on three, is searched for alone: the
name of a setting must bring its piece whatever else is said."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """`pieces` are in the order of their fused ranks; the ranks in single lists begin at 0. `usual`
    is the cosine that the question has to small pieces that are near for no reason of their own."""

    pieces: tuple[int, ...]
    by_meaning: Mapping[int, int]
    by_words_around: Mapping[int, int]
    usual: float


def narrowed(snapshot: Snapshot, asked: Asked, scope: Scope) -> Scope:
    """The part of a scope to look at: who names projects asks about what stands there."""
    named = [snapshot.projects[name].scope for name in asked.sources if name in snapshot.projects]
    own = [project for project in named if project]
    if not own or len(own) < len(named):
        return scope
    return Scope(
        _both(scope.pages, [one.pages for one in own]),
        _both(scope.answer, [one.answer for one in own]),
        _both(scope.reject, [one.reject for one in own]),
    )


def _both(whole: frozenset[int] | None, parts: Sequence[frozenset[int] | None]) -> frozenset[int]:
    together = frozenset[int]().union(*(part for part in parts if part))
    return together if whole is None else whole & together


def candidates(snapshot: Snapshot, asked: Asked, vector: Vectors, scope: Scope) -> Candidates:
    """The candidates of the scope for a question whose vector has shape (dim,)."""
    search = snapshot.words.search
    labels, cosines = snapshot.reject.search(vector, DEPTH, DEPTH, scope.reject)
    near = _by_meaning(snapshot, labels.tolist(), scope)
    around = [id_ for id_, _ in search(asked.searched, AROUND, DEPTH, scope.answer)]
    lists = [
        near,
        around,
        [id_ for id_, _ in search(asked.searched, WORDS, DEPTH, scope.answer)],
        [id_ for id_, _ in search(_seldom(snapshot, asked), WORDS, DEPTH // 4, scope.answer)],
    ]
    fused: dict[int, float] = {}
    for ranked in lists:
        for position, piece in enumerate(ranked):
            fused[piece] = fused.get(piece, 0.0) + 1.0 / (RANK_CONSTANT + position)
    pages = _pages(snapshot, asked, scope)
    for piece in fused:
        found = [pages[page] for page in snapshot.pages_of.get(piece, ()) if page in pages]
        if found:
            fused[piece] += PAGE_COUNTS / (RANK_CONSTANT + min(found))
    best = sorted(
        _of_pages(snapshot, fused, asked, scope), key=lambda piece: (-fused[piece], piece)
    )[:MOST]
    usual = float(cosines[min(USUAL, len(cosines) - 1)]) if len(cosines) else 0.0
    return Candidates(tuple(best), _ranks(near), _ranks(around), usual)


def _of_pages(
    snapshot: Snapshot, pieces: Iterable[int], asked: Asked, scope: Scope
) -> Iterable[int]:
    """The pieces that a page of the scope, and of the right version, holds."""
    if scope.pages is None and not asked.left_out:
        return pieces
    every = snapshot.pages.keys() if scope.pages is None else scope.pages
    pages = every - asked.left_out
    return [piece for piece in pieces if not pages.isdisjoint(snapshot.pages_of[piece])]


def _by_meaning(snapshot: Snapshot, small: Iterable[int], scope: Scope) -> list[int]:
    """Pieces in the order in which the nearest small piece inside each is met."""
    met: dict[int, None] = {}
    for label in small:
        for piece in snapshot.parents.get(label, ()):
            if scope.answer is None or piece in scope.answer:
                met.setdefault(piece)
    return list(met)


def _seldom(snapshot: Snapshot, asked: Asked) -> dict[str, float]:
    most = max(3.0, SELDOM * len(snapshot.pages))
    seldom = asked.latin & (asked.pages > 0) & (asked.pages <= most)
    return {term: 1.0 for term, is_seldom in zip(asked.terms, seldom, strict=True) if is_seldom}


def _pages(snapshot: Snapshot, asked: Asked, scope: Scope) -> dict[int, int]:
    """The rank of the pages that hold the question's words."""
    among = None if scope.pages is None else frozenset(-page for page in scope.pages)
    hits = snapshot.words.search(asked.searched, PAGE, DEPTH // 2, among)
    return {-id_: position for position, (id_, _) in enumerate(hits)}


def _ranks(pieces: Sequence[int]) -> dict[int, int]:
    return {piece: position for position, piece in enumerate(pieces)}
