"""Retrieval: the pieces that answer best, joined to readable passages, and how sure that is.

Two fitted models say so. `bench/fit.py` fits them and writes `model.json`, plain numbers beside the
names of their features."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.index.open import EVERYTHING, Page, Scope, Snapshot
from knowledge.index.rows import Place
from knowledge.retrieval.asks import actions_and_objects, asks_how
from knowledge.retrieval.candidates import candidates, narrowed
from knowledge.retrieval.entries import tells
from knowledge.retrieval.evidence import is_question
from knowledge.retrieval.features import (
    EVIDENCE,
    HALF,
    RANKING,
    Look,
    Numbers,
    evidence_features,
    look,
)
from knowledge.retrieval.question import Asked, read
from knowledge.retrieval.units import goes_on
from knowledge.types import PATH, Found, Part, Passage, Vectors

__all__ = ["Page", "Snapshot", "grown", "search"]

PER_PAGE = 2
"""Passages of one page among the hits, so that one long page does not fill the answer."""

NEAR_EQUAL = 0.95
"""Two pieces with at least this cosine say the same (versions of a page)."""

OTHER_VERSION = 0.25
"""What evidence is worth where a question names a version that no page is of: too little to answer.
No labelled question names one, so it is not fitted."""

ANOTHER_TASK = 0.5
"""What evidence is worth where the best piece tells how to do what is asked, but to something else,
or how to do something else with it, or no how at all: too little to be sure. As one feature among
others it would weigh nothing: few collections have headings that say how."""

FENCES = ("```", "~~~")
"""What code ends with: it leads to nothing."""

TOLD = 0.8
"""What evidence is at least where a passage has an entry for the very name that is asked about, and
it holds what is asked: the features look at a whole piece, of which a row is a small part."""

FILE = Path(__file__).with_name("model.json")


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of both sums in the order of their features, and the evidence's constant."""

    ranking: Numbers
    evidence: Numbers
    constant: float

    def scores(self, seen: Look) -> Numbers:
        """Of each candidate, higher is better."""
        return np.asarray(seen.features @ self.ranking)

    def probability(self, features: Numbers) -> float:
        """That the best candidate answers, by features of shape (len(EVIDENCE),)."""
        odds = float(features @ self.evidence) + self.constant
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))


@cache
def fitted() -> Model:
    """The model that comes with this version. Raises ValueError where it fits other features."""
    return from_json(json.loads(FILE.read_text(encoding="utf-8")))


def from_json(found: Mapping[str, Any]) -> Model:
    """A model from its JSON form. Raises ValueError where it fits other features."""
    return Model(
        ranking=_weights(found["ranking"], RANKING),
        evidence=_weights(found["evidence"], EVIDENCE),
        constant=float(found["constant"]),
    )


def as_json(model: Model) -> dict[str, Any]:
    """The JSON form of a model."""
    return {
        "ranking": dict(zip(RANKING, model.ranking.tolist(), strict=True)),
        "evidence": dict(zip(EVIDENCE, model.evidence.tolist(), strict=True)),
        "constant": model.constant,
    }


def _weights(found: Mapping[str, float], names: tuple[str, ...]) -> Numbers:
    if tuple(found) != names:
        raise ValueError(f"{FILE} has other features than {names}; fit it anew with bench.fit")
    weights = np.asarray([float(found[name]) for name in names], np.float64)
    if not np.isfinite(weights).all():
        raise ValueError(f"{FILE} holds weights that are no numbers")
    return weights


@dataclass(frozen=True, slots=True)
class Ranked:
    """The candidates for a question, and the score of each."""

    asked: Asked
    seen: Look
    scores: Numbers

    @property
    def order(self) -> list[int]:
        """Rows of the candidates, best first."""
        return [int(row) for row in np.argsort(-self.scores, kind="stable")]


def search(
    snapshot: Snapshot,
    question: str,
    vector: Vectors,
    k: int,
    passage_chars: int,
    scope: Scope = EVERYTHING,
    model: Model | None = None,
) -> Found:
    """The k best passages for a question whose vector has shape (dim,), best first; only from
    the scope."""
    model = model or fitted()
    asked = read(snapshot, question)
    scope = narrowed(snapshot, asked, scope)
    seen = look(snapshot, asked, vector, candidates(snapshot, asked, vector, scope), scope)
    found = Ranked(asked, seen, model.scores(seen))
    if not found.seen.pieces:
        return Found((), 0.0, asked.unknown)
    chosen = passages(snapshot, found, k, passage_chars, scope)
    features = evidence_features(snapshot, found.asked, found.seen, found.scores)
    sure = model.probability(features) * (OTHER_VERSION if asked.strange_version else 1.0)
    if _another_task(snapshot, found):
        sure *= ANOTHER_TASK
    if sure < TOLD and not asked.strange_version and tells(snapshot.words, asked, chosen):
        sure = TOLD
    return Found(tuple(chosen), sure, asked.unknown)


def _another_task(snapshot: Snapshot, found: Ranked) -> bool:
    """Is it asked how to do something, and does a heading of the best candidate say how to do that
    to something else, or something else with it, and none how to do it? A heading that names
    nothing ("How do I uninstall it?") means what stands below. Nor do the answers to questions of
    other kinds ("Which formats can it read?") say how. Not told across languages."""
    asked, seen, best = found.asked, found.seen, found.order[0]
    if not asks_how(asked.text) or bool(seen.chinese[best]) != asked.chinese:
        return False
    place = seen.places[best]
    small = snapshot.catalog.first_places(list(snapshot.children.get(place.piece, ())))
    headings = {place.heading, *(one.heading for one in small.values())}
    titles = {heading.rpartition(PATH)[2] for heading in headings}
    tasks = list(filter(asks_how, titles))
    if not (tasks or asked.asks.kinds) and seen.question_alike[best] < HALF:
        return any(map(is_question, titles))
    return _do_another(snapshot, asked, place, tasks)


def _do_another(snapshot: Snapshot, asked: Asked, place: Place, tasks: Sequence[str]) -> bool:
    words = snapshot.words
    actions, objects = actions_and_objects(words, asked.text)
    objects -= asked.own_names
    if not actions or not objects:
        return False
    text = snapshot.catalog.excerpt(place.document, place.start, place.end)
    told = set[tuple[bool, bool]]()
    for title in tasks:
        own = words.title_terms(title)
        whole = own if actions_and_objects(words, title)[1] else own | words.term_set(text)
        told.add((not own.isdisjoint(actions), not whole.isdisjoint(objects)))
    return (True, True) not in told and not told.isdisjoint({(True, False), (False, True)})


def passages(snapshot: Snapshot, found: Ranked, k: int, chars: int, scope: Scope) -> list[Passage]:
    """The k best candidates with their neighbours, those that say the same but once."""
    scores = dict(zip(found.seen.pieces, found.scores.tolist(), strict=True))
    chosen: list[tuple[Place, Place, Place]] = []
    vectors: list[Vectors] = []
    made: list[Passage] = []
    for row in found.order:
        if len(made) == k:
            break
        place = found.seen.places[row]
        own = found.seen.vectors[row]
        same_page = [hit for hit in chosen if hit[0].document == place.document]
        if (
            len(same_page) >= PER_PAGE
            or any(first.start <= place.start < last.end for _, first, last in same_page)
            or any(float(own @ other) >= NEAR_EQUAL for other in vectors)
        ):
            continue
        # A long table or block of code leaves no room for the words about it.
        most = chars + max(0, place.end - place.start - chars // 2)
        near = snapshot.catalog.places_in(place.document, place.start - most, place.end + most)
        here = next(number for number, other in enumerate(near) if other.start == place.start)
        first, last = grown(near, here, here, place.heading, most)
        begin = near.index(first)
        before = begin > 0 and _kinship(near[begin - 1], place.heading) > 0
        inside = near[begin - before : near.index(last) + 1]
        chosen.append((place, first, last))
        vectors.append(own)
        made.append(_passage(snapshot, found, row, inside, scores, scope, lead=before))
    return made


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
    found: Ranked,
    row: int,
    inside: Sequence[Place],
    scores: Mapping[int, float],
    scope: Scope,
    *,
    lead: bool,
) -> Passage:
    """The candidate with the places around it; with `lead` the first of them is only for what
    makes little sense without it."""
    place, piece = found.seen.places[row], found.seen.pieces[row]
    page = snapshot.pages[place.document]
    worst = float(found.scores.min())
    elsewhere = [other for other in snapshot.pages_of[piece] if other != page.id]
    text = snapshot.catalog.excerpt(page.id, inside[0].start, inside[-1].end)
    if lead:
        own = inside[1].start - inside[0].start
        if text[:own].rstrip().endswith(FENCES) or not goes_on(text[own:]):
            inside, text = inside[1:], text[own:]
    first = inside[0]
    places = snapshot.catalog.places_of_lines(page.id, first.start, text)
    return Passage(
        source=page.source,
        path=page.path,
        heading=place.heading,
        line=first.line if page.has_lines else 1,
        text=text,
        score=float(found.seen.cosines[row]),
        rank_score=scores[piece],
        url=page.url,
        starts_under=first.heading,
        start=first.start,
        also_in=tuple(
            snapshot.pages[other].path
            for other in elsewhere
            if scope.pages is None or other in scope.pages
        ),
        parts=tuple(
            Part(one.start, one.end, one.line if page.has_lines else 1, one.heading,
                 scores.get(one.piece, worst))
            for one in inside
        ),
        places=places if page.has_lines else tuple((1, anchor) for _, anchor in places),
    )  # fmt: skip
