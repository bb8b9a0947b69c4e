"""Bringing the index up to date: sources -> documents -> pieces -> vectors and words.

Every build writes a new snapshot folder beside the one that serves and renames a pointer to it
when it is complete; a build that fails leaves the old one as it was. Only changed files are read
again and only new pieces embedded.
"""

import errno
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from common.snapshots import AlreadyBuilding, current_snapshot, next_snapshot, only_one
from knowledge.index.catalog import ANSWER, REJECT, Catalog
from knowledge.index.embedders import create_embedder
from knowledge.index.embedding_cache import EmbeddingCache
from knowledge.index.lexical import Entry, LexicalIndex
from knowledge.index.rows import NewPiece, PieceTerms
from knowledge.index.snapshots import (
    CHANGES,
    VECTORS,
    WORDS_SUM,
    same_layout,
    vector_params,
    verify_words,
)
from knowledge.index.terms import Terms
from knowledge.index.text_index import checksum_of, copy_index
from knowledge.index.vectors import VectorIndex, VectorParams
from knowledge.index.version_folders import dump_lists
from knowledge.ingest.changes import Changes, Known, shown, update_catalog
from knowledge.ingest.git import update_git
from knowledge.ingest.sources import SourceFile, list_files
from knowledge.ingest.version_files import version_files
from knowledge.plan import BuildPlan, BuildReport, Skipped
from knowledge.types import Embedder, IndexMismatch, KnowledgeError, Vectors

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total); stages are "read" and "embed"."""

GIT_TIMEOUT_S = 600

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class _NewTerms:
    """The terms of what is new: of pieces for answering, and of pages by their id."""

    pieces: list[PieceTerms]
    pages: dict[int, Terms]


@dataclass(frozen=True, slots=True)
class _Filled:
    changes: Changes
    unread: tuple[Skipped, ...]
    documents: int
    pieces: int
    same: bool


class _NothingNew(Exception):
    """The new snapshot would be the old one once more."""


def build(
    plan: BuildPlan, progress: Progress = lambda *_: None, embedder: Embedder | None = None
) -> BuildReport:
    """Makes a new snapshot and publishes it; where nothing is new the old one goes on. Raises
    KnowledgeError; then nothing has changed."""
    started = time.monotonic()
    folder = Path(plan.folder)
    embedder = embedder or create_embedder(plan.embedder)
    try:
        with only_one(folder):
            files, skipped = _list_all(plan)
            old = current_snapshot(folder)
            usable = old if old and same_layout(old, plan) else None
            with suppress(_NothingNew), next_snapshot(folder) as new:
                filled = _fill_from(plan, usable, new, files, progress, embedder)
                if filled.same:
                    raise _NothingNew
                _note_changes(new / CHANGES, filled.changes)
            served = current_snapshot(folder) or new
            (folder / "current").touch()  # what stands there is up to date now
    except AlreadyBuilding as error:
        raise KnowledgeError(str(error)) from error
    except (OSError, sqlite3.Error) as error:
        more = "; make room there, the index is as it was before" if _no_room(error) else ""
        raise KnowledgeError(f"can't write the index in {folder}: {error}{more}") from error
    changes = filled.changes
    return BuildReport(
        snapshot=served.name,
        added=tuple(changes.added),
        changed=tuple(changes.changed),
        removed=tuple(changes.removed),
        skipped=(*skipped, *changes.kept, *filled.unread),
        documents=filled.documents,
        pieces=filled.pieces,
        seconds=time.monotonic() - started,
    )


def _fill_from(
    plan: BuildPlan,
    old: Path | None,
    new: Path,
    files: Sequence[SourceFile],
    progress: Progress,
    embedder: Embedder,
) -> _Filled:
    """Starts from the old snapshot; from nothing when that is damaged or can't be used."""
    if old:
        try:
            return _fill(plan, old, new, files, progress, embedder)
        except (IndexMismatch, OSError, sqlite3.DatabaseError, ValueError, RuntimeError) as error:
            shutil.rmtree(new, ignore_errors=True)
            if _no_room(error):
                raise  # there is none for more from nothing, either
    return _fill(plan, None, new, files, progress, embedder)


def _fill(
    plan: BuildPlan,
    old: Path | None,
    new: Path,
    files: Sequence[SourceFile],
    progress: Progress,
    embedder: Embedder,
) -> _Filled:
    new.mkdir()
    index = _start_from(old, new, vector_params(plan, embedder.id, embedder.dim))
    catalog = Catalog.create(new / "catalog.sqlite")
    try:
        if old is not None:
            catalog.verify()
            verify_words(new, catalog.meta())
        known, count = _known(plan, catalog.meta()), _counter(progress, "read", len(files))
        changes = update_catalog(plan, catalog, files, known, count)
        versions, left_out = version_files(plan, files)
        changes.kept += left_out
        orphans = catalog.drop_orphans()
        small = [piece for piece in changes.pieces if piece.view == REJECT]
        vectors, terms = _embed(plan, embedder, new, changes, small, orphans, progress)
        catalog.put_terms(terms.pieces)
        catalog.put_page_terms(terms.pages)
        index.delete([id_ for id_, view in orphans if view == REJECT])
        index = index.compacted()
        index.add([piece.id for piece in small], vectors)
        index.save(new / VECTORS)
        counts = catalog.counts()
        _cache(plan).prune(max(50_000, 3 * (counts[ANSWER] + counts[REJECT])))
        meta = _meta(plan, embedder.id) | {"versions": dump_lists(versions)}
        meta[WORDS_SUM] = checksum_of(new / "words")
        same = catalog.is_as_it_was and meta.items() <= catalog.meta().items()
        catalog.set_meta({**meta, "built_at": str(time.time())})
        unread = [row for row in catalog.documents() if row.error]
    finally:
        catalog.close()
    skipped = (Skipped(shown(plan, row.source, row.path), row.error or "") for row in unread)
    return _Filled(changes, tuple(skipped), counts["documents"], counts[ANSWER], same)


def _start_from(old: Path | None, new: Path, params: VectorParams) -> VectorIndex:
    """Copies what the old snapshot has. Raises IndexMismatch or OSError when it can't be used."""
    if old is None:
        return VectorIndex(params)
    shutil.copyfile(old / "catalog.sqlite", new / "catalog.sqlite")
    copy_index(old / "words", new / "words")
    return VectorIndex.load(old / VECTORS, params, 100)


def _known(plan: BuildPlan, meta: dict[str, str]) -> Known:
    before: dict[str, str] = json.loads(meta.get("places", "{}"))
    same = (source.name for source in plan.sources if before.get(source.name) == source.origin)
    return Known(frozenset(same), meta.get("convert_timeout_s") == str(plan.convert_timeout_s))


def _meta(plan: BuildPlan, embedder_id: str) -> dict[str, str]:
    return {
        "layout": plan.layout,
        "embedder": embedder_id,
        "sources": "\n".join(source.name for source in plan.sources),
        "origin": plan.origin,
        "places": json.dumps({source.name: source.origin for source in plan.sources}),
        "convert_timeout_s": str(plan.convert_timeout_s),
    }


def _embed(
    plan: BuildPlan,
    embedder: Embedder,
    new: Path,
    changes: Changes,
    small: Sequence[NewPiece],
    orphans: Sequence[tuple[int, str]],
    progress: Progress,
) -> tuple[Vectors, _NewTerms]:
    """Vectors of the new small pieces; the words are indexed beside it."""
    texts = [piece.embedded_text for piece in small]
    gone = [id_ for id_, view in orphans if view == ANSWER]
    stopped = Event()
    with ThreadPoolExecutor(1, "words") as beside:
        words = beside.submit(_update_words, new / "words", changes, gone, stopped)
        try:
            count = _counter(progress, "embed", len(texts))
            vectors = _cache(plan).encode(embedder, texts, count)
        except BaseException:
            stopped.set()
            raise
        return vectors, words.result()


def _update_words(
    folder: Path, changes: Changes, orphans: Sequence[int], stopped: Event
) -> _NewTerms:
    """Pieces are entries under their id, whole documents under the negative of theirs."""
    index, new = LexicalIndex(folder), _NewTerms([], {})

    def entries() -> Iterator[Entry]:
        for piece in changes.pieces:
            if stopped.is_set():
                return
            if piece.view == ANSWER:
                above = index.digest(piece.heading, piece.path)
                new.pieces.append(PieceTerms(piece.id, index.digest(piece.text), above))
                about = {"path": (piece.path,), "heading": (piece.heading,)}
                yield Entry(piece.id, about | {"text": (piece.text,), "around": piece.around})
        for id_, path, text in changes.pages:
            if stopped.is_set():
                return
            new.pages[id_] = index.digest(text, path)
            yield Entry(-id_, {"page": (path, text)})

    gone = [*orphans, *(-id_ for id_ in changes.dropped_pages)]
    index.change(gone, entries())
    return new


def _list_all(plan: BuildPlan) -> tuple[list[SourceFile], list[Skipped]]:
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    for source in plan.sources:
        root = Path(source.path)
        if source.git:
            root = Path(plan.folder) / "git" / source.name
            problem = update_git(source.name, source.git, root, GIT_TIMEOUT_S)
            if problem:
                skipped.append(Skipped(source.name, f"kept the old checkout: {problem}"))
        most = int(plan.max_file_mb * 1_000_000)
        found, left_out = list_files(source.name, root, source.include, source.exclude, most)
        files += found
        skipped += (replace(s, path=shown(plan, source.name, s.path)) for s in left_out)
    return files, skipped


def _no_room(error: BaseException) -> bool:
    """Is the disk full, or a quota used up? SQLite and tantivy say so in words only."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(word in str(error) for word in ("disk is full", *map(os.strerror, _FULL)))


def _note_changes(path: Path, changes: Changes) -> None:
    signs = (("+", changes.added), ("~", changes.changed), ("-", changes.removed))
    lines = [f"{sign} {name}\n" for sign, names in signs for name in names]
    path.write_text("".join(lines), encoding="utf-8", errors="replace")


def _cache(plan: BuildPlan) -> EmbeddingCache:
    return EmbeddingCache(Path(plan.folder) / "vectors.sqlite")


def _counter(progress: Progress, stage: str, total: int) -> Callable[[int], None]:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(stage, done, total)

    return count
