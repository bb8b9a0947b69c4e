"""Opening a snapshot for reading: the indexes and the small tables that retrieval needs."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from knowledge.catalog import ANSWER, REJECT, Catalog, DocumentRow
from knowledge.lexical import LexicalIndex
from knowledge.plan import REBUILD
from knowledge.search import Page, Snapshot
from knowledge.shelf import missing_parts
from knowledge.types import IndexMismatch
from knowledge.vectors import VectorIndex, VectorParams


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
        words=LexicalIndex.open(folder / "words"),
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
