"""Damaged state: the next build repairs it, and whoever opens it is told the command."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from common.snapshots import current_snapshot
from knowledge.base import KnowledgeBase
from knowledge.index.catalog import REJECT
from knowledge.index.embedders import UseEmbedder
from knowledge.index.embedding_cache import EmbeddingCache
from knowledge.index.open import open_snapshot
from knowledge.index.snapshots import is_current, vector_params
from knowledge.ingest.build import build
from knowledge.plan import BuildPlan
from knowledge.retrieval.search import Snapshot
from knowledge.types import IndexMismatch, KnowledgeError
from tests.knowledge.library import PAGES, built, gate_options, plan, write_pages


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> BuildPlan:
    folder = tmp_path_factory.mktemp("whole")
    return built(folder)


@pytest.fixture
def made(whole: BuildPlan, tmp_path: Path) -> BuildPlan:
    """A copy of an index that may be damaged."""
    shutil.copytree(whole.folder, tmp_path / "index")
    return plan(tmp_path / "index", Path(whole.sources[0].path))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def junk(path: Path) -> None:
    path.write_bytes(b"\x00\xffjunk " * 5000)


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    """Other bytes in the middle, the size as it was."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = bytes(255 - byte for byte in data[middle : middle + 600])
    path.write_bytes(data)


def missing(path: Path) -> None:
    path.unlink()


SNAPSHOT_FILES = ["catalog.sqlite", "small.hnsw", "small.json", "words/meta.json", "words/*.term"]
DAMAGE = [empty, junk, half, flipped, missing]


def opened(made: BuildPlan) -> Snapshot:
    folder = current_snapshot(Path(made.folder))
    assert folder
    params = vector_params(made, UseEmbedder.id, UseEmbedder.dim)
    return open_snapshot(folder, params, made.layout, 100)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", SNAPSHOT_FILES)
def test_a_damaged_snapshot_names_the_command_which_repairs_it(
    made: BuildPlan, name: str, damage: Callable[[Path], None]
) -> None:
    snapshot = current_snapshot(Path(made.folder))
    assert snapshot
    damage(next(snapshot.glob(name)))
    try:
        # What was flipped may be the text of a page: nothing notices that.
        opened(made).catalog.close()
        assert (name, damage) == ("catalog.sqlite", flipped)
    except IndexMismatch as error:
        assert "run_bot.py index" in str(error)
        assert len(build(made).added) == len(PAGES)
    else:
        assert build(made).documents == len(PAGES)
    again = opened(made)
    assert len(again.reject) == again.catalog.counts()[REJECT]
    assert again.words.search({"7311": 1.0}, {"text": 1.0}, 1)
    again.catalog.close()


async def test_the_bot_that_can_not_open_its_index_says_so_in_one_line(
    made: BuildPlan, tmp_path: Path
) -> None:
    snapshot = current_snapshot(Path(made.folder))
    assert snapshot
    half(snapshot / "small.hnsw")
    with pytest.raises(IndexMismatch, match=r"small\.hnsw is damaged; .*run_bot\.py index"):
        async with KnowledgeBase(made, gate_options(tmp_path)):
            raise AssertionError("it must not open")


async def test_a_damaged_gate_is_fitted_again_with_a_line(
    made: BuildPlan, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = current_snapshot(Path(made.folder))
    assert snapshot
    for damage in (missing, half):
        caplog.clear()
        async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
            assert knowledge.status().gate.index == snapshot.name
        damage(snapshot / "gate.json")
    async with KnowledgeBase(made, gate_options(tmp_path)):
        pass
    (line,) = [r.getMessage() for r in caplog.records if "fitted again" in r.getMessage()]
    assert "gate.json is unreadable" in line
    assert json.loads((snapshot / "gate.json").read_text())["index"] == snapshot.name


@pytest.mark.parametrize("damage", [empty, junk, missing])
def test_without_its_pointer_an_index_is_built_again(
    made: BuildPlan, damage: Callable[[Path], None]
) -> None:
    damage(Path(made.folder) / "current")
    assert not is_current(made)
    assert len(build(made).added) == len(PAGES)
    assert is_current(made)


@pytest.mark.parametrize("name", ["snapshot-99", "..", ".", "/etc", "snapshot-1/words"])
def test_a_pointer_leads_to_snapshots_only(made: BuildPlan, name: str) -> None:
    (Path(made.folder) / "current").write_text(name)
    assert current_snapshot(Path(made.folder)) is None
    build(made)
    assert is_current(made)


@pytest.mark.parametrize("name", ["catalog.sqlite", "words/meta.json", "small.json"])
def test_a_start_finds_out_that_parts_are_missing(made: BuildPlan, name: str) -> None:
    assert is_current(made)
    snapshot = current_snapshot(Path(made.folder))
    assert snapshot
    (snapshot / name).unlink()
    assert not is_current(made)


@pytest.mark.parametrize("damage", [junk, half, flipped, empty])
def test_a_damaged_cache_is_made_again(made: BuildPlan, damage: Callable[[Path], None]) -> None:
    damage(Path(made.folder) / "vectors.sqlite")
    write_pages(Path(made.folder).parent / "docs", PAGES)
    again = plan(Path(made.folder), Path(made.folder).parent / "docs")
    assert build(again).documents == len(PAGES)


def test_a_vector_of_another_length_is_computed_again(tmp_path: Path) -> None:
    cache, embedder = EmbeddingCache(tmp_path / "v.sqlite"), UseEmbedder()
    first = cache.encode(embedder, ["a port"])
    cache._use(lambda db: db.execute("update vectors set vector = x'00ff'"))
    assert (cache.encode(embedder, ["a port"]) == first).all()


def test_a_cache_that_can_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "v.sqlite").mkdir()
    with pytest.raises(KnowledgeError, match=r"can't use .*v\.sqlite"):
        EmbeddingCache(tmp_path / "v.sqlite").encode(UseEmbedder(), ["a"])


def test_a_folder_that_can_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file, not a folder")
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs"))
    with pytest.raises(KnowledgeError, match="can't write the index in"):
        build(made)


def test_another_number_of_vectors_than_pieces_is_refused(made: BuildPlan) -> None:
    """Each file is whole, but they are not of one build."""
    other = plan(Path(made.folder).parent / "other", Path(made.sources[0].path))
    few = Path(made.folder).parent / "few"
    build(plan(Path(other.folder), write_pages(few, {"a.md": PAGES["en/faq.md"]})))
    snapshot, foreign = current_snapshot(Path(made.folder)), current_snapshot(Path(other.folder))
    assert snapshot and foreign
    for name in ("small.hnsw", "small.json"):
        shutil.copy(foreign / name, snapshot / name)
    assert json.loads((snapshot / "small.json").read_text())["size"] == 1
    with pytest.raises(IndexMismatch, match=r"1 vectors for .*run_bot\.py index"):
        opened(made)
