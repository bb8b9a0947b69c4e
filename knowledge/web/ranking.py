"""From the results of some queries to the pages worth fetching, and the order of what was read."""

from collections.abc import Sequence

from yarl import URL

from knowledge.web.guard import Guard
from knowledge.web.hosts import belongs_to
from knowledge.web.tidy import title_of
from knowledge.web.types import Candidate, Hit, PageError

FUSION = 60
"""Reciprocal rank fusion: being found by both queries counts more than a place or two."""


def ranked(
    found: Sequence[Sequence[Hit]], guard: Guard, preferred: Sequence[str]
) -> list[Candidate]:
    """Each page once: preferred domains first, in their order, then by rank. What must not be
    visited is left out."""
    scores: dict[URL, float] = {}
    titles: dict[URL, str] = {}
    for results in found:
        for place, hit in enumerate(results, 1):
            try:
                url = guard.checked(hit.url)
            except PageError:
                continue
            scores[url] = scores.get(url, 0.0) + 1 / (FUSION + place)
            titles.setdefault(url, title_of(hit.title))
    best_first = sorted(scores, key=lambda url: -scores[url])
    candidates = [Candidate(url, titles[url], rank) for rank, url in enumerate(best_first, 1)]
    return sorted(candidates, key=lambda item: (order(item.url, preferred), item.rank))


def order(url: URL, preferred: Sequence[str]) -> int:
    """The place of a page's domain among the preferred ones; their number where it is none."""
    place = belongs_to(url.raw_host or "", preferred)
    return len(preferred) if place is None else place
