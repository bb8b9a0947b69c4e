"""The vector index against exact search, through growth, deletion and the disk."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.index.embedders import unit
from knowledge.index.vectors import StoredVectors, VectorIndex, VectorParams
from knowledge.types import IndexMismatch, Vectors

PARAMS = VectorParams("test", 32, m=8, ef_construction=100)


def vectors(count: int, seed: int = 1) -> Vectors:
    return unit(np.random.default_rng(seed).normal(size=(count, 32)).astype(np.float32))


def test_it_finds_what_exact_search_finds() -> None:
    data, queries = vectors(2000), vectors(50, seed=2)
    index = VectorIndex(PARAMS, ef_search=300)
    index.add(range(2000), data)
    for query in queries:
        exact = np.sort(data @ query)[::-1][:10]
        labels, cosines = index.search(query, 10)
        assert np.allclose(cosines, data[labels] @ query, atol=1e-5)
        assert (cosines >= exact[-1] - 1e-5).mean() >= 0.9


@pytest.mark.parametrize("share", [2, 50])
def test_among_some_labels_the_nearest_of_these_are_found(share: int) -> None:
    """Of many they are among the first neighbours, of few they have to be looked for."""
    data, queries = vectors(1000), vectors(20, seed=2)
    index = VectorIndex(PARAMS, ef_search=300)
    index.add(range(1000), data)
    some = range(0, 1000, share)
    for query in queries:
        exact = np.sort(data[some] @ query)[::-1][:10]
        labels, cosines = index.search(query, 10, among=frozenset(some))
        assert set(labels.tolist()) <= set(some)
        assert (cosines >= exact[-1] - 1e-5).mean() >= 0.9


@given(st.lists(st.one_of(st.none(), st.integers(0, 40)), max_size=60))
def test_any_sequence_of_changes_leaves_what_was_kept(changes: list[int | None]) -> None:
    """None adds the next vector, a number deletes one of those that are kept."""
    data = vectors(61)
    index, kept, used = VectorIndex(PARAMS), list[int](), 0
    for change in changes:
        if change is None:
            index.add([used], data[used : used + 1])
            kept.append(used)
            used += 1
        elif kept:
            index.delete([kept.pop(change % len(kept))])
    assert index.labels() == set(kept)
    assert set(index.search(data[0], 70)[0].tolist()) <= set(kept)
    for label in kept:
        assert index.search(data[label], 1)[0].tolist() == [label]


def test_the_few_that_are_left_of_many_are_found() -> None:
    """The sources were configured, and the documents that the bot came with are gone."""
    data = vectors(1502)
    index = VectorIndex(PARAMS, ef_search=30)
    index.add(range(1500), data[:1500])
    index.delete(range(1500))
    index.add([1500, 1501], data[1500:])
    for query in data[:20]:
        exact = sorted((1500, 1501), key=lambda label: -float(data[label] @ query))
        labels, cosines = index.search(query, 10)
        assert labels.tolist() == exact
        assert np.allclose(cosines, data[exact] @ query, atol=1e-5)
        assert index.search(query, 10, among=frozenset({1500}))[0].tolist() == [1500]


def test_what_is_mostly_deleted_is_made_anew() -> None:
    data = vectors(100)
    index = VectorIndex(PARAMS)
    index.add(range(100), data)
    index.delete(range(50))
    assert index.compacted() is index
    index.delete([50])
    new = index.compacted()
    assert new.labels() == index.labels() == set(range(51, 100))
    new.delete(range(51, 100))
    assert len(new.compacted()) == 0
    assert all(new.search(each, 1)[0].tolist() == [] for each in data[:3])


def test_a_label_is_never_used_twice() -> None:
    index = VectorIndex(PARAMS)
    index.add([1, 2], vectors(2))
    index.delete([1])
    with pytest.raises(ValueError, match="were used before"):
        index.add([1], vectors(1))


def test_saving_and_loading_keeps_deletions_and_can_go_on(tmp_path: Path) -> None:
    data = vectors(100)
    index = VectorIndex(PARAMS)
    index.add(range(60), data[:60])
    index.delete(range(30))
    index.save(tmp_path / "a.hnsw")
    again = VectorIndex.load(tmp_path / "a.hnsw", PARAMS, 100)
    assert again.labels() == set(range(30, 60))
    again.add(range(60, 100), data[60:])
    assert again.labels() == set(range(30, 100))
    assert again.search(data[80], 1)[0].tolist() == [80]
    assert again.search(data[5], 1)[0].tolist() != [5]


def test_an_empty_index_finds_nothing_and_survives_the_disk(tmp_path: Path) -> None:
    VectorIndex(PARAMS).save(tmp_path / "a.hnsw")
    index = VectorIndex.load(tmp_path / "a.hnsw", PARAMS, 100)
    assert index.search(vectors(1)[0], 5)[0].tolist() == []
    index.add([7], vectors(1))
    assert index.search(vectors(1)[0], 5)[0].tolist() == [7]


@pytest.mark.parametrize(
    "other",
    [
        VectorParams("another", 32, m=8, ef_construction=100),
        VectorParams("test", 64, m=8, ef_construction=100),
        VectorParams("test", 32, m=16, ef_construction=100),
    ],
    ids=["embedder", "dimension", "parameters"],
)
def test_an_index_built_differently_is_refused(tmp_path: Path, other: VectorParams) -> None:
    index = VectorIndex(PARAMS)
    index.add([1], vectors(1))
    index.save(tmp_path / "a.hnsw")
    with pytest.raises(IndexMismatch, match="was built with"):
        VectorIndex.load(tmp_path / "a.hnsw", other, 100)


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    index = VectorIndex(PARAMS)
    index.add(range(10), vectors(10))
    index.save(tmp_path / "a.hnsw")
    whole = (tmp_path / "a.hnsw").read_bytes()
    for damaged in (whole[:100], b"", bytes(len(whole)), whole[:-9] + b"\xff" * 9):
        (tmp_path / "a.hnsw").write_bytes(damaged)
        with pytest.raises(IndexMismatch, match=r"damaged.*run_bot\.py index"):
            VectorIndex.load(tmp_path / "a.hnsw", PARAMS, 100)
    for note in ("{", "[]", "{}", "\xff"):
        (tmp_path / "a.json").write_text(note, encoding="latin-1")
        with pytest.raises(IndexMismatch, match=r"unreadable.*run_bot\.py index"):
            VectorIndex.load(tmp_path / "a.hnsw", PARAMS, 100)


def test_a_loaded_index_hands_out_what_was_put_in(tmp_path: Path) -> None:
    data, path = vectors(120), tmp_path / "vectors.hnsw"
    index = VectorIndex(PARAMS)
    index.add(range(100), data[:100])
    index.delete(range(10, 20))
    index.add(range(100, 105), data[100:105])  # in the places of some that were deleted
    index.save(path)
    labels = [104, 3, 99, 100, 3]
    stored = StoredVectors.open(path, PARAMS.dim, 100)
    assert stored, "hnswlib writes its files in another way now: handing out vectors became slow"
    assert (stored.of(labels) == data[labels]).all()
    loaded = VectorIndex.load(path, PARAMS, ef_search=50)
    assert (loaded.vectors(labels) == data[labels]).all()
    loaded.add([110], data[110:111])
    assert (loaded.vectors([110, 3]) == data[[110, 3]]).all()
