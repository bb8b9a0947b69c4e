"""Opening a snapshot for reading: the indexes and the small tables that retrieval needs."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from knowledge.catalog import Catalog, DocumentRow
from knowledge.lexical import LexicalIndex
from knowledge.search import Page, Snapshot
from knowledge.types import IndexMismatch
from knowledge.vectors import VectorIndex, VectorParams


def open_snapshot(folder: Path, params: VectorParams, layout: str, ef_search: int) -> Snapshot:
    """Opens a complete snapshot. Raises IndexMismatch when it was built differently."""
    if not (folder / "catalog.sqlite").is_file():
        raise IndexMismatch(f"{folder} is incomplete; build the index again")
    catalog = Catalog.open(folder / "catalog.sqlite")
    try:
        _compare(folder, catalog.meta(), params.embedder, layout)
        return Snapshot(
            catalog=catalog,
            answer=VectorIndex.load(folder / "answer.hnsw", params, ef_search),
            reject=VectorIndex.load(folder / "reject.hnsw", params, ef_search),
            words=LexicalIndex.open(folder / "words"),
            pages={row.id: _page(row) for row in catalog.documents() if row.error is None},
            pages_of=_grouped(catalog.piece_documents()),
            parents=_grouped(catalog.parents()),
            chinese=frozenset(catalog.chinese()),
        )
    except BaseException:
        catalog.close()
        raise


def _compare(folder: Path, meta: dict[str, str], embedder: str, layout: str) -> None:
    built = (meta.get("embedder"), meta.get("layout"))
    if built != (embedder, layout):
        raise IndexMismatch(
            f"the index in {folder} was built with (embedder, layout) {built}, the configuration "
            f"says {(embedder, layout)}; build it again with: run_bot.py index"
        )


def _page(row: DocumentRow) -> Page:
    folders = {row.source.lower(), *PurePosixPath(row.path).parts[:-1][:1]}
    named = tuple(sorted(name.lower() for name in folders if len(name) >= 3))
    return Page(row.id, row.source, row.path, row.url, bool(row.has_lines), named)


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(dict.fromkeys(values)) for key, values in groups.items()}
