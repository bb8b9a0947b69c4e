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

SELDOM = 0.03
"""A Latin word on no more than this share of the pages, or on three, is searched for alone: the
name of a setting must bring its piece whatever else is said."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """`pieces` are in the order of their fused ranks; the ranks in single lists begin at 0."""

    pieces: tuple[int, ...]
    by_meaning: Mapping[int, int]
    by_words_around: Mapping[int, int]


def candidates(snapshot: Snapshot, asked: Asked, vector: Vectors, scope: Scope) -> Candidates:
    """The candidates of the scope for a question whose vector has shape (dim,)."""
    search = snapshot.words.search
    near = _by_meaning(snapshot, vector, scope)
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
    best = sorted(_within(snapshot, fused, asked, scope), key=lambda piece: (-fused[piece], piece))[
        :MOST
    ]
    return Candidates(tuple(best), _ranks(near), _ranks(around))


def _within(snapshot: Snapshot, pieces: Iterable[int], asked: Asked, scope: Scope) -> Iterable[int]:
    """The pieces that a page of the scope, and of the right version, holds."""
    if scope.pages is None and not asked.left_out:
        return pieces
    every = snapshot.pages.keys() if scope.pages is None else scope.pages
    pages = every - asked.left_out
    return [piece for piece in pieces if not pages.isdisjoint(snapshot.pages_of[piece])]


def _by_meaning(snapshot: Snapshot, vector: Vectors, scope: Scope) -> list[int]:
    """Pieces in the order in which the nearest small piece inside each is met."""
    labels, _ = snapshot.reject.search(vector, DEPTH, DEPTH, scope.reject)
    met: dict[int, None] = {}
    for label in labels.tolist():
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
