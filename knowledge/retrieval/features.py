"""What ranking and evidence go by. Each feature means the same in every collection: shares, ranks,
and differences to the best candidate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.index.embedders import unit
from knowledge.index.open import Scope, Snapshot
from knowledge.index.rows import Place
from knowledge.index.terms import which_are_in, which_are_in_each
from knowledge.retrieval.candidates import Candidates
from knowledge.retrieval.evidence import asks_the_same
from knowledge.retrieval.question import Asked
from knowledge.types import PATH, Vectors

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

RANKING = (
    "words_around",  # share of the known words that it holds with its neighbours, by rarity
    "meaning",  # cosine of the mean of its small pieces, minus the best candidate's
    "names_on_page",  # share of the question's identifiers that its page holds
    "named",  # 1 below a source or folder that the question names, -1 beside one, else 0
    "foreign_meaning",  # in another language: its nearest small piece's cosine, for missing words
    "same_language",
    "meaning_rank",  # 1 for the first of the list, falling
    "around_rank",
    "latin",  # share of the Latin words that it holds, by rarity
)

EVIDENCE = (
    "score",  # of the best candidate
    "lead",  # its page's share of all candidates' exponential scores
    "words",  # share of the words, unknown ones too, that the best piece holds
    "matched",  # that share, times the root of how many equally rare words all of them make
    "latin_around",  # share of the Latin words alone: in another language there are no others
    "at_home",  # share of the words that stand anywhere in the project asked about
    "unknown",  # names that do not, 0 to 3
    "unknown_names",  # those of them that are no plain word; in a Chinese question all
    "missing",  # identifiers that stand somewhere, but not around the best piece, 0 to 2
    "unknown_nouns",  # Chinese nouns on no page, 0 to 3
    "elsewhere",  # 1 where a source is named and the best piece is of another
    "same_language",
    "heading",  # how much a heading in it asks the same, by rarity of the words of both
)

FALL = 10.0
"""A rank counts by `FALL / (FALL + rank)`."""

UNSEEN_WORD = 0.3
"""An unseen Chinese word may be a matter of cutting: it counts this much for being missing."""


@dataclass(frozen=True, slots=True)
class Look:
    """The candidates looked at closely, row by row: where they stand; which of the question's
    terms they hold, themselves with their headings and with their neighbours; their vectors; the
    cosine of the nearest small piece; and the features for ranking, (n, len(RANKING))."""

    pieces: tuple[int, ...]
    places: tuple[Place, ...]
    own: Mask
    around: Mask
    chinese: Mask
    vectors: Vectors
    cosines: Numbers
    features: Numbers


def look(
    snapshot: Snapshot, asked: Asked, vector: Vectors, found: Candidates, scope: Scope
) -> Look:
    """Looks at candidates closely; of the places where one stands, at the first in the scope."""
    pieces = found.pieces
    places = snapshot.catalog.first_places(pieces, scope.pages, asked.left_out)
    own, around = _held(snapshot, asked, pieces)
    chinese = np.asarray([piece in snapshot.chinese for piece in pieces], np.bool_)
    vectors, cosines = _vectors(snapshot, vector, pieces)
    near = vectors @ vector
    by_words = _by_words(snapshot, asked, found, places, own, around)
    foreign = cosines * (1.0 - by_words["words_around"])
    columns = {
        **by_words,
        "same_language": (chinese == asked.chinese).astype(np.float64),
        "meaning": near - float(near.max(initial=-1.0)),
        "foreign_meaning": np.where(chinese == asked.chinese, 0.0, foreign),
    }
    return Look(
        pieces=pieces,
        places=tuple(places[piece] for piece in pieces),
        own=own,
        around=around,
        chinese=chinese,
        vectors=vectors,
        cosines=cosines,
        features=np.stack([columns[name] for name in RANKING], axis=1),
    )


def _held(snapshot: Snapshot, asked: Asked, pieces: Sequence[int]) -> tuple[Mask, Mask]:
    beside = [snapshot.beside.get(piece, ()) for piece in pieces]
    every = list({*pieces, *(other for near in beside for other in near)})
    row = {piece: number for number, piece in enumerate(every)}
    terms = snapshot.catalog.terms_of(every)
    text = which_are_in_each(asked.checksums, [terms[piece].text for piece in every])
    heading = which_are_in_each(asked.checksums, [terms[piece].heading for piece in pieces])
    own = heading | text[[row[piece] for piece in pieces]]
    around = own.copy()
    for number, others in enumerate(beside):
        around[number] |= text[[row[other] for other in others]].any(axis=0)
    return own, around


def _rows(asked: Asked, rows: Sequence[Mask]) -> Mask:
    return np.asarray(rows, np.bool_).reshape(len(rows), len(asked.terms))


def _by_words(
    snapshot: Snapshot,
    asked: Asked,
    found: Candidates,
    places: Mapping[int, Place],
    own: Mask,
    around: Mask,
) -> dict[str, Numbers]:
    pieces = found.pieces
    pages = _pages_hold(snapshot, asked, [places[piece].document for piece in pieces])
    return {
        "words_around": _share(around, np.where(asked.known, asked.weights, 0.0)),
        "names_on_page": _share(pages, np.where(asked.names, asked.weights, 0.0)),
        "named": np.asarray([_named(snapshot, asked, piece) for piece in pieces]),
        "meaning_rank": _falling(found.by_meaning, pieces),
        "around_rank": _falling(found.by_words_around, pieces),
        "latin": _share(own, np.where(asked.latin, asked.weights, 0.0)),
    }


def _vectors(snapshot: Snapshot, vector: Vectors, pieces: Sequence[int]) -> tuple[Vectors, Numbers]:
    """Each piece's vector, the mean of its small pieces', and the cosine of the nearest one; of a
    piece that has none all is zero."""
    inside = [snapshot.children.get(piece, ()) for piece in pieces]
    labels = list({label for group in inside for label in group})
    row = {label: number for number, label in enumerate(labels)}
    small = snapshot.reject.vectors(labels)
    cosines = small @ vector
    mean = np.zeros((len(pieces), len(vector)), np.float32)
    nearest = np.zeros(len(pieces))
    for number, group in enumerate(inside):
        if group:
            rows = [row[label] for label in group]
            mean[number] = small[rows].sum(axis=0)
            nearest[number] = float(cosines[rows].max())
    return unit(mean), nearest


def _pages_hold(snapshot: Snapshot, asked: Asked, documents: Sequence[int]) -> Mask:
    """Which terms each page holds; only looked up for identifiers."""
    if not asked.names.any():
        return np.zeros((len(documents), len(asked.terms)), np.bool_)
    terms = snapshot.catalog.page_terms(list(set(documents)))
    held = {page: which_are_in(asked.checksums, found) for page, found in terms.items()}
    return _rows(asked, [held[page] for page in documents])


def _named(snapshot: Snapshot, asked: Asked, piece: int) -> float:
    if not asked.below:
        return 0.0
    return 1.0 if not asked.below.isdisjoint(snapshot.pages_of[piece]) else -1.0


def _falling(ranks: Mapping[int, int], pieces: Sequence[int]) -> Numbers:
    return np.asarray([FALL / (FALL + ranks[p]) if p in ranks else 0.0 for p in pieces])


def _share(held: Mask, weights: Numbers) -> Numbers:
    """Of each row, by weight."""
    whole = float(weights.sum())
    return np.asarray(held @ weights / whole if whole else np.zeros(len(held)))


def evidence_features(snapshot: Snapshot, asked: Asked, seen: Look, scores: Numbers) -> Numbers:
    """What speaks for and against the best candidate's being the answer, shape (len(EVIDENCE),);
    `scores` are the candidates', at least one."""
    best = int(scores.argmax())
    page = seen.places[best].document
    strength = np.exp(scores - scores[best])
    on_page = np.asarray([place.document == page for place in seen.places])
    weights = np.where(asked.known | asked.latin, asked.weights, UNSEEN_WORD * asked.weights)
    home = _at_home(snapshot, asked, page)
    strange, no_words = asked.needed & ~home, asked.names | asked.chinese
    latin_weights = np.where(asked.latin, asked.weights, 0.0)
    latin = float(_share(seen.around[best : best + 1], latin_weights)[0])

    def share(held: Mask) -> float:
        return float(_share(held[None, :], weights)[0])

    values = {
        "score": float(scores[best]),
        "lead": float(strength[on_page].sum() / strength.sum()),
        "words": share(seen.own[best]),
        "matched": share(seen.own[best]) * math.sqrt(_count(weights)),
        "latin_around": latin,
        "at_home": share(home),
        "unknown": min(3, asked.strange_version + int(strange.sum())),
        "unknown_names": min(3, asked.strange_version + int((strange & no_words).sum())),
        "missing": min(2, int((asked.names & asked.known & ~seen.around[best]).sum())),
        "unknown_nouns": min(3, asked.unknown_nouns),
        "elsewhere": float(_is_elsewhere(snapshot, asked, page)),
        "same_language": float(seen.chinese[best] == asked.chinese),
        "heading": _heading_alike(snapshot, asked, seen.pieces[best]),
    }
    return np.asarray([values[name] for name in EVIDENCE])


def _is_elsewhere(snapshot: Snapshot, asked: Asked, page: int) -> bool:
    """Does the question name a source or project, and the page belong to none that it names?"""
    own = snapshot.sources | snapshot.projects.keys()
    return not own.isdisjoint(asked.sources) and page not in asked.below


def _count(weights: Numbers) -> float:
    """How many equally rare words these amount to: one rare word among common ones is one."""
    return float(weights.sum() ** 2 / max(float(weights @ weights), 1e-9))


def _heading_alike(snapshot: Snapshot, asked: Asked, piece: int) -> float:
    """How much the headings of a piece's small pieces ask the same, 0..1. The names of where to
    look are no part of it."""
    places = snapshot.catalog.first_places(snapshot.children.get(piece, ()))
    terms = frozenset(snapshot.words.terms(asked.text)) - asked.own_names
    alike = [0.0]
    for place in places.values():
        above, _, title = place.heading.rpartition(PATH)
        page = snapshot.pages[place.document]
        above = f"{above} {page.source} {page.path}"
        alike.append(asks_the_same(snapshot.words, terms, title, above, asked.own_names))
    return max(alike)


def _at_home(snapshot: Snapshot, asked: Asked, page: int) -> Mask:
    """Which terms stand in the project that is asked about: one that is named, else the one
    that the best page belongs to, else all documents."""
    named = [snapshot.projects[name] for name in asked.sources if name in snapshot.projects]
    own = [project for project in snapshot.projects.values() if page in project.pages]
    for project in (*named, *own):
        return which_are_in(asked.checksums, project.terms)
    return asked.known
