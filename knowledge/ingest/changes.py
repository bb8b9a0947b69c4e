"""What changed in the documents since the last build, taken into the catalogue."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from knowledge.index.catalog import Catalog
from knowledge.index.rows import DocumentRow, NewPiece
from knowledge.ingest.readers import LITTLE_BYTES, PROCESSES, DocumentReader, Job, Reading
from knowledge.ingest.sources import SourceFile
from knowledge.plan import BuildPlan, Skipped
from knowledge.types import SourceError

MANY = 10
"""Where as many documents as this vanish at once and none is left, a folder is not mounted."""


@dataclass(slots=True)
class Changes:
    """Paths of documents by what became of them, and what there is to embed and to index."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[Skipped] = field(default_factory=list)
    pieces: list[NewPiece] = field(default_factory=list)
    pages: list[tuple[int, str, str]] = field(default_factory=list)  # id, path, text
    dropped_pages: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalogue's documents may be believed: `places` are the sources whose files come
    from where they came from; `failures`, that what failed would fail again."""

    places: frozenset[str]
    failures: bool


@dataclass(frozen=True, slots=True)
class _Task:
    file: SourceFile
    row: DocumentRow | None
    url: str
    job: Job


def update_catalog(
    plan: BuildPlan,
    catalog: Catalog,
    files: Sequence[SourceFile],
    known: Known,
    count: Callable[[int], None],
) -> Changes:
    """Reads what is new or changed, drops what is gone; tells `count` how many files are done."""
    changes = Changes()
    rows = {(row.source, row.path): row for row in catalog.documents()}
    _refuse_vanished(plan, rows, files, known)
    tasks: list[_Task] = []
    for file in files:
        row = rows.pop((file.source, file.path), None)
        url = link(_link_bases(plan)[file.source], file.path)
        if row and _is_same(row, file, url, known):
            count(1)
        else:
            tasks.append(_Task(file, row, url, _job(file, row, known)))
    is_little = sum(task.file.size for task in tasks) < LITTLE_BYTES
    processes = 1 if is_little else PROCESSES
    with DocumentReader(plan.views, plan.convert_timeout_s, processes) as reader:
        for task, reading in zip(tasks, reader.read(task.job for task in tasks), strict=True):
            _take(catalog, task, reading, plan, changes)
            count(1)
    for row in rows.values():
        catalog.drop_document(row.id)
        changes.dropped_pages.append(row.id)
        if not row.error:
            changes.removed.append(shown(plan, row.source, row.path))
    return changes


def shown(plan: BuildPlan, source: str, path: str) -> str:
    """A document's name in reports: two sources may have the same paths."""
    return path if len(plan.sources) == 1 else f"{source}/{path}"


def link(base: str, path: str) -> str:
    """The address of a document: `link_base` with its path appended; empty without a base."""
    return f"{base.rstrip('/')}/{quote(path)}" if base else ""


def _link_bases(plan: BuildPlan) -> Mapping[str, str]:
    return {source.name: source.link_base for source in plan.sources}


def _refuse_vanished(
    plan: BuildPlan,
    rows: Mapping[tuple[str, str], DocumentRow],
    files: Sequence[SourceFile],
    known: Known,
) -> None:
    """An unmounted disk is an empty folder: what stood there must not be forgotten for that."""
    left = {file.source for file in files}
    for source in plan.sources:
        had = sum(row.source == source.name and not row.error for row in rows.values())
        if source.name in known.places and source.name not in left and had >= MANY:
            raise SourceError(
                f"source {source.name}: all of its {had} documents are gone from "
                f"{source.path or 'its repository'}; if they are meant to be, delete {plan.folder}"
            )


def _is_same(row: DocumentRow, file: SourceFile, url: str, known: Known) -> bool:
    believed = known.failures if row.error else row.source in known.places
    same = (row.size, row.mtime_ns, row.url) == (file.size, file.mtime_ns, url)
    return believed and same


def _job(file: SourceFile, row: DocumentRow | None, known: Known) -> Job:
    believed = row and (known.failures or not row.error)
    root = file.absolute.parents[file.path.count("/")]
    return Job(file.absolute, root, row.hash if row and believed else "")


def _take(
    catalog: Catalog, task: _Task, reading: Reading, plan: BuildPlan, changes: Changes
) -> None:
    """Takes one file's text into the catalogue, or what kept it from being read."""
    file, old = task.file, task.row
    name = shown(plan, file.source, file.path)
    if reading.gone:
        changes.kept.append(Skipped(name, reading.gone + (", kept as it was" if old else "")))
        return
    changes.kept += [Skipped(name, note) for note in reading.notes]
    mtime_ns = 0 if reading.recheck else file.mtime_ns  # never believed to be the same
    if old and reading.same:
        catalog.touch(old.id, mtime_ns, task.url)
        return
    error = reading.error or None
    row = DocumentRow(
        id=0,
        source=file.source,
        path=file.path,
        url=task.url,
        size=file.size,
        mtime_ns=mtime_ns,
        hash=reading.hash,
        has_lines=reading.has_lines,
        error=error,
        lines=reading.lines,
        version=reading.version,
        language=reading.language,
    )
    id_ = catalog.put_document(row, reading.text)
    for view in plan.views:
        pieces = reading.pieces.get(view, [])
        keys = [_key(piece.text) for piece in pieces]
        changes.pieces += catalog.put_places(id_, file.path, view, pieces, keys)
    if old:
        changes.dropped_pages.append(id_)
    was_there = old is not None and not old.error
    if error is None:
        changes.pages.append((id_, file.path, reading.text))
        (changes.changed if was_there else changes.added).append(name)
    elif was_there:
        changes.removed.append(name)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
