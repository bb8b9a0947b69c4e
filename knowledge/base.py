"""The knowledge base as the bot sees it: judge, search, quote and reload, all async.

What a question opens with ("hi all, ...") says nothing here, see `common.small_talk`. Texts are
embedded in batches by `knowledge.index.encoder`; everything that touches a snapshot runs in one
thread of its own, so that the event loop never waits, and exchanging the snapshot needs no lock.
What is asked after the gate goes first, and mentions before other messages.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Self, TypeVar, cast

from common.batches import Batches
from common.small_talk import without_openers
from knowledge.gate.curve import CurvePoint
from knowledge.gate.examples import Example, Examples
from knowledge.gate.refit import Refit
from knowledge.gate.state import FittedGate
from knowledge.index.embedders import create_embedder
from knowledge.index.encoder import Encoder
from knowledge.index.open import Snapshot
from knowledge.ingest.build_process import Lent, build_apart
from knowledge.plan import BuildPlan, BuildReport, Source
from knowledge.retrieval.assess import assess
from knowledge.retrieval.evidence import worded_alike
from knowledge.retrieval.expand import expand
from knowledge.retrieval.quote import cut
from knowledge.retrieval.rerank import create_reranker, reranked
from knowledge.retrieval.search import search
from knowledge.serving import Opener, Serving
from knowledge.settings import GateSettings, RerankerSettings
from knowledge.types import (
    Found,
    GateState,
    KnowledgeError,
    Passage,
    Point,
    Quote,
    Status,
    Verdict,
)

T = TypeVar("T")

TOGETHER = 8
"""Looks at a snapshot that are told together: what goes first waits for 5 ms at most."""


class KnowledgeBase:
    """One index and its gate. Open it with `async with`; the index must have been built."""

    def __init__(
        self, plan: BuildPlan, gate: GateSettings, reranker: RerankerSettings | None = None
    ) -> None:
        self._plan, self._reranking = plan, reranker or RerankerSettings()
        self._reranker = create_reranker(self._reranking)
        self._embedder = create_embedder(plan.embedder)
        self._opener = Opener(plan, gate, self._embedder)
        self._encoder = Encoder(self._embedder)
        self._thread = Batches[Callable[[], Any], Any](
            "knowledge", lambda works: [work() for work in works], TOGETHER, apart=True, drop=True
        )
        self._serving: Serving | None = None
        self._building = asyncio.Lock()
        self.after_reload: list[Callable[[], Awaitable[None]]] = []
        self.sources_now: Callable[[], tuple[Source, ...]] | None = None

    async def __aenter__(self) -> Self:
        self._serving = await self._run(self._opener.open)
        if self._reranker:
            await self._reranker.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        serving, self._serving = self._serving, None
        if serving:
            await self._run(serving.snapshot.catalog.close)
        if self._reranker:
            await self._reranker.close()
        await self._encoder.close()
        await self._thread.close()

    async def judge(
        self, text: str, *, mention: bool, sources: Sequence[str] = (), group: str = ""
    ) -> Verdict:
        """Does this message belong to the documents, or to those of some sources? A group may
        have operating points of its own. Raises KnowledgeError."""
        said = without_openers(text)
        vector = await self._encoder.vector(said, first=mention)

        def work() -> Verdict:
            now = self._now()
            return now.judge(said, vector, now.scope(sources), mention=mention, group=group)

        return await self._run(work, first=mention)

    async def prepare(
        self, texts: Sequence[str], progress: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        """Embeds texts that will be asked about, many at a time in several processes, and keeps
        their vectors, 1 KB each. `progress` is told how many of how many are done. Raises
        KnowledgeError."""
        both = [said for text in texts for said in (text, without_openers(text))]
        await self._encoder.prepare(both, progress)

    async def search(self, text: str, k: int, sources: Sequence[str] = ()) -> Found:
        """The k best passages for a question, from all sources or only some; in the order of the
        reranker where there is one. Raises KnowledgeError."""
        said = without_openers(text)
        many = max(k, self._reranking.candidates) if self._reranker else k
        vector = await self._encoder.vector(said, first=True)

        def work() -> Found:
            now, chars = self._now(), self._plan.passage_chars
            return search(now.snapshot, said, vector, many, chars, now.scope(sources))

        found, by = await self._run(work), self._reranker
        return await reranked(found, said, k, by, self._reranking.timeout_s) if by else found

    async def quote(
        self, text: str, passages: Sequence[Passage], max_chars: int, *, sure: bool = False
    ) -> list[Quote]:
        """The parts of the passages that answer, at most `max_chars` long; `sure` says that the
        best of them does, so that others are only there for what it lacks."""
        said = without_openers(text)
        vector = await self._encoder.vector(said, first=True)

        def work() -> list[Quote]:
            return cut(self._now().snapshot, said, vector, passages, max_chars, sure=sure)

        return await self._run(work)

    async def expand(self, passages: Sequence[Passage], most: int) -> list[Passage]:
        """The passages grown to their sections, then their pages, to `most` characters in all."""
        return await self._run(lambda: expand(self._now().snapshot, passages, most))

    async def similarity(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of a text to each of the others, -1..1. Raises KnowledgeError."""
        own, *rest = await self._encoder.vectors([text, *others])
        return [float(own @ other) for other in rest]

    async def alike(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of a question to each of the others, 0 where they aren't worded alike: "mute" and
        "unmute" are as near as can be. Raises KnowledgeError."""
        said, *told = map(without_openers, (text, *others))

        def work() -> list[bool]:
            words = self._now().snapshot.words
            return [worded_alike(words, said, other) for other in told]

        alike = await self._run(work)
        own, *rest = await self._encoder.vectors(
            [said, *(other for other, same in zip(told, alike, strict=True) if same)], first=True
        )
        cosines = iter(rest)
        return [float(own @ next(cosines)) if same else 0.0 for same in alike]

    async def keywords(self, text: str, most: int) -> list[str]:
        """The words of a question that tell most, in its order."""
        said = without_openers(text)
        return await self._run(lambda: self._now().snapshot.words.keywords(said, most))

    async def assess(self, text: str, others: Sequence[Passage], k: int) -> Found:
        """The k best passages of whole texts from elsewhere, and how well they cover a question.
        Raises KnowledgeError."""

        def work() -> Found:
            now = self._now()
            encode, words = self._embedder.encode, now.snapshot.words
            return assess(without_openers(text), others, k, encode, words, now.scale)

        # Many pieces are embedded; of the snapshot only what any thread may use is looked at.
        return await asyncio.to_thread(work)

    async def reload(
        self, progress: Callable[[str, int, int], None] = lambda *_: None
    ) -> BuildReport:
        """Brings the index up to date in a process of its own and then serves it.

        The old one answers until the new one is open, and goes on if anything fails. A reload
        that is under way is waited for: it may have missed what changed last. The sources are
        those that `sources_now` brings, what is in `after_reload` is part of it. Raises
        KnowledgeError.
        """
        async with self._building:
            if self.sources_now:
                self._plan = replace(self._plan, sources=await asyncio.to_thread(self.sources_now))
            dim = await asyncio.to_thread(lambda: self._embedder.dim)
            lent = Lent(dim, lambda texts: asyncio.to_thread(self._embedder.encode, texts))
            report = await build_apart(self._plan, progress, lent)
            await self._serve(await asyncio.to_thread(self._opener.renewed, self._now()))
            for work in self.after_reload:
                await work()
            return report

    def status(self) -> Status:
        """What is being served now."""
        return self._now().status

    async def browse(self, look: Callable[[Snapshot], T]) -> T:
        """What somebody finds in the snapshot that is being served."""
        return await self._run(lambda: look(self._now().snapshot))

    async def calibrate(self) -> FittedGate:
        """Fits the gate to the examples anew, saves it and serves it."""

        def work() -> FittedGate:
            self._exchange(self._opener.calibrated(self._now()))
            return self._now().fitted

        return await self._run(work)

    async def refit(self, labels: Sequence[Example]) -> Refit:
        """Fits the gate to these labels from groups, beside the examples that are configured, and
        serves it if it is no worse; the old one answers meanwhile. Raises KnowledgeError."""
        async with self._building:
            fresh, refit = await asyncio.to_thread(self._opener.refitted, labels)
            if fresh:
                await self._serve(fresh)
            return refit

    async def aimed(self, options: Sequence[GateSettings]) -> list[Point]:
        """Where messages would pass unprompted with each of these settings; changes nothing."""
        async with self._building:
            return await asyncio.to_thread(self._opener.aimed, options)

    async def retarget(self, gate: GateSettings) -> None:
        """Serves a gate fitted with other settings. Raises KnowledgeError; the old one goes on."""
        async with self._building:
            opener = Opener(self._plan, gate, self._embedder)
            await self._serve(await asyncio.to_thread(opener.open))
            self._opener = opener

    async def examined(self) -> tuple[FittedGate, list[CurvePoint]]:
        """The gate fitted anew to its examples, with the scores that were held out from each, and
        its learning curve. It takes seconds and changes nothing. Raises KnowledgeError."""
        async with self._building:
            return await asyncio.to_thread(self._opener.examined)

    async def preview(
        self, labels: Sequence[Example], texts: Sequence[str]
    ) -> tuple[Refit, list[float]]:
        """What a refit to these labels would bring, and how it would score some texts. It changes
        nothing. Raises KnowledgeError."""
        said = [without_openers(text) for text in texts]
        async with self._building:
            return await asyncio.to_thread(self._opener.previewed, labels, said)

    async def undo_refit(self) -> bool:
        """Serves the gate as it was before the last refit that was taken; False where there was
        none. Raises KnowledgeError."""
        async with self._building:
            fresh = await asyncio.to_thread(self._opener.undone)
            if fresh:
                await self._serve(fresh)
            return fresh is not None

    async def labelled(self) -> set[str]:
        """The texts that `forget` may be asked to forget."""
        return await asyncio.to_thread(self._opener.labelled)

    async def forget(self, texts: Collection[str], person: str = "") -> None:
        """Forgets labels of these texts and of a person, and serves the gate that is fitted
        without them. Raises KnowledgeError."""
        async with self._building:
            self._encoder.forget()
            await self._serve(await asyncio.to_thread(self._opener.without, texts, person))

    async def scores(
        self, texts: Sequence[str], train: Examples | None = None
    ) -> tuple[GateState, list[float]]:
        """The gate's score of each text; with `train` those of a gate that is fitted to other
        examples and not used otherwise."""
        said = [without_openers(text) for text in texts]
        asked = list(zip(said, await self._encoder.vectors(said), strict=True))
        return await self._run(lambda: self._opener.scored(self._now(), asked, train))

    async def learning_curve(self, examples: Examples) -> list[CurvePoint]:
        """How well gates do that are fitted to some of the examples."""
        return await self._run(lambda: self._opener.curve(self._now(), examples))

    async def _run(self, work: Callable[[], T], *, first: bool = True) -> T:
        return cast("T", await self._thread.do(work, first=first))

    def _now(self) -> Serving:
        if self._serving is None:
            raise KnowledgeError("the knowledge base is not open")
        return self._serving

    async def _serve(self, fresh: Serving) -> None:
        old = await self._run(lambda: self._exchange(fresh))
        if old.snapshot is not fresh.snapshot:
            await self._run(old.snapshot.catalog.close)

    def _exchange(self, fresh: Serving) -> Serving:
        old, self._serving = self._now(), fresh
        return old
