"""What stands in the folder of an index, and whether it can still be used; how a new snapshot takes
the place of the old one, see `common.snapshots`.

<folder>/current              name of the snapshot that serves
<folder>/snapshot-<n>/        catalog.sqlite  small.hnsw  small.json  words/  changes.txt
                              gate.json  gate.npz
<folder>/labels/              what the gate took up of the groups' labels, step by step
<folder>/lock                 held by who builds
<folder>/vectors.sqlite       cache of embeddings
<folder>/git/<source>/        checkouts of git sources
"""

from collections.abc import Mapping
from pathlib import Path

from common.snapshots import current_snapshot
from knowledge.index.catalog import Catalog
from knowledge.index.embedders import create_embedder
from knowledge.index.text_index import checksum_of
from knowledge.index.vectors import VectorParams
from knowledge.plan import REBUILD, BuildPlan
from knowledge.types import IndexMismatch

CHANGES = "changes.txt"
"""The file of a snapshot that names every document which its build changed."""

VECTORS = "small.hnsw"
"""The vectors of a snapshot: those of the smaller pieces."""

WORDS_SUM = "words_sum"
"""What the catalogue's meta calls the checksum of the index of words."""

PARTS = ("catalog.sqlite", "small.json", "words/meta.json")
"""Files that every snapshot has; vectors only where there are documents."""


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


def verify_words(snapshot: Path, meta: Mapping[str, str]) -> None:
    """Raises IndexMismatch where the index of words is not what was built."""
    noted = meta.get(WORDS_SUM)
    if noted and noted != checksum_of(snapshot / "words"):
        raise IndexMismatch(f"the index of words in {snapshot} is damaged; {REBUILD}")


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
    """The parameters that the vector index of a snapshot carries."""
    return VectorParams(embedder_id, dim, plan.m, plan.ef_construction)
