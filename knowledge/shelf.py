"""Where snapshots stand: which one serves, and how a new one takes its place.

<folder>/current              name of the snapshot that serves
<folder>/snapshot-<n>/        catalog.sqlite  answer.hnsw  reject.hnsw  words/  gate.json
                              changes.txt
<folder>/vectors.sqlite       cache of embeddings
<folder>/git/<source>/        checkouts of git sources
"""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowledge.catalog import Catalog
from knowledge.embed import create_embedder
from knowledge.plan import BuildPlan
from knowledge.types import IndexMismatch, KnowledgeError
from knowledge.vectors import VectorParams

CHANGES = "changes.txt"
"""The file of a snapshot that names every document which its build changed."""

PARTS = ("catalog.sqlite", "answer.json", "reject.json", "words/meta.json")
"""Files that every snapshot has; vectors only where there are documents."""

_NAME = re.compile(r"snapshot-(\d+)")


def current_snapshot(folder: Path) -> Path | None:
    """The folder of the snapshot that serves; None before the first build."""
    try:
        name = (folder / "current").read_text(errors="replace").strip()
    except OSError:
        return None
    return folder / name if _NAME.fullmatch(name) and (folder / name).is_dir() else None


def next_snapshot(folder: Path) -> Path:
    """A folder for a new snapshot, which was never used before."""
    numbers = [int(found[1]) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))]
    return folder / f"snapshot-{max(numbers, default=0) + 1}"


def missing_parts(snapshot: Path) -> list[str]:
    """What a snapshot lacks that every one has."""
    return [name for name in PARTS if not (snapshot / name).is_file()]


def is_current(plan: BuildPlan) -> bool:
    """Is there an index of these sources, cut and embedded as the plan says? Documents that
    changed since then do not count: the old index can serve until they are taken up."""
    snapshot = current_snapshot(Path(plan.folder))
    meta = _meta(snapshot) if snapshot else {}
    wanted = (plan.layout, create_embedder(plan.embedder).id, plan.origin)
    return (meta.get("layout"), meta.get("embedder"), meta.get("origin")) == wanted


def same_layout(snapshot: Path, plan: BuildPlan) -> bool:
    """Can a build start from this snapshot?"""
    return _meta(snapshot).get("layout") == plan.layout


def _meta(snapshot: Path) -> dict[str, str]:
    """What a snapshot says of itself; nothing where it is damaged."""
    if missing_parts(snapshot):
        return {}
    try:
        catalog = Catalog.open(snapshot / "catalog.sqlite")
    except IndexMismatch:
        return {}
    try:
        return catalog.meta()
    finally:
        catalog.close()


def vector_params(plan: BuildPlan, embedder_id: str, dim: int) -> VectorParams:
    """The parameters that both vector indexes of a snapshot carry."""
    return VectorParams(embedder_id, dim, plan.m, plan.ef_construction)


def publish(folder: Path, new: Path) -> None:
    """Makes a snapshot the one that serves."""
    waiting = folder / "current.tmp"
    waiting.write_text(new.name)
    waiting.replace(folder / "current")
    for other in folder.glob("snapshot-*"):
        if other != new:
            # Whoever still serves it has its files open or in memory.
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Keeps other processes from building here. Raises KnowledgeError when one does."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise KnowledgeError(
                "another process is building this index; try again when it is done"
            ) from error
        yield
