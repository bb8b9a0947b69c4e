"""The vector index: hnswlib with its parameters saved beside it."""

import errno
import json
import mmap
import os
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

import hnswlib
import numpy as np
from numpy.typing import NDArray

from knowledge.plan import REBUILD
from knowledge.types import IndexMismatch, Vectors

GROWTH = 1.5
"""A full index is enlarged by this factor, so that adding one piece seldom copies it."""

WIDER = 3
"""Among some labels only, so many times as many neighbours are looked at first."""


@dataclass(frozen=True, slots=True)
class VectorParams:
    """What an index was built with; saved beside it and compared when it is loaded."""

    embedder: str
    dim: int
    m: int
    ef_construction: int


class VectorIndex:
    """Approximate nearest neighbours by cosine over unit vectors, addressed by integer labels.

    Vectors have length 1, so the inner product is the cosine and no norm is taken twice.
    Not thread-safe while it is changed; searching from several threads is fine.
    """

    def __init__(self, params: VectorParams, ef_search: int = 300) -> None:
        self.params = params
        self._ef, self._searching = ef_search, Lock()
        self._index = hnswlib.Index(space="ip", dim=params.dim)
        self._empty = True
        self._deleted: set[int] = set()
        self._stored: StoredVectors | None = None

    def __len__(self) -> int:
        return len(self.labels())

    def labels(self) -> set[int]:
        """Labels of the vectors that are not deleted."""
        return set() if self._empty else set(self._index.get_ids_list()) - self._deleted

    def add(self, labels: Sequence[int], vectors: Vectors) -> None:
        """Adds vectors, shape (len(labels), dim); places of deleted ones are used again.

        A label is never used twice, not even after its vector was deleted: hnswlib would mix the
        two up. Raises ValueError.
        """
        if not len(labels):
            return
        if not self._empty and (twice := set(labels) & set(self._index.get_ids_list())):
            raise ValueError(f"labels {sorted(twice)[:5]} were used before")
        self._stored = None
        self._make_room(len(labels))
        self._index.add_items(vectors, np.asarray(labels, np.int64), replace_deleted=True)
        self._deleted &= set(self._index.get_ids_list())  # the others' places were used again

    def delete(self, labels: Sequence[int]) -> None:
        """Forgets vectors; searching no longer finds them."""
        for label in labels:
            self._index.mark_deleted(label)
            self._deleted.add(label)

    def search(
        self, query: Vectors, k: int, ef: int | None = None, among: frozenset[int] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k nearest labels to one vector of shape (dim,), and their cosines, best first.

        `ef` is the number of candidates looked at, by default the one configured; with `among`
        only these labels count.
        """
        k = min(k, self._size() - len(self._deleted))
        wanted = None if among is None else among.__contains__
        if among is not None:
            k = min(k, len(among))
            # A filter is called for each vector that is met: that is ten times as slow.
            labels, cosines = self.search(query, WIDER * k, ef)
            kept = np.asarray([label in among for label in labels.tolist()], np.bool_)
            if kept.sum() >= k:
                return labels[kept][:k], cosines[kept][:k]
        if k > 0:
            try:
                with self._searching:  # `set_ef` is for whoever searches next
                    self._index.set_ef(max(ef or self._ef, k))
                    labels, distances = self._index.knn_query(
                        query, k=k, num_threads=1, filter=wanted
                    )
            except RuntimeError:
                # After many deletions, or among few, the graph may reach fewer than k; hnswlib
                # then refuses.
                return self._compared_to_all(query, k, among)
            return labels[0].astype(np.int64), (1.0 - distances[0]).astype(np.float32)
        return np.zeros(0, np.int64), np.zeros(0, np.float32)

    def _compared_to_all(
        self, query: Vectors, k: int, among: frozenset[int] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        labels = np.array(sorted(self.labels() if among is None else self.labels() & among))
        cosines = self.vectors(labels.tolist()) @ query
        best = np.argsort(-cosines)[:k]
        return labels[best].astype(np.int64), cosines[best].astype(np.float32)

    def compacted(self) -> "VectorIndex":
        """Itself; where most of its vectors are deleted a new one without them, through which the
        others are reached again."""
        if 2 * len(self._deleted) <= self._size():
            return self
        new, labels = VectorIndex(self.params, self._ef), sorted(self.labels())
        new.add(labels, self.vectors(labels))
        return new

    def vector(self, label: int) -> Vectors:
        """The vector of a label, shape (dim,)."""
        return np.asarray(self._index.get_items([label])[0], np.float32)

    def vectors(self, labels: Sequence[int]) -> Vectors:
        """The vectors of labels, shape (len(labels), dim)."""
        if not len(labels):
            return np.zeros((0, self.params.dim), np.float32)
        if self._stored:
            return self._stored.of(labels)
        return np.asarray(self._index.get_items(list(labels)), np.float32)

    def save(self, path: Path) -> None:
        """Writes `path` and its parameters; each is complete or absent, never half. Raises
        OSError."""
        waiting = path.with_suffix(".tmp")
        checksum = 0
        if not self._empty:
            self._index.save_index(str(waiting))
            # hnswlib does not notice that a disk is full.
            if waiting.stat().st_size != self._index.index_file_size():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(waiting))
            checksum = _checksum(waiting)
            waiting.replace(path)
        note = asdict(self.params) | {"size": self._size(), "deleted": sorted(self._deleted)}
        waiting.write_text(json.dumps(note | {"checksum": checksum}))
        waiting.replace(_note(path))

    @classmethod
    def load(cls, path: Path, params: VectorParams, ef_search: int) -> "VectorIndex":
        """Reads an index that was built with the same parameters. Raises IndexMismatch."""
        try:
            note = json.loads(_note(path).read_text())
            size, deleted = int(note.pop("size")), set(map(int, note.pop("deleted")))
            checksum = note.pop("checksum")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexMismatch(f"{_note(path)} is unreadable ({error}); {REBUILD}") from error
        if note != asdict(params):
            raise IndexMismatch(
                f"{path} was built with {note}, the configuration says {params}; {REBUILD}"
            )
        index = cls(params, ef_search)
        if size:
            index._read(path, checksum)
            index._deleted = deleted
            if index._size() != size:
                raise IndexMismatch(
                    f"{path} holds {index._size()} vectors instead of {size}; {REBUILD}"
                )
        return index

    def _read(self, path: Path, checksum: int) -> None:
        """hnswlib itself would believe a damaged file and follow its links anywhere."""
        try:
            if _checksum(path) != checksum:
                raise IndexMismatch(f"{path} is damaged; {REBUILD}")
            self._index.load_index(str(path), allow_replace_deleted=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise IndexMismatch(f"{path} is damaged ({error}); {REBUILD}") from error
        self._empty = False
        self._stored = StoredVectors.open(path, self.params.dim, self._size())

    def _make_room(self, count: int) -> None:
        if self._empty:
            self._index.init_index(
                max_elements=count,
                M=self.params.m,
                ef_construction=self.params.ef_construction,
                random_seed=1,
                allow_replace_deleted=True,
            )
            self._empty = False
            return
        wanted = self._size() + count - len(self._deleted)
        if wanted > self._index.get_max_elements():
            self._index.resize_index(int(wanted * GROWTH))

    def _size(self) -> int:
        return 0 if self._empty else int(self._index.get_current_count())


HEADER = np.dtype(
    [
        *((name, "<u8") for name in ("level0", "most", "count", "size", "label", "vector")),
        *(("top", "<i4"), ("entry", "<u4")),
        *((name, "<u8") for name in ("links", "links0", "m")),
        *(("spread", "<f8"), ("ef_construction", "<u8")),
    ]
)
"""How a file of hnswlib begins; then come `count` elements of `size` bytes, each with its vector
and its label at these places."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class StoredVectors:
    """The vectors in a saved index, read from its file: to hand out those of a hundred labels,
    hnswlib makes each number a Python object first, 4 ms in all, and a mapped file would soon be in
    memory a second time. `labels` are in rising order, `rows` says where each one's vector stands,
    and `element` what a row holds; `file` is open as long as this lives."""

    file: int
    element: np.dtype[Any]
    labels: NDArray[np.uint64]
    rows: NDArray[np.int64]

    @classmethod
    def open(cls, path: Path, dim: int, count: int) -> "StoredVectors | None":
        """Opens a file; None where it is not written as the known versions of hnswlib do it."""
        header = np.fromfile(path, HEADER, 1)
        if not len(header):
            return None
        told, at_vector = header[0], int(header[0]["vector"])
        size, at_label = int(told["size"]), int(told["label"])
        expected = (0, count, at_vector + 4 * dim, at_label + 8)
        if (int(told["level0"]), int(told["count"]), at_label, size) != expected:
            return None
        if path.stat().st_size < HEADER.itemsize + count * size:
            return None
        element = np.dtype(
            {
                "names": ["vector", "label"],
                "formats": [("<f4", dim), "<u8"],
                "offsets": [at_vector, at_label],
                "itemsize": size,
            }
        )
        labels = np.memmap(path, element, "r", HEADER.itemsize, (count,))["label"].copy()
        rows = np.argsort(labels)
        stored = cls(os.open(path, os.O_RDONLY), element, labels[rows], rows)
        finalize(stored, os.close, stored.file)
        return stored

    def of(self, labels: Sequence[int]) -> Vectors:
        """The vectors of labels, shape (len(labels), dim). Raises OSError, and ValueError where the
        file was cut."""
        rows = self.rows[np.searchsorted(self.labels, np.asarray(labels, np.uint64))]
        order = np.argsort(rows)
        found = np.empty((len(rows), *self.element["vector"].shape), np.float32)
        # The pieces of a page stand side by side: what does is read at once.
        for run in np.split(order, np.flatnonzero(np.diff(rows[order]) != 1) + 1):
            size, first = self.element.itemsize, int(rows[run[0]])
            data = os.pread(self.file, len(run) * size, HEADER.itemsize + first * size)
            found[run] = np.frombuffer(data, self.element)["vector"]
        return found


def _note(path: Path) -> Path:
    return path.with_suffix(".json")


def _checksum(path: Path) -> int:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return zlib.crc32(data)
