"""Vectors that were computed before, by embedder and content, in one SQLite file."""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from knowledge.embed import embed_many
from knowledge.types import Embedder, Vectors

_STEP = 1024
"""Texts embedded between two commits."""


class EmbeddingCache:
    """Vectors as 16-bit floats: the cosine moves by less than 0.0005, the file is half as big."""

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
        that an interrupted build goes on where it was.
        """
        keys = [_key(embedder, text) for text in texts]
        with closing(self._connect()) as db:
            known = self._known(db, keys)
            progress(sum(key in known for key in keys))
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
            new = list(missing)
            waiting: list[tuple[bytes, bytes]] = []
            for positions, vectors in embed_many(embedder, list(missing.values())):
                for position, vector in zip(positions, vectors, strict=True):
                    waiting.append((new[position], vector.astype(np.float16).tobytes()))
                progress(len(positions))
                if len(waiting) >= _STEP:
                    known |= self._keep(db, waiting)
                    waiting = []
            known |= self._keep(db, waiting)
        if not keys:
            return np.zeros((0, embedder.dim), np.float32)
        flat = np.frombuffer(b"".join(known[key] for key in keys), np.float16)
        return flat.reshape(len(keys), -1).astype(np.float32)

    def prune(self, keep: int) -> None:
        """Forgets all but the newest vectors."""
        with closing(self._connect()) as db:
            db.execute(
                "delete from vectors where rowid <= (select max(rowid) from vectors) - ?", (keep,)
            )
            db.commit()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=30)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.execute("create table if not exists vectors (key blob primary key, vector blob)")
        return db

    @staticmethod
    def _keep(db: sqlite3.Connection, rows: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
        db.executemany("insert or replace into vectors values (?, ?)", rows)
        db.commit()
        return dict(rows)

    @staticmethod
    def _known(db: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            # Only question marks are put into the statement, never data.
            found |= dict(
                db.execute(f"select key, vector from vectors where key in ({marks})", part)  # noqa: S608
            )
        return found


def _key(embedder: Embedder, text: str) -> bytes:
    return hashlib.sha256(f"{embedder.id}\0{text}".encode("utf-8", "replace")).digest()
