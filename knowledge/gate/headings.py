"""The questions that documents ask themselves: their headings, and how near the documents are to
them. They show what a question about a collection looks like where nobody wrote examples for it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from knowledge.gate.features import EFFORT
from knowledge.index.open import Snapshot
from knowledge.index.rows import Place
from knowledge.ingest.split import PATH
from knowledge.types import Vectors

SAMPLE = 200
"""Questions asked; more don't change the thresholds by 0.01."""

DEEP = 50
"""Pieces looked at for those that don't stand under the heading itself."""

LEAST_WORDS = 2
"""A heading of one word ("Overview") asks nothing."""

LINE_CHARS = (20, 100)
"""Where there are hardly any headings, lines as long as a question stand in for them."""


def own_scores(
    snapshot: Snapshot, neighbours: int, encode: Callable[[Sequence[str]], Vectors]
) -> list[float]:
    """The gate's score of the documents' own questions. What stands under the very heading does
    not count: nobody words a question as the document does."""
    asked = dict(_questions(snapshot))
    if not asked:
        return []
    found = (
        _nearness(snapshot, vector, neighbours, place)
        for vector, place in zip(encode(list(asked)), asked.values(), strict=True)
    )
    return [score for score in found if score is not None]


def _questions(snapshot: Snapshot) -> Iterator[tuple[str, Place]]:
    """Headings with where they stand, the same ones for the same documents."""
    ids = sorted(snapshot.parents, key=lambda id_: hashlib.sha256(b"%d" % id_).digest())
    seen: set[str] = set()
    for text_of in (_heading, _line):
        for id_ in ids:
            place = snapshot.catalog.places_of(id_)[0]
            text = text_of(snapshot, place)
            if text in seen or len(snapshot.words.telling_terms(text)) < LEAST_WORDS:
                continue
            seen.add(text)
            yield text, place
            if len(seen) == SAMPLE:
                return


def _heading(_: Snapshot, place: Place) -> str:
    return place.heading.rpartition(PATH)[2]


def _line(snapshot: Snapshot, place: Place) -> str:
    text = snapshot.catalog.excerpt(place.document, place.start, place.end)
    low, high = LINE_CHARS
    return next(
        (line for line in map(str.strip, text.splitlines()) if low <= len(line) <= high), ""
    )


def _nearness(snapshot: Snapshot, vector: Vectors, neighbours: int, own: Place) -> float | None:
    labels, cosines = snapshot.reject.search(vector, DEEP, EFFORT)
    others = [
        cosine
        for label, cosine in zip(labels.tolist(), cosines.tolist(), strict=True)
        if not any(
            (place.document, place.heading) == (own.document, own.heading)
            for place in snapshot.catalog.places_of(label)
        )
    ]
    return float(np.mean(others[:neighbours])) if others else None
