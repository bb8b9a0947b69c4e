"""Bringing the index up to date: sources -> documents -> pieces -> vectors and words.

Every build writes a new snapshot folder beside the one that serves and renames a pointer to it
when it is complete; a build that fails leaves the old one as it was. Only changed files are read
again and only new pieces embedded.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from knowledge.cache import EmbeddingCache
from knowledge.catalog import ANSWER, REJECT, Catalog, DocumentRow, NewPiece
from knowledge.embed import create_embedder
from knowledge.lexical import Entry, LexicalIndex, copy_index
from knowledge.plan import BuildPlan, BuildReport
from knowledge.readers import Document, Reader, ReadError
from knowledge.shelf import current_snapshot, only_one, publish, same_layout, vector_params
from knowledge.sources import SourceFile, list_files, update_git
from knowledge.split import outline_of, split
from knowledge.types import IndexMismatch, Skipped, SourceError
from knowledge.vectors import VectorIndex, VectorParams


@dataclass(slots=True)
class _Changes:
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    pieces: list[NewPiece] = field(default_factory=list)
    pages: list[tuple[int, str, str]] = field(default_factory=list)  # id, path, text
    dropped_pages: list[int] = field(default_factory=list)


Progress = Callable[[str, int, int], None]
"""Told (stage, done, total); stages are "read" and "embed"."""


def build(plan: BuildPlan, progress: Progress = lambda *_: None) -> BuildReport:
    """Makes a new snapshot and publishes it. Raises KnowledgeError; then nothing has changed."""
    started = time.monotonic()
    folder = Path(plan.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with only_one(folder / "lock"):
        files, skipped = _list_all(plan)
        old = current_snapshot(folder)
        number = int(old.name.rsplit("-", 1)[1]) + 1 if old else 1
        new = folder / f"snapshot-{number}"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        try:
            usable = old if old and same_layout(old, plan) else None
            report = _fill(plan, usable, new, files, progress)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        publish(folder, new)
    added, changed, removed, unread, counts = report
    return BuildReport(
        new.name, added, changed, removed, (*skipped, *unread),
        counts["documents"], counts[ANSWER], time.monotonic() - started,
    )  # fmt: skip


def _fill(
    plan: BuildPlan,
    old: Path | None,
    new: Path,
    files: Sequence[SourceFile],
    progress: Progress,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[Skipped, ...], dict[str, int]]:
    embedder = create_embedder(plan.embedder)
    params = vector_params(plan, embedder.id, embedder.dim)
    indexes = _start_from(old, new, params)
    catalog = Catalog.create(new / "catalog.sqlite")
    try:
        changes = _update_catalog(plan, catalog, files, progress)
        orphans = catalog.drop_orphans()
        cache = EmbeddingCache(Path(plan.folder) / "vectors.sqlite")
        texts = [piece.embedded_text for piece in changes.pieces]
        with ThreadPoolExecutor(1, "words") as beside:
            gone = [id_ for id_, view in orphans if view == ANSWER]
            words = beside.submit(_update_words, new / "words", changes, gone)
            vectors = cache.encode(embedder, texts, _counter(progress, "embed", len(texts)))
            words.result()
        for view, index in indexes.items():
            rows = [row for row, piece in enumerate(changes.pieces) if piece.view == view]
            index.delete([id_ for id_, orphan_view in orphans if orphan_view == view])
            index.add([changes.pieces[row].id for row in rows], vectors[rows])
            index.save(new / f"{view}.hnsw")
        counts = catalog.counts()
        cache.prune(max(50_000, 3 * (counts[ANSWER] + counts[REJECT])))
        catalog.set_meta(
            {"layout": plan.layout, "embedder": embedder.id, "built_at": str(time.time())}
            | {"sources": "\n".join(source.name for source in plan.sources)}
            | {"origin": plan.origin}
        )
        unread = tuple(catalog.skipped())
    finally:
        catalog.close()
    return tuple(changes.added), tuple(changes.changed), tuple(changes.removed), unread, counts


def _start_from(old: Path | None, new: Path, params: VectorParams) -> dict[str, VectorIndex]:
    """Copies what the old snapshot has, or starts empty when it can't be used."""
    if old:
        try:
            indexes = {
                view: VectorIndex.load(old / f"{view}.hnsw", params, 100)
                for view in (ANSWER, REJECT)
            }
            shutil.copyfile(old / "catalog.sqlite", new / "catalog.sqlite")
            copy_index(old / "words", new / "words")
        except (IndexMismatch, OSError):
            shutil.rmtree(new)
            new.mkdir()
        else:
            return indexes
    return {view: VectorIndex(params) for view in (ANSWER, REJECT)}


def _update_catalog(
    plan: BuildPlan, catalog: Catalog, files: Sequence[SourceFile], progress: Progress
) -> _Changes:
    changes = _Changes()
    known = {(row.source, row.path): row for row in catalog.documents()}
    links = {source.name: source.link_base for source in plan.sources}
    count = _counter(progress, "read", len(files))
    with Reader(timeout_s=plan.convert_timeout_s) as reader:
        for file in files:
            row = known.pop((file.source, file.path), None)
            url = link(links[file.source], file.path)
            if row and (row.size, row.mtime_ns, row.url) == (file.size, file.mtime_ns, url):
                count(1)
                continue
            _update_document(plan, catalog, reader, file, url, row, changes)
            count(1)
    for row in known.values():
        catalog.drop_document(row.id)
        changes.dropped_pages.append(row.id)
        if not row.error:
            changes.removed.append(row.path)
    return changes


def _update_document(
    plan: BuildPlan,
    catalog: Catalog,
    reader: Reader,
    file: SourceFile,
    url: str,
    old: DocumentRow | None,
    changes: _Changes,
) -> None:
    error: str | None = None
    digest = ""
    try:
        digest = _digest(file.absolute)
        if old and digest == old.hash:
            catalog.touch(old.id, file.mtime_ns, url)
            return
        document = reader.read(file)
    except (ReadError, OSError) as problem:
        error, document = str(problem), Document("", "text", has_lines=False)
    row = DocumentRow(
        0, file.source, file.path, url, file.size, file.mtime_ns, digest,
        document.has_lines, error,
    )  # fmt: skip
    id_ = catalog.put_document(row, document.text)
    outline = outline_of(document.text, document.format)
    views = (plan.piece_chars, ANSWER), (plan.reject_chars, REJECT)
    for chars, view in views:
        most = plan.passage_chars if view == ANSWER else 2 * chars[1]
        pieces = split(
            document.text, document.format, outline, chars, most, by_section=view == REJECT
        )
        keys = [
            hashlib.sha256(piece.text.encode("utf-8", "replace")).hexdigest() for piece in pieces
        ]
        changes.pieces += catalog.put_places(id_, file.path, view, pieces, keys)
    if old:
        changes.dropped_pages.append(id_)
    if error is None:
        changes.pages.append((id_, file.path, document.text))
        (changes.changed if old and not old.error else changes.added).append(file.path)
    elif old and not old.error:
        changes.removed.append(file.path)


def _update_words(folder: Path, changes: _Changes, orphans: Sequence[int]) -> None:
    """Pieces are entries under their id, whole documents under the negative of theirs."""

    def entries() -> Iterator[Entry]:
        for piece in changes.pieces:
            if piece.view == ANSWER:
                about = {"path": (piece.path,), "heading": (piece.heading,)}
                yield Entry(piece.id, about | {"text": (piece.text,), "around": piece.around})
        for id_, path, text in changes.pages:
            yield Entry(-id_, {"page": (path, text)})

    gone = [*orphans, *(-id_ for id_ in changes.dropped_pages)]
    LexicalIndex.open(folder).change(gone, entries())


def _list_all(plan: BuildPlan) -> tuple[list[SourceFile], list[Skipped]]:
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    for source in plan.sources:
        root = Path(source.path)
        if source.git:
            root = Path(plan.folder) / "git" / source.name
            try:
                update_git(source.name, source.git, root, timeout_s=600)
            except SourceError as error:
                if not root.is_dir():
                    raise
                skipped.append(Skipped(source.git, f"kept the old checkout: {error}"))
        most = int(plan.max_file_mb * 1_000_000)
        found, left_out = list_files(source.name, root, source.include, source.exclude, most)
        files += found
        skipped += left_out
    return files, skipped


def link(base: str, path: str) -> str:
    """The address of a document: `link_base` with its path appended; empty without a base."""
    return f"{base.rstrip('/')}/{quote(path)}" if base else ""


def _counter(progress: Progress, stage: str, total: int) -> Callable[[int], None]:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(stage, done, total)

    return count


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
