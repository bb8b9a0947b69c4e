"""Growing passages to their sections and pages, for a reader with room: a language model."""

from collections.abc import Sequence
from dataclasses import replace

from knowledge.index.rows import Place
from knowledge.ingest.split import PATH
from knowledge.retrieval.search import Page, Snapshot, grown
from knowledge.types import Passage


def expand(snapshot: Snapshot, passages: Sequence[Passage], most: int) -> list[Passage]:
    """Passages grown, best first, to at most `most` characters in all: first each to the section
    that it stands in, then each to its whole page. One that a better one has swallowed goes; one
    whose page is not in this snapshot any more stays as it is.
    """
    pages = {(page.source, page.path): page for page in snapshot.pages.values()}
    wide = list(passages)
    left = most - sum(len(passage.text) for passage in wide)
    for within_section in (True, False):
        for index, passage in enumerate(wide):
            page = pages.get((passage.source, passage.path))
            if page is None or left <= 0:
                continue
            size = len(passage.text) + left
            wide[index] = _grow(snapshot, page, passage, size, within_section=within_section)
            left -= len(wide[index].text) - len(passage.text)
    return _without_swallowed(wide)


def _grow(
    snapshot: Snapshot, page: Page, passage: Passage, most: int, *, within_section: bool
) -> Passage:
    end = passage.start + len(passage.text)
    if snapshot.catalog.excerpt(page.id, passage.start, end) != passage.text:
        return passage  # the page has changed since it was found
    places = snapshot.catalog.places_in(page.id)
    if within_section:
        places = [place for place in places if _in_section(place, passage)]
    held = [i for i, p in enumerate(places) if p.start >= passage.start and p.end <= end]
    if not held:
        return passage
    first, last = grown(places, held[0], held[-1], passage.heading, most)
    start = min(first.start, passage.start)
    text = snapshot.catalog.excerpt(page.id, start, max(last.end, end))
    lines = snapshot.catalog.places_of_lines(page.id, start, text) if page.has_lines else ()
    line = lines[0][0] if lines else 1
    return replace(passage, text=text, start=start, line=line, places=lines)


def _in_section(place: Place, passage: Passage) -> bool:
    """Under the passage's heading, or what the passage holds already."""
    inside = passage.start <= place.start < passage.start + len(passage.text)
    return inside or (place.heading + PATH).startswith(passage.heading + PATH)


def _without_swallowed(passages: Sequence[Passage]) -> list[Passage]:
    kept: list[Passage] = []
    for passage in passages:
        if not any(_holds(other, passage) for other in kept):
            kept.append(passage)
    return kept


def _holds(one: Passage, other: Passage) -> bool:
    same = (one.source, one.path) == (other.source, other.path)
    return same and one.start <= other.start < one.start + len(one.text)
