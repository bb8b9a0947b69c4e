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
from knowledge.retrieval.evidence import question_alike
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
    "meaning_rank",  # 1 for the first of the list, falling
    "around_rank",
    "latin",  # share of the Latin words that it holds, by rarity
    "question",  # how alike the question and one among its headings are, over what any two are
)

EVIDENCE = (
    "lead",  # the best piece's page's share of all candidates' exponential scores
    "held",  # log of 1 plus how many words, as rare as can be, the best piece's words amount to
    "stands_out",  # cosine of its nearest small piece, less half of the question's usual one
    "unknown",  # names that stand nowhere in the project asked about, 0 to 3
    "unknown_names",  # those of them that are no plain word; in a Chinese question all
    "elsewhere",  # 1 where a source is named and the best piece is of another
    "kinds_missing",  # of a number and a name, what is asked for and does not stand in it, 0 to 2
    "missing",  # share of the words, by rarity, that it doesn't hold, divided by their number
    "same_question",  # how much more than any other a question among its headings asks the same
)

FALL = 10.0
"""A rank counts by `FALL / (FALL + rank)`."""

USUAL_COUNTS = 0.5
"""How much of its usual cosine a question's nearness is freed of: without any it means another
thing in each collection, without all of it several near pieces say that there is an answer."""

ALIKE, HALF = 0.3, 0.5
"""How alike two questions are that have common words in common, and half of what they say."""


@dataclass(frozen=True, slots=True)
class Look:
    """The candidates looked at closely, row by row: where they stand; which of the question's
    terms they hold, themselves with their headings and with their neighbours; their vectors; the
    cosine of the nearest small piece, and the usual one; how alike the question is to one among
    their headings, and to the next of other headings, 0..1; and the features for ranking,
    (n, len(RANKING))."""

    pieces: tuple[int, ...]
    places: tuple[Place, ...]
    own: Mask
    around: Mask
    chinese: Mask
    vectors: Vectors
    cosines: Numbers
    usual: float
    question_alike: Numbers
    others_alike: Numbers
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
    alike, others = _question_alike(snapshot, asked, [places[piece] for piece in pieces])
    columns = {
        **by_words,
        "meaning": near - float(near.max(initial=-1.0)),
        "foreign_meaning": np.where(chinese == asked.chinese, 0.0, foreign),
        "question": np.maximum(0.0, alike - ALIKE),
    }
    return Look(
        pieces=pieces,
        places=tuple(places[piece] for piece in pieces),
        own=own,
        around=around,
        chinese=chinese,
        vectors=vectors,
        cosines=cosines,
        usual=found.usual,
        question_alike=alike,
        others_alike=others,
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


def _question_alike(
    snapshot: Snapshot, asked: Asked, places: Sequence[Place]
) -> tuple[Numbers, Numbers]:
    """How alike the question is to one among each piece's headings, and to the best one of all
    others, at least `HALF`. A piece may hold several sections, each with small pieces."""
    inside = [snapshot.children.get(place.piece, ()) for place in places]
    small = snapshot.catalog.first_places(list({label for group in inside for label in group}))
    best = [(0.0, "")] * len(places)
    every: dict[str, float] = {}
    for row, (place, group) in enumerate(zip(places, inside, strict=True)):
        if _is_elsewhere(snapshot, asked, place.document):
            continue
        page = snapshot.pages[place.document]
        for heading in {place.heading, *(small[label].heading for label in group)}:
            same = question_alike(snapshot.words, asked.searched, heading, page, asked.own_names)
            title = heading.rpartition(PATH)[2]
            every[title] = max(same, every.get(title, 0.0))
            best[row] = max(best[row], (same, title))
    first, second = [*sorted(every, key=lambda title: -every[title]), "", ""][:2]
    others = [every.get(second if title == first else first, 0.0) for _, title in best]
    return np.asarray([same for same, _ in best], np.float64), np.maximum(HALF, others)


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
    place = seen.places[best]
    strength = np.exp(scores - scores[best])
    on_page = np.asarray([other.document == place.document for other in seen.places])
    strange = asked.needed & ~_at_home(snapshot, asked, place.document)
    no_words = asked.names | asked.chinese
    text = snapshot.catalog.excerpt(place.document, place.start, place.end)
    values = {
        "lead": float(strength[on_page].sum() / strength.sum()),
        "held": math.log1p(float(seen.own[best] @ asked.weights) / asked.rarest),
        "stands_out": float(seen.cosines[best]) - USUAL_COUNTS * seen.usual,
        "unknown": min(3, int(strange.sum())),
        "unknown_names": min(3, int((strange & no_words).sum())),
        "elsewhere": float(_is_elsewhere(snapshot, asked, place.document)),
        "kinds_missing": asked.asks.kinds - asked.asks.given_in(text),
        "missing": _missing(asked, seen.own[best]),
        "same_question": max(0.0, float(seen.question_alike[best] - seen.others_alike[best])),
    }
    return np.asarray([values[name] for name in EVIDENCE])


def _missing(asked: Asked, held: Mask) -> float:
    """Of two words that are asked about one is much, of ten it may be by the way."""
    share = float(asked.weights[~held].sum()) / (float(asked.weights.sum()) or 1.0)
    return share / max(1, len(asked.terms))


def _is_elsewhere(snapshot: Snapshot, asked: Asked, page: int) -> bool:
    """Does the question name a source or project, and the page belong to none that it names?"""
    own = snapshot.sources | snapshot.projects.keys()
    return not own.isdisjoint(asked.sources) and page not in asked.below


def _at_home(snapshot: Snapshot, asked: Asked, page: int) -> Mask:
    """Which terms stand in the project that is asked about: one that is named, else the one
    that the best page belongs to, else all documents."""
    named = [snapshot.projects[name] for name in asked.sources if name in snapshot.projects]
    own = [project for project in snapshot.projects.values() if page in project.pages]
    for project in (*named, *own):
        return which_are_in(asked.checksums, project.terms)
    return asked.known
