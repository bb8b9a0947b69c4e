"""Where snapshots stand: which one serves, and how a new one takes its place.

<folder>/current              name of the snapshot that serves
<folder>/snapshot-<n>/        catalog.sqlite  answer.hnsw  reject.hnsw  words/  gate.json
<folder>/vectors.sqlite       cache of embeddings
<folder>/git/<source>/        checkouts of git sources
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowledge.catalog import Catalog
from knowledge.embed import create_embedder
from knowledge.plan import BuildPlan
from knowledge.types import KnowledgeError
from knowledge.vectors import VectorParams


def current_snapshot(folder: Path) -> Path | None:
    """The folder of the snapshot that serves; None before the first build."""
    try:
        name = (folder / "current").read_text().strip()
    except FileNotFoundError:
        return None
    return folder / name if (folder / name).is_dir() else None


def is_current(plan: BuildPlan) -> bool:
    """Is there an index of these sources, cut and embedded as the plan says? Documents that
    changed since then do not count: the old index can serve until they are taken up."""
    snapshot = current_snapshot(Path(plan.folder))
    if snapshot is None or not (snapshot / "catalog.sqlite").is_file():
        return False
    catalog = Catalog.open(snapshot / "catalog.sqlite")
    try:
        meta = catalog.meta()
    finally:
        catalog.close()
    wanted = (plan.layout, create_embedder(plan.embedder).id, plan.origin)
    return (meta.get("layout"), meta.get("embedder"), meta.get("origin")) == wanted


def vector_params(plan: BuildPlan, embedder_id: str, dim: int) -> VectorParams:
    """The parameters that both vector indexes of a snapshot carry."""
    return VectorParams(embedder_id, dim, plan.m, plan.ef_construction)


def same_layout(snapshot: Path, plan: BuildPlan) -> bool:
    catalog = Catalog.open(snapshot / "catalog.sqlite")
    try:
        return catalog.meta().get("layout") == plan.layout
    finally:
        catalog.close()


def publish(folder: Path, new: Path) -> None:
    waiting = folder / "current.tmp"
    waiting.write_text(new.name)
    waiting.replace(folder / "current")
    for other in folder.glob("snapshot-*"):
        if other != new:
            # Whoever still serves it has its files open or in memory.
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise KnowledgeError(
                "another process is building this index; try again when it is done"
            ) from error
        yield
