"""A second look at the passages that were found: a cross-encoder reads each with the question.

| kind    | model                                               | runs                          |
|---------|-----------------------------------------------------|-------------------------------|
| `api`   | what a `/rerank` serves: Jina, Cohere, SiliconFlow, | elsewhere                     |
|         | vLLM, Infinity, Text Embeddings Inference           |                               |
| `local` | a cross-encoder by hub id or local folder           | here, with the text2vec extra |

It decides their order, not whether they answer: that stays with the fitted evidence. Without it,
or where it fails or takes too long, the fitted order is kept.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from common.hosts import proxy_for
from knowledge.settings import RerankerSettings
from knowledge.types import Found, KnowledgeError, Passage

log = logging.getLogger(__name__)

STEP = 5.0
"""How far the best part of a passage is behind that of the one before it in the reranker's order:
a little more than holding all of the question's words makes up for, see `quote.WORDS`."""

MAX_BYTES = 1_000_000
"""Of an answer: figures for some passages; a server that sends texts back too stays below."""

MAX_TOKENS = 512
"""Of a question with a passage, for a model here: what the smaller models can read."""


class RerankerError(KnowledgeError):
    """The reranker can't be loaded, or its service failed; says what to do."""


class Reranker(Protocol):
    """Scores passages for a question."""

    @property
    def id(self) -> str:
        """Names it in traces."""
        ...

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """A finite score for each text, higher is better. Raises RerankerError."""
        ...

    async def open(self) -> None:
        """Gets ready, without waiting for it."""
        ...

    async def close(self) -> None:
        """Lets go of what it holds."""
        ...


def create_reranker(settings: RerankerSettings) -> Reranker | None:
    """The one of a configuration; loads and asks nothing until it is used."""
    match settings.kind:
        case "api":
            return RerankApi(settings)
        case "local":
            return CrossEncoder(settings.model)
        case _:
            return None


async def reranked(
    found: Found, question: str, k: int, reranker: Reranker, timeout_s: float
) -> Found:
    """The k best of the passages in the reranker's order; in their own where it does not answer
    in time. `Found.reranked` says which."""
    if not found.passages:
        return found
    first = replace(found, passages=found.passages[:k])
    texts = [f"{passage.heading}\n{passage.text}" for passage in found.passages]
    try:
        async with asyncio.timeout(timeout_s):
            scores = await reranker.scores(question, texts)
    except TimeoutError:
        log.warning("%s took more than %g s; the fitted order is kept", reranker.id, timeout_s)
        return replace(first, reranked=f"failed: more than {timeout_s:g} s")
    except RerankerError as error:
        log.warning("%s; the fitted order is kept", error)
        return replace(first, reranked=f"failed: {error}")
    scored = [replace(p, rank_score=s) for p, s in zip(found.passages, scores, strict=True)]
    best = sorted(scored, key=lambda passage: -passage.rank_score)[:k]
    best = [_in_order(passage, place) for place, passage in enumerate(best)]
    return replace(found, passages=tuple(best), reranked=reranker.id)


def _in_order(passage: Passage, place: int) -> Passage:
    """A passage whose parts are quoted in the reranker's order: the best part of each is a step
    behind that of the one before."""
    highest = max((part.score for part in passage.parts), default=0.0)
    parts = (replace(part, score=part.score - highest - STEP * place) for part in passage.parts)
    return replace(passage, parts=tuple(parts))


class RerankApi:
    """A `/rerank` endpoint. Nearly all take `documents` and answer {"results": [{"index",
    "relevance_score"}]}, as Cohere and Jina do; Text Embeddings Inference takes `texts` and
    answers [{"index", "score"}]. Which of the two a server speaks is found out by asking."""

    def __init__(self, settings: RerankerSettings) -> None:
        self._url = settings.base_url.rstrip("/").removesuffix("/rerank") + "/rerank"
        self._model, self._key = settings.model, settings.api_key
        self._takes_texts = False

    @property
    def id(self) -> str:
        """Model and address; the key is no part of it."""
        return f"{self._model or 'reranker'}@{self._url}"

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    async def open(self) -> None:
        """Nothing to do: the first question connects."""

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Asks the server. Raises RerankerError."""
        status, data = await self._asked(question, texts)
        if status in (400, 422) and not self._takes_texts:
            self._takes_texts = True
            status, data = await self._asked(question, texts)
            self._takes_texts = status == 200
        if status in (401, 403):
            raise RerankerError(f"{self._url} refuses `knowledge.reranker.api_key` ({status})")
        if status == 404:
            raise RerankerError(f"{self._url} is not there; correct `knowledge.reranker.base_url`")
        if status != 200:
            raise RerankerError(f"{self._url} answers with status {status}")
        try:
            return scores_in(json.loads(data), len(texts))
        except (ValueError, RecursionError) as error:
            raise RerankerError(f"{self._url} sent no scores: {error}") from None

    async def _asked(self, question: str, texts: Sequence[str]) -> tuple[int, bytes]:
        if self._takes_texts:
            body = {"query": question, "texts": list(texts), "truncate": True}
        else:
            body = {"query": question, "documents": list(texts), "top_n": len(texts)}
            body |= {"model": self._model} if self._model else {}
        secret = self._key.get_secret_value()
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        try:
            proxy = proxy_for(self._url)
        except ValueError as error:
            raise RerankerError(f"{self._url} can't be asked: {error}") from None
        try:
            async with self._session.post(
                self._url, json=body, headers=headers, proxy=proxy, allow_redirects=False
            ) as response:
                data = bytearray()
                async for chunk in response.content.iter_any():
                    data += chunk
                    if len(data) > MAX_BYTES:
                        raise RerankerError(f"{self._url} sent more than {MAX_BYTES} bytes")
                return response.status, bytes(data)
        except aiohttp.ClientError as error:
            what = type(error).__name__
            raise RerankerError(f"{self._url} did not answer: {what}") from None


def scores_in(answer: Any, count: int) -> list[float]:
    """The score of each of `count` texts out of a server's answer. Raises ValueError where one is
    missing, twice there, or no number."""
    rows = answer.get("results") if isinstance(answer, dict) else answer
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("the answer holds no list of results")
    scores: dict[int, float] = {}
    for row in rows:
        index, score = row.get("index"), row.get("relevance_score", row.get("score"))
        if not isinstance(index, int) or not 0 <= index < count or index in scores:
            raise ValueError("a result's index is none of the passages', or there twice")
        if not isinstance(score, int | float) or not abs(score) <= sys.float_info.max:
            raise ValueError("a result's score is no number")
        scores[index] = float(score)
    if len(scores) != count:
        raise ValueError(f"{len(scores)} results for {count} passages")
    return [scores[index] for index in range(count)]


class CrossEncoder:
    """A sequence classification model by hub id or folder, in a thread of its own. A question that
    finds it still at work on another, or still loading, is not kept waiting."""

    def __init__(self, model: str) -> None:
        self._name = model
        self._thread = ThreadPoolExecutor(1, "reranker")
        self._working: Future[list[float]] | None = None

    @property
    def id(self) -> str:
        """The model's hub id or folder."""
        return self._name

    async def open(self) -> None:
        """Begins to load the model."""
        self._working = self._thread.submit(self._scored, "warm up", ["warm up"])

    async def close(self) -> None:
        """Ends after what it is at."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Asks the model. Raises RerankerError."""
        if self._working and not self._working.done():
            raise RerankerError(f"the reranker {self._name} is loading or busy")
        self._working = self._thread.submit(self._scored, question, texts)
        return await asyncio.wrap_future(self._working)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        try:
            import torch  # noqa: F401 - of which transformers speaks only when it is used
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError as error:
            raise RerankerError(
                "knowledge.reranker.kind is local, but the package is missing; install it with: "
                f".venv/bin/pip install text2vec six torch ({error})"
            ) from error
        name = str(Path(self._name).expanduser()) if Path(self._name).exists() else self._name
        try:
            model = AutoModelForSequenceClassification.from_pretrained(name)
            return AutoTokenizer.from_pretrained(name), model.eval()
        except (OSError, ValueError, RuntimeError) as error:
            raise RerankerError(f"the reranker {self._name} can't be loaded: {error}") from error

    def _scored(self, question: str, texts: Sequence[str]) -> list[float]:
        tokenizer, model = self._loaded
        import torch

        pairs = [[question, text] for text in texts]
        with torch.inference_mode():
            read = tokenizer(
                pairs,
                padding=True,
                truncation="longest_first",
                max_length=MAX_TOKENS,
                return_tensors="pt",
            )
            # One label is the score itself; of two the second one is "relevant".
            return [float(score) for score in model(**read).logits[:, -1]]
