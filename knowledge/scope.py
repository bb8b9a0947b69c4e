"""A part of a snapshot: what a group that is bound to some of the sources may be answered from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Ids of pages, of pieces for answering, and of pieces for the gate; None is all of them."""

    pages: frozenset[int] | None = None
    answer: frozenset[int] | None = None
    reject: frozenset[int] | None = None


EVERYTHING = Scope()


def scope_of(
    source_of: Mapping[int, str],
    pages_of: Mapping[int, Sequence[int]],
    parents: Mapping[int, Sequence[int]],
    sources: Sequence[str],
) -> Scope:
    """What stands in the named sources; a name that is unknown adds nothing. The mappings are
    page -> source, piece -> its pages, and piece for the gate -> pieces that it overlaps."""
    wanted = set(sources)
    pages = frozenset(page for page, source in source_of.items() if source in wanted)
    answer = frozenset(
        piece for piece, documents in pages_of.items() if not pages.isdisjoint(documents)
    )
    reject = frozenset(small for small, above in parents.items() if not answer.isdisjoint(above))
    return Scope(pages, answer, reject)
