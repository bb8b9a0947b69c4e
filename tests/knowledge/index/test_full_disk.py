"""A disk that is full while an index is built."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from common.snapshots import current_snapshot
from knowledge.base import KnowledgeBase
from knowledge.gate.examples import Example
from knowledge.index.embedders import unit
from knowledge.index.snapshots import VECTORS
from knowledge.index.vectors import VectorIndex, VectorParams
from knowledge.ingest.build import build
from knowledge.types import KnowledgeError, Vectors
from tests.fakes.small_disk import room
from tests.knowledge.library import built, gate_options, plan, write_pages

DIM = 4096


def vectors(count: int) -> Vectors:
    return unit(np.random.default_rng(1).normal(size=(count, DIM)).astype(np.float32))


def test_an_index_that_found_no_room_is_no_index_and_the_old_one_is_whole(tmp_path: Path) -> None:
    params, path = VectorParams("wide", DIM, m=8, ef_construction=100), tmp_path / "vectors.hnsw"
    index, data = VectorIndex(params), vectors(8)
    index.add(range(4), data[:4])
    index.save(path)
    index.add(range(4, 8), data[4:])
    with room(path.stat().st_size + 1000), pytest.raises(OSError, match=r"vectors\.tmp"):
        index.save(path)
    loaded = VectorIndex.load(path, params, 100)
    assert loaded.labels() == {0, 1, 2, 3}
    index.save(path)
    assert len(VectorIndex.load(path, params, 100)) == 8


@dataclass
class Wide:
    """Vectors that take by far the most room of an index."""

    id: str = "wide"
    dim: int = DIM
    asked: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return vectors(len(texts))


def test_a_build_that_has_room_for_all_but_the_vectors_leaves_the_old_index(
    tmp_path: Path,
) -> None:
    made, embedder = plan(tmp_path / "index", write_pages(tmp_path / "docs")), Wide()
    build(made, embedder=embedder)
    before = current_snapshot(Path(made.folder))
    assert before
    largest = max(path.stat().st_size for path in before.rglob("*"))
    assert largest == (before / VECTORS).stat().st_size
    pages = {f"new-{n}.md": f"# Kettle {n}\n\nThe kettle number {n} boils.\n" for n in range(9)}
    write_pages(tmp_path / "docs", pages)
    with room(largest + 1000), pytest.raises(KnowledgeError) as caught:
        build(made, embedder=embedder)
    said = str(caught.value)
    assert ".tmp" in said
    assert said.endswith("make room there, the index is as it was before")
    assert current_snapshot(Path(made.folder)) == before
    assert [path.name for path in before.parent.glob("snapshot-*")] == [before.name]
    assert embedder.asked.count("Kettle 3\nThe kettle number 3 boils.") <= 1, "tried once"
    assert len(build(made, embedder=embedder).added) == 9


async def test_on_a_full_disk_the_bot_goes_on_as_it_was_and_says_so(tmp_path: Path) -> None:
    made = built(tmp_path)
    page = "# Teapot\n\nA teapot answers every request for coffee with status 418.\n"
    write_pages(tmp_path / "docs", {"teapot.md": page})
    good, bad = Example("may a teapot brew?", good=True), Example("lunch?", good=False)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        before = knowledge.status().gate
        with room(4096):
            with pytest.raises(KnowledgeError, match="make room there"):
                build(made)
            with pytest.raises(KnowledgeError, match=r"can't (write|use)"):
                await knowledge.calibrate()
            assert (await knowledge.search("which port does the server listen on?", 1)).passages
        assert knowledge.status().gate == before
        assert (await knowledge.reload()).added == ("teapot.md",)
        assert (await knowledge.refit([good, bad])).changed
