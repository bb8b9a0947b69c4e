"""An embedder that somebody else has loaded: a few texts are sent there, many are embedded here."""

from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from knowledge.index.embedders import in_batches
from knowledge.index.embedding_pool import BATCH, POOL_FROM
from knowledge.types import Embedder, EmbedderError, Vectors


class AskedEmbedder:
    """`ask` sends texts and returns {"vectors": base64 of 32-bit floats} or {"error": "..."};
    `own` is the same model here, not loaded yet."""

    def __init__(self, own: Embedder, dim: int, ask: Callable[[list[str]], dict[str, Any]]) -> None:
        self._own, self._ask = own, ask
        self.dim = dim

    @property
    def id(self) -> str:
        """The model's."""
        return self._own.id

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts, shape (len(texts), dim). Raises EmbedderError."""
        answer = self._ask(list(texts))
        if "error" in answer:
            raise EmbedderError(answer["error"])
        vectors = np.frombuffer(b64decode(answer["vectors"]), np.float32).reshape(-1, self.dim)
        if len(vectors) != len(texts):
            raise EmbedderError(f"{len(vectors)} vectors came back for {len(texts)} texts")
        return vectors

    def stream(self, batches: Sequence[Sequence[str]]) -> Iterator[tuple[int, Vectors]]:
        """Yields (number of a batch, its vectors). Raises EmbedderError."""
        if len(batches) * BATCH >= POOL_FROM:
            yield from in_batches(self._own, batches)
        else:
            yield from ((number, self.encode(batch)) for number, batch in enumerate(batches))
