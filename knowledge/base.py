"""The knowledge base as the bot sees it: judge, search, quote and reload, all async.

Everything that touches a snapshot runs in one thread of its own, so that the event loop never
waits for an embedding, and exchanging the snapshot needs no lock.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from knowledge import gate as gates
from knowledge.build import build_apart
from knowledge.cache import EmbeddingCache
from knowledge.catalog import ANSWER
from knowledge.embed import create_embedder
from knowledge.examples import Examples, load_examples
from knowledge.gate import DistanceGate, Gate, GateFigures, Thresholds
from knowledge.plan import BuildPlan, BuildReport
from knowledge.quote import cut
from knowledge.scope import EVERYTHING, Scope, scope_of
from knowledge.search import Snapshot, search
from knowledge.shelf import current_snapshot, vector_params
from knowledge.snapshot import open_snapshot
from knowledge.types import (
    Found,
    IndexMismatch,
    KnowledgeError,
    Passage,
    Quote,
    Status,
    Vectors,
    Verdict,
)
from knowledge.widen import widen

T = TypeVar("T")

_REMEMBERED = 256
"""Vectors kept of the latest questions: the gate, the search and the repeats ask for the same."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """How the gate is fitted; see the section `gate` of the configuration."""

    examples: tuple[Path, ...]
    target_precision: float = 0.9
    mention_precision: float = 0.6
    expected_share: float = 0.25
    neighbours: int = 5


@dataclass(frozen=True, slots=True)
class _Serving:
    """What answers questions: exchanged as a whole by a reload."""

    snapshot: Snapshot
    gate: Gate
    status: Status
    scopes: dict[tuple[str, ...], Scope] = field(default_factory=dict)

    def scope(self, sources: Sequence[str]) -> Scope:
        """The part of the snapshot that some sources make up, made once; none means all."""
        if not sources:
            return EVERYTHING
        wanted = tuple(sources)
        if wanted not in self.scopes:
            source_of = {page.id: page.source for page in self.snapshot.pages.values()}
            self.scopes[wanted] = scope_of(
                source_of, self.snapshot.pages_of, self.snapshot.parents, wanted
            )
        return self.scopes[wanted]


class KnowledgeBase:
    """One index and its gate. Open it with `async with`; the index must have been built."""

    def __init__(self, plan: BuildPlan, gate: GateOptions, ef_search: int = 300) -> None:
        self._plan, self._gate_options, self._ef = plan, gate, ef_search
        self._embedder = create_embedder(plan.embedder)
        self._thread = ThreadPoolExecutor(1, "knowledge")
        self._remembered = lru_cache(_REMEMBERED)(self._encode_one)
        self._serving: _Serving | None = None
        self._building = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._serving = await self._run(self._open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        serving, self._serving = self._serving, None
        if serving:
            await self._run(serving.snapshot.catalog.close)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def judge(self, text: str, *, mention: bool, sources: Sequence[str] = ()) -> Verdict:
        """Does this message belong to the documents, or to those of some sources? Raises
        KnowledgeError."""

        def work() -> Verdict:
            now, vector = self._now(), self._remembered(text)
            return now.gate.verdict(vector, mention=mention, among=now.scope(sources).reject)

        return await self._run(work)

    async def search(self, text: str, k: int, sources: Sequence[str] = ()) -> Found:
        """The k best passages for a question, from all sources or only some. Raises
        KnowledgeError."""

        def work() -> Found:
            now, vector = self._now(), self._remembered(text)
            scope = now.scope(sources)
            return search(now.snapshot, text, vector, k, self._plan.passage_chars, scope)

        return await self._run(work)

    async def quote(self, text: str, passages: Sequence[Passage], max_chars: int) -> list[Quote]:
        """The sentences and code blocks of the passages that answer, at most `max_chars` long."""

        def work() -> list[Quote]:
            words = self._now().snapshot.words
            return cut(text, passages, max_chars, self._embedder.encode, words)

        return await self._run(work)

    async def widen(self, passages: Sequence[Passage], most: int) -> list[Passage]:
        """The passages grown to their sections, then their pages, to `most` characters in all."""
        return await self._run(lambda: widen(self._now().snapshot, passages, most))

    async def similarity(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of a text to each of the others, -1..1. Raises KnowledgeError."""

        def work() -> list[float]:
            own = self._remembered(text)
            return [float(own @ self._remembered(other)) for other in others]

        return await self._run(work)

    async def reload(
        self, progress: Callable[[str, int, int], None] = lambda *_: None
    ) -> BuildReport:
        """Brings the index up to date in a process of its own and then serves it.

        The old one answers until the new one is open, and goes on if anything fails. A reload
        that is under way is waited for: it may have missed what changed last. Raises
        KnowledgeError.
        """
        async with self._building:
            report = await build_apart(self._plan, progress)
            fresh = await asyncio.to_thread(self._open)
            old = await self._run(lambda: self._exchange(fresh))
            await self._run(old.snapshot.catalog.close)
            return report

    def status(self) -> Status:
        """What is being served now."""
        return self._now().status

    async def calibrate(self) -> tuple[GateFigures, list[float], list[float]]:
        """Fits the gate to the examples anew, saves it and serves it.

        Returns its figures and the scores of the good and the bad examples.
        """

        def work() -> tuple[GateFigures, list[float], list[float]]:
            serving = self._now()
            folder = self._folder()
            examples = load_examples(self._gate_options.examples)
            good, bad = self._example_scores(serving.snapshot, examples)
            fitted = self._fit(folder, good, bad, examples)
            gate = DistanceGate(serving.snapshot.reject, fitted, self._gate_options.neighbours)
            self._exchange(_Serving(serving.snapshot, gate, serving.status))
            return gates.measure(good, bad, fitted.unprompted), good, bad

        return await self._run(work)

    async def scores(self, texts: Sequence[str]) -> list[float]:
        """The gate's score of each text."""
        return await self._run(
            lambda: [self._now().gate.score(self._remembered(text)) for text in texts]
        )

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _now(self) -> _Serving:
        if self._serving is None:
            raise KnowledgeError("the knowledge base is not open")
        return self._serving

    def _exchange(self, fresh: _Serving) -> _Serving:
        old, self._serving = self._now(), fresh
        return old

    def _encode_one(self, text: str) -> Vectors:
        vector: Vectors = self._embedder.encode([text])[0]
        return vector

    def _folder(self) -> Path:
        folder = current_snapshot(Path(self._plan.folder))
        if folder is None:
            raise IndexMismatch("there is no index yet; build it with: run_bot.py index")
        return folder

    def _open(self) -> _Serving:
        folder = self._folder()
        params = vector_params(self._plan, self._embedder.id, self._embedder.dim)
        snapshot = open_snapshot(folder, params, self._plan.layout, self._ef)
        examples = load_examples(self._gate_options.examples)
        try:
            fitted = Thresholds.load(folder / "gate.json", folder.name, self._key(examples))
        except IndexMismatch:
            # Another index, other examples or other targets: what was fitted is worth nothing.
            good, bad = self._example_scores(snapshot, examples)
            fitted = self._fit(folder, good, bad, examples)
        gate = DistanceGate(snapshot.reject, fitted, self._gate_options.neighbours)
        self._embedder.encode(["warm up"])
        return _Serving(snapshot, gate, _status(snapshot, folder, fitted))

    def _key(self, examples: Examples) -> str:
        options = self._gate_options
        shape = (options.target_precision, options.mention_precision, options.expected_share)
        return f"{examples.digest} {self._embedder.id} {shape} {options.neighbours}"

    def _fit(
        self, folder: Path, good: list[float], bad: list[float], examples: Examples
    ) -> Thresholds:
        options = self._gate_options
        targets = (options.target_precision, options.mention_precision)
        fitted = gates.fit(
            good, bad, targets, options.expected_share, folder.name, self._key(examples)
        )
        fitted.save(folder / "gate.json")
        return fitted

    def _example_scores(
        self, snapshot: Snapshot, examples: Examples
    ) -> tuple[list[float], list[float]]:
        cache = EmbeddingCache(Path(self._plan.folder) / "vectors.sqlite")
        vectors = cache.encode(self._embedder, [*examples.good, *examples.bad])
        near = [
            gates.nearness(snapshot.reject, vector, self._gate_options.neighbours)
            for vector in vectors
        ]
        return near[: len(examples.good)], near[len(examples.good) :]


def _status(snapshot: Snapshot, folder: Path, fitted: Thresholds) -> Status:
    meta, counts = snapshot.catalog.meta(), snapshot.catalog.counts()
    return Status(
        snapshot=folder.name,
        documents=counts["documents"],
        pieces=counts[ANSWER],
        skipped=counts["skipped"],
        sources=tuple(meta.get("sources", "").split("\n")),
        built_at=float(meta.get("built_at", time.time())),
        thresholds=(fitted.unprompted, fitted.mention),
        examples_fit=fitted.good_used,
    )
