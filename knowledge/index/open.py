"""Opening a snapshot for reading: the indexes and the small tables that retrieval needs."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from knowledge.index.catalog import ANSWER, REJECT, Catalog, DocumentRow
from knowledge.index.lexical import LexicalIndex
from knowledge.index.snapshots import missing_parts
from knowledge.index.vectors import VectorIndex, VectorParams
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


@dataclass(slots=True)
class Snapshot:
    """One complete index, opened for reading. Use it from one thread at a time.

    `pages_of` and `parents` map a piece for answering to its pages, and a piece for the gate to
    the pieces for answering that it overlaps; `chinese` are pieces; `named` maps the name of a
    source or top folder, in lower case, to the pages below it.
    """

    catalog: Catalog
    answer: VectorIndex
    reject: VectorIndex
    words: LexicalIndex
    pages: dict[int, Page]
    pages_of: dict[int, tuple[int, ...]]
    parents: dict[int, tuple[int, ...]]
    chinese: frozenset[int]
    named: dict[str, frozenset[int]]


def open_snapshot(folder: Path, params: VectorParams, layout: str, ef_search: int) -> Snapshot:
    """Opens a complete snapshot. Raises IndexMismatch when it is damaged or was built
    differently."""
    if missing := missing_parts(folder):
        raise IndexMismatch(f"the index in {folder} lacks {missing[0]}; {REBUILD}")
    catalog = Catalog.open(folder / "catalog.sqlite")
    try:
        _compare(folder, catalog.meta(), params.embedder, layout)
        return _opened(folder, catalog, params, ef_search)
    except (sqlite3.DatabaseError, OSError, ValueError) as error:
        catalog.close()
        raise IndexMismatch(f"the index in {folder} is damaged ({error}); {REBUILD}") from error
    except BaseException:
        catalog.close()
        raise


def _opened(folder: Path, catalog: Catalog, params: VectorParams, ef_search: int) -> Snapshot:
    documents = [row for row in catalog.documents() if row.error is None]
    indexes = {
        view: VectorIndex.load(folder / f"{view}.hnsw", params, ef_search)
        for view in (ANSWER, REJECT)
    }
    counts = catalog.counts()
    for view, index in indexes.items():
        if len(index) != counts[view]:
            raise ValueError(f"{len(index)} vectors for {counts[view]} pieces")
    return Snapshot(
        catalog=catalog,
        answer=indexes[ANSWER],
        reject=indexes[REJECT],
        words=LexicalIndex(folder / "words"),
        pages={row.id: _page(row) for row in documents},
        pages_of=_grouped(catalog.piece_documents()),
        parents=_grouped(catalog.parents()),
        chinese=frozenset(catalog.chinese()),
        named=_named(documents),
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
    """Pages by the names that a question may say to mean them; two letters name nothing."""
    found: dict[str, set[int]] = defaultdict(set)
    for row in documents:
        for name in {row.source, *PurePosixPath(row.path).parts[:-1][:1]}:
            if len(name) > 2:
                found[name.lower()].add(row.id)
    return {name: frozenset(pages) for name, pages in found.items()}


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(dict.fromkeys(values)) for key, values in groups.items()}


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
