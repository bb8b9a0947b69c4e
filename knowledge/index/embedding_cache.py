"""Vectors that were computed before, by embedder and content, in one SQLite file."""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np

from knowledge.index.embedders import embed_many
from knowledge.types import Embedder, KnowledgeError, Vectors

T = TypeVar("T")

_STEP = 1024
"""Texts embedded between two commits."""


class EmbeddingCache:
    """Vectors as 16-bit floats: the cosine moves by less than 0.0005, the file is half as big.

    A damaged file is thrown away: everything in it can be computed again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def encode(
        self,
        embedder: Embedder,
        texts: Sequence[str],
        progress: Callable[[int], None] = lambda _: None,
    ) -> Vectors:
        """Embeds texts, shape (len(texts), dim), reading known ones and keeping new ones.

        `progress` is told how many more are done. What is done is on disk every few seconds, so
        that an interrupted build goes on where it was. Raises KnowledgeError.
        """
        if not texts:
            return np.zeros((0, embedder.dim), np.float32)
        keys = [_key(embedder, text) for text in texts]
        known = self._use(lambda db: _known(db, keys, embedder.dim))
        progress(sum(key in known for key in keys))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        new = list(missing)
        waiting: list[tuple[bytes, bytes]] = []
        for positions, vectors in embed_many(embedder, list(missing.values())):
            for position, vector in zip(positions, vectors, strict=True):
                waiting.append((new[position], vector.astype(np.float16).tobytes()))
            progress(len(positions))
            if len(waiting) >= _STEP:
                known |= self._keep(waiting)
                waiting = []
        known |= self._keep(waiting)
        flat = np.frombuffer(b"".join(known[key] for key in keys), np.float16)
        return flat.reshape(len(keys), -1).astype(np.float32)

    def prune(self, keep: int) -> None:
        """Forgets all but the newest vectors."""
        newest, oldest = self._use(
            lambda db: db.execute("select max(rowid), min(rowid) from vectors").fetchone()
        )
        # Most builds have nothing to forget, and writing takes its time.
        if newest and newest - oldest >= keep:
            last = newest - keep
            self._use(lambda db: db.execute("delete from vectors where rowid <= ?", (last,)))

    def _keep(self, rows: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
        if rows:
            insert = "insert or replace into vectors values (?, ?)"
            self._use(lambda db: db.executemany(insert, rows))
        return dict(rows)

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            try:
                return self._attempt(work)
            except sqlite3.OperationalError:
                raise  # it is locked, or the disk is full: the file itself is well
            except sqlite3.DatabaseError:
                for end in ("", "-wal", "-shm"):
                    Path(f"{self._path}{end}").unlink(missing_ok=True)
                return self._attempt(work)
        except (sqlite3.Error, OSError) as error:
            raise KnowledgeError(f"can't use {self._path}: {error}") from error

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with closing(sqlite3.connect(self._path, timeout=30)) as db:
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = normal")
            db.execute("create table if not exists vectors (key blob primary key, vector blob)")
            done = work(db)
            db.commit()
            return done


def _known(db: sqlite3.Connection, keys: Sequence[bytes], dim: int) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        marks = ",".join("?" * len(part))
        # Only question marks are put into the statement, never data.
        rows = db.execute(f"select key, vector from vectors where key in ({marks})", part)  # noqa: S608
        found |= {key: vector for key, vector in rows if len(vector) == 2 * dim}
    return found


def _key(embedder: Embedder, text: str) -> bytes:
    return hashlib.sha256(f"{embedder.id}\0{text}".encode("utf-8", "replace")).digest()
