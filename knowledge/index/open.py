"""Opening a snapshot for reading: the indexes and the small tables that retrieval needs."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np

from knowledge.index.catalog import REJECT, Catalog
from knowledge.index.lexical import LexicalIndex
from knowledge.index.rows import DocumentRow
from knowledge.index.snapshots import VECTORS, missing_parts, verify_words
from knowledge.index.terms import Terms, checksums, which_are_in
from knowledge.index.variants import Variants, variants_of, without_language
from knowledge.index.vectors import VectorIndex, VectorParams
from knowledge.index.version_folders import load_lists
from knowledge.plan import REBUILD
from knowledge.types import IndexMismatch


@dataclass(frozen=True, slots=True)
class Page:
    """What the search knows of a document without opening it."""

    id: int
    source: str
    path: str
    url: str
    has_lines: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """Ids of pages, of pieces for answering, and of pieces for the gate; None is all of them."""

    pages: frozenset[int] | None = None
    answer: frozenset[int] | None = None
    reject: frozenset[int] | None = None


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Project:
    """A source or top folder that is about one thing, which its pages name in their paths: `terms`
    are all that stand there. `scope` is where to look for who asks about it, None where what is
    written does not call it so: "guide" may be any."""

    pages: frozenset[int]
    terms: Terms
    scope: Scope | None


@dataclass(slots=True)
class Snapshot:
    """One complete index, opened for reading. The catalogue is for one thread at a time.

    `reject` holds the vectors of the smaller pieces. `pages_of` maps a piece for answering to its
    pages, `children` to the smaller pieces that it overlaps, `parents` these to it, `beside` to
    the pieces before and behind it; `chinese` are pieces for answering; `sources` are the names of
    the sources in lower case; `named` maps the name of a source or top folder, in lower case, to
    the pages below it; `projects` are some of these; `variants` are the pages of several versions.
    """

    catalog: Catalog
    reject: VectorIndex
    words: LexicalIndex
    pages: dict[int, Page]
    pages_of: dict[int, tuple[int, ...]]
    parents: dict[int, tuple[int, ...]]
    children: dict[int, tuple[int, ...]]
    beside: dict[int, tuple[int, ...]]
    chinese: frozenset[int]
    sources: frozenset[str]
    named: dict[str, frozenset[int]]
    projects: dict[str, Project]
    variants: Variants


def open_snapshot(folder: Path, params: VectorParams, layout: str, ef_search: int) -> Snapshot:
    """Opens a complete snapshot. Raises IndexMismatch when it is damaged or was built
    differently."""
    if missing := missing_parts(folder):
        raise IndexMismatch(f"the index in {folder} lacks {missing[0]}; {REBUILD}")
    catalog = Catalog.open(folder / "catalog.sqlite")
    try:
        meta = catalog.meta()
        _compare(folder, meta, params.embedder, layout)
        verify_words(folder, meta)
        return _opened(folder, catalog, params, ef_search)
    except (sqlite3.DatabaseError, OSError, ValueError) as error:
        catalog.close()
        raise IndexMismatch(f"the index in {folder} is damaged ({error}); {REBUILD}") from error
    except BaseException:
        catalog.close()
        raise


def _opened(folder: Path, catalog: Catalog, params: VectorParams, ef_search: int) -> Snapshot:
    documents = [row for row in catalog.documents() if row.error is None]
    index = VectorIndex.load(folder / VECTORS, params, ef_search)
    small = catalog.counts()[REJECT]
    if len(index) != small:
        raise ValueError(f"{len(index)} vectors for {small} pieces")
    parents, piece_pages = catalog.parents(), catalog.piece_documents()
    words, named = LexicalIndex(folder / "words"), _named(documents)
    terms, lists = catalog.page_terms(), load_lists(catalog.meta().get("versions", ""))
    pages_of, parents_of = _grouped(piece_pages), _grouped(parents)
    projects = _projects(terms, words, named, pages_of, parents_of)
    return Snapshot(
        catalog=catalog,
        reject=index,
        words=words,
        pages={row.id: _page(row) for row in documents},
        pages_of=pages_of,
        parents=parents_of,
        children=_grouped((piece, small) for small, piece in parents),
        chinese=frozenset(catalog.chinese()),
        beside=_grouped(_neighbours(piece_pages)),
        sources=frozenset(row.source.lower() for row in documents),
        named={
            name: pages
            for name, pages in named.items()
            if len(name) > 2 or (name in projects and projects[name].scope)
        },
        projects=projects,
        variants=variants_of(documents, terms, lists),
    )


def _compare(folder: Path, meta: dict[str, str], embedder: str, layout: str) -> None:
    built = (meta.get("embedder"), meta.get("layout"))
    if built != (embedder, layout):
        raise IndexMismatch(
            f"the index in {folder} was built with (embedder, layout) {built}, the configuration "
            f"says {(embedder, layout)}; {REBUILD}"
        )


def _page(row: DocumentRow) -> Page:
    return Page(row.id, row.source, row.path, row.url, bool(row.has_lines))


def _named(documents: Iterable[DocumentRow]) -> dict[str, frozenset[int]]:
    """Pages by the names that a question may say to mean them; two letters name nothing but a
    project, and a language none."""
    found: dict[str, set[int]] = defaultdict(set)
    for row in documents:
        for name in {row.source, *PurePosixPath(row.path).parts[:-1][:1]}:
            if len(name) > 1 and without_language(name):
                found[name.lower()].add(row.id)
    return {name: frozenset(pages) for name, pages in found.items()}


PROJECT = 0.3
"""A project's name stands on at least this share of its pages."""

ELSEWHERE = 1 / 3
"""The name of a project is on other pages more seldom than on its own by this factor."""


def _projects(
    stored: Mapping[int, Terms],
    words: LexicalIndex,
    named: Mapping[str, frozenset[int]],
    pages_of: Mapping[int, Sequence[int]],
    parents: Mapping[int, Sequence[int]],
) -> dict[str, Project]:
    """The named sources and folders whose pages say the name, as others don't: "celery" is a
    project, "guide" is none."""
    found: dict[str, Project] = {}
    for name, pages in named.items():
        asked = words.terms(name)
        sums = checksums(asked)
        holding = {page for page, terms in stored.items() if which_are_in(sums, terms).all()}
        if _is_said_at_home(holding, pages, len(stored)):
            terms = [stored[page] for page in pages if page in stored]
            writing = _pages_writing(asked, words, pages_of)
            said = len(pages) < len(stored) and _is_said_at_home(writing, pages, len(stored))
            scope = scope_of_pages(pages, pages_of, parents) if said else None
            found[name] = Project(pages, np.unique(np.concatenate(terms)), scope)
    return found


def _is_said_at_home(holding: AbstractSet[int], pages: AbstractSet[int], count: int) -> bool:
    """Do pages hold a name as others, of `count` in all, don't?"""
    inside = len(holding & pages) / max(1, len(pages))
    outside = len(holding - pages) / max(1, count - len(pages))
    return inside >= PROJECT and outside <= ELSEWHERE * inside


def _pages_writing(
    terms: Sequence[str], words: LexicalIndex, pages_of: Mapping[int, Sequence[int]]
) -> set[int]:
    """The pages on which all terms are written, wherever these stand."""
    each = [
        {
            page
            for piece, _ in words.search({term: 1.0}, {"text": 1.0}, len(pages_of))
            for page in pages_of.get(piece, ())
        }
        for term in terms
    ]
    return set.intersection(*each) if each else set()


def _neighbours(piece_pages: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(piece, piece before or behind it on a page)."""
    for (one, page), (other, other_page) in pairwise(piece_pages):
        if page == other_page:
            yield one, other
            yield other, one


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(dict.fromkeys(values)) for key, values in groups.items()}


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
    return scope_of_pages(pages, pages_of, parents)


def scope_of_pages(
    pages: frozenset[int],
    pages_of: Mapping[int, Sequence[int]],
    parents: Mapping[int, Sequence[int]],
) -> Scope:
    """What stands on some pages; the mappings as for `scope_of`."""
    answer = frozenset(
        piece for piece, documents in pages_of.items() if not pages.isdisjoint(documents)
    )
    reject = frozenset(small for small, above in parents.items() if not answer.isdisjoint(above))
    return Scope(pages, answer, reject)
