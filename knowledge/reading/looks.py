"""What is looked up for messages and pages. Each is a function of what serves, and with its other
arguments bound it may be sent to the process that has the snapshot."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from knowledge.index.rows import DocumentRow, Place
from knowledge.retrieval.evidence import worded_alike
from knowledge.retrieval.expand import expand
from knowledge.retrieval.quote import cut
from knowledge.retrieval.search import search
from knowledge.serving import Serving
from knowledge.types import Found, Passage, Quote, Vectors, Verdict

T = TypeVar("T")

Look: TypeAlias = Callable[[Serving], T]


def judged(
    now: Serving, *, text: str, vector: Vectors, sources: Sequence[str], mention: bool, group: str
) -> Verdict:
    """The gate's verdict on a message, whose vector has shape (dim,)."""
    return now.judge(text, vector, now.scope(sources), mention=mention, group=group)


def found(
    now: Serving, *, text: str, vector: Vectors, k: int, chars: int, sources: Sequence[str]
) -> Found:
    """The k best passages for a question, of so many characters each."""
    with now.reading:
        return search(now.snapshot, text, vector, k, chars, now.scope(sources))


def quoted(
    now: Serving,
    *,
    text: str,
    vector: Vectors,
    passages: Sequence[Passage],
    max_chars: int,
    sure: bool,
) -> list[Quote]:
    """The parts of the passages that answer a question; `sure` says that the best of them does."""
    with now.reading:
        return cut(now.snapshot, text, vector, passages, max_chars, sure=sure)


def expanded(now: Serving, *, passages: Sequence[Passage], most: int) -> list[Passage]:
    """The passages grown to so many characters in all."""
    with now.reading:
        return expand(now.snapshot, passages, most)


def alike(now: Serving, *, text: str, others: Sequence[str]) -> list[bool]:
    """Which of the others are worded as the text is."""
    return [worded_alike(now.snapshot.words, text, other) for other in others]


def keywords(now: Serving, *, text: str, most: int) -> list[str]:
    """The words of a question that tell most, in its order."""
    return now.snapshot.words.keywords(text, most)


def documents(now: Serving) -> tuple[list[DocumentRow], Counter[int]]:
    """All documents, also those that could not be read, and how many pieces each has by its id."""
    catalog = now.snapshot.catalog
    with now.reading:
        rows, pieces = catalog.documents(), catalog.piece_documents()
    return rows, Counter(document for _, document in pieces)


def pieces(now: Serving, *, source: str, path: str, most: int) -> list[tuple[Place, str]] | None:
    """A document's first pieces, each with its text; None where there is no such document."""
    catalog = now.snapshot.catalog
    with now.reading:
        row = next((r for r in catalog.documents() if (r.source, r.path) == (source, path)), None)
        if row is None:
            return None
        places = catalog.places_in(row.id)[:most]
        return [(place, catalog.excerpt(row.id, place.start, place.end)) for place in places]
