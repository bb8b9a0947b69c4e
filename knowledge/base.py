"""The knowledge base as the bot sees it: judge, search, quote and reload, all async.

What a question opens with ("hi all, ...") says nothing here, see `common.small_talk`. Texts are
embedded in batches by `knowledge.index.encoder`; what is looked up in the snapshot is told to its
reader in batches, too, so that the event loop never waits. What is asked after the gate goes first,
and mentions before other messages.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from common.batches import Batches
from common.small_talk import without_openers
from knowledge.gate.curve import CurvePoint
from knowledge.gate.examples import Example, Examples
from knowledge.gate.refit import Refit, labelled_texts
from knowledge.gate.state import FittedGate
from knowledge.index.embedders import create_embedder
from knowledge.index.embedding_pool import UseProcess
from knowledge.index.encoder import Encoder
from knowledge.index.rows import DocumentRow, Place
from knowledge.ingest.build_process import Lent, build_apart
from knowledge.plan import BuildPlan, BuildReport, Source
from knowledge.reading import looks
from knowledge.reading.looks import Look
from knowledge.reading.process import LOOKING, ReaderProcess
from knowledge.reading.reader import LocalReader, Reader
from knowledge.retrieval.rerank import create_reranker, reranked
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

TOGETHER = 16
"""Looks at a snapshot that are told together: what goes first waits for 10 ms at most."""


class KnowledgeBase:
    """One index and its gate. Open it with `async with`; the index must have been built. With
    `apart` it is read in a process of its own, which pays where there is a core for it."""

    def __init__(
        self,
        plan: BuildPlan,
        gate: GateSettings,
        reranker: RerankerSettings | None = None,
        *,
        apart: bool = False,
    ) -> None:
        self._plan, self._reranking = plan, reranker or RerankerSettings()
        self._reranker = create_reranker(self._reranking)
        self._embedder = create_embedder(plan.embedder, apart=apart)
        kind = ReaderProcess if apart else LocalReader
        self._reader: Reader = kind(plan, gate, self._embedder)
        self._encoder = Encoder(self._embedder)
        self._looks = Batches[Look[Any], Any](
            "looks", self._reader.look, TOGETHER, threads=LOOKING if apart else 1, drop=True
        )
        self._status: Status | None = None
        self._building = asyncio.Lock()
        self.after_reload: list[Callable[[], Awaitable[None]]] = []
        self.sources_now: Callable[[], tuple[Source, ...]] | None = None

    async def __aenter__(self) -> Self:
        warming = asyncio.to_thread(self._embedder.encode, ["warm up"])
        try:
            self._status, _ = await asyncio.gather(asyncio.to_thread(self._reader.open), warming)
            if self._reranker:
                await self._reranker.open()
        except BaseException:
            await self._end_processes()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._status = None
        if self._reranker:
            await self._reranker.close()
        await self._encoder.close()
        await self._end_processes()
        await self._looks.close()

    async def judge(
        self, text: str, *, mention: bool, sources: Sequence[str] = (), group: str = ""
    ) -> Verdict:
        """Does this message belong to the documents, or to those of some sources? A group may
        have operating points of its own. Raises KnowledgeError."""
        said = without_openers(text)
        vector = await self._encoder.vector(said, first=mention)
        look = partial(
            looks.judged, text=said, vector=vector, sources=sources, mention=mention, group=group
        )
        return await self._look(look, first=mention)

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
        vector, chars = await self._encoder.vector(said, first=True), self._plan.passage_chars
        look = partial(looks.found, text=said, vector=vector, k=many, chars=chars, sources=sources)
        found, by = await self._look(look), self._reranker
        return await reranked(found, said, k, by, self._reranking.timeout_s) if by else found

    async def quote(
        self, text: str, passages: Sequence[Passage], max_chars: int, *, sure: bool = False
    ) -> list[Quote]:
        """The parts of the passages that answer, at most `max_chars` long; `sure` says that the
        best of them does, so that others are only there for what it lacks."""
        said = without_openers(text)
        vector = await self._encoder.vector(said, first=True)
        look = partial(looks.quoted, text=said, vector=vector, passages=passages)
        return await self._look(partial(look, max_chars=max_chars, sure=sure))

    async def expand(self, passages: Sequence[Passage], most: int) -> list[Passage]:
        """The passages grown to their sections, then their pages, to `most` characters in all."""
        return await self._look(partial(looks.expanded, passages=passages, most=most))

    async def similarity(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of a text to each of the others, -1..1. Raises KnowledgeError."""
        own, *rest = await self._encoder.vectors([text, *others])
        return [float(own @ other) for other in rest]

    async def alike(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of a question to each of the others, 0 where they aren't worded alike: "mute" and
        "unmute" are as near as can be. Raises KnowledgeError."""
        said, *told = map(without_openers, (text, *others))
        alike = await self._look(partial(looks.alike, text=said, others=told))
        own, *rest = await self._encoder.vectors(
            [said, *(other for other, same in zip(told, alike, strict=True) if same)], first=True
        )
        cosines = iter(rest)
        return [float(own @ next(cosines)) if same else 0.0 for same in alike]

    async def keywords(self, text: str, most: int) -> list[str]:
        """The words of a question that tell most, in its order."""
        return await self._look(partial(looks.keywords, text=without_openers(text), most=most))

    async def assess(self, text: str, others: Sequence[Passage], k: int) -> Found:
        """The k best passages of whole texts from elsewhere, and how well they cover a question.
        Raises KnowledgeError."""
        return await asyncio.to_thread(self._reader.assess, without_openers(text), others, k)

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
            await self._serve(await asyncio.to_thread(self._reader.renew))
            for work in self.after_reload:
                await work()
            return report

    def status(self) -> Status:
        """What is being served now."""
        if self._status is None:
            raise KnowledgeError("the knowledge base is not open")
        return self._status

    def problems(self) -> list[str]:
        """What keeps questions from being looked up at the moment."""
        failure = self._reader.failure
        return [f"the documents can't be searched: {failure}"] if failure else []

    async def documents(self) -> tuple[list[DocumentRow], Counter[int]]:
        """All documents, also those that could not be read, and how many pieces each has by its
        id."""
        return await self._look(looks.documents)

    async def pieces(self, source: str, path: str, most: int) -> list[tuple[Place, str]] | None:
        """A document's first pieces, each with its text; None where there is no such document."""
        return await self._look(partial(looks.pieces, source=source, path=path, most=most))

    async def calibrate(self) -> FittedGate:
        """Fits the gate to the examples anew, saves it and serves it."""
        async with self._building:
            status, fitted = await asyncio.to_thread(self._reader.calibrate)
            await self._serve(status)
            return fitted

    async def refit(self, labels: Sequence[Example]) -> Refit:
        """Fits the gate to these labels from groups, beside the examples that are configured, and
        serves it if it is no worse; the old one answers meanwhile. Raises KnowledgeError."""
        async with self._building:
            status, refit = await asyncio.to_thread(self._reader.refit, labels)
            if status:
                await self._serve(status)
            return refit

    async def aimed(self, options: Sequence[GateSettings]) -> list[Point]:
        """Where messages would pass unprompted with each of these settings; changes nothing."""
        async with self._building:
            return await asyncio.to_thread(self._reader.aimed, options)

    async def retarget(self, gate: GateSettings) -> None:
        """Serves a gate fitted with other settings. Raises KnowledgeError; the old one goes on."""
        async with self._building:
            await self._serve(await asyncio.to_thread(self._reader.reopen, gate))

    async def examined(self) -> tuple[FittedGate, list[CurvePoint]]:
        """The gate fitted anew to its examples, with the scores that were held out from each, and
        its learning curve. It takes seconds and changes nothing. Raises KnowledgeError."""
        async with self._building:
            return await asyncio.to_thread(self._reader.examined)

    async def preview(
        self, labels: Sequence[Example], texts: Sequence[str]
    ) -> tuple[Refit, list[float]]:
        """What a refit to these labels would bring, and how it would score some texts. It changes
        nothing. Raises KnowledgeError."""
        said = [without_openers(text) for text in texts]
        async with self._building:
            return await asyncio.to_thread(self._reader.preview, labels, said)

    async def undo_refit(self) -> bool:
        """Serves the gate as it was before the last refit that was taken; False where there was
        none. Raises KnowledgeError."""
        async with self._building:
            status = await asyncio.to_thread(self._reader.undo_refit)
            if status:
                await self._serve(status)
            return status is not None

    async def labelled(self) -> set[str]:
        """The texts that `forget` may be asked to forget."""
        return await asyncio.to_thread(labelled_texts, Path(self._plan.folder))

    async def forget(self, texts: Collection[str], person: str = "") -> None:
        """Forgets labels of these texts and of a person, and serves the gate that is fitted
        without them. Raises KnowledgeError."""
        async with self._building:
            self._encoder.forget()
            await self._serve(await asyncio.to_thread(self._reader.forget, texts, person))

    async def scores(
        self, texts: Sequence[str], train: Examples | None = None
    ) -> tuple[GateState, list[float]]:
        """The gate's score of each text; with `train` those of a gate that is fitted to other
        examples and not used otherwise."""
        said = [without_openers(text) for text in texts]
        asked = list(zip(said, await self._encoder.vectors(said), strict=True))
        return await asyncio.to_thread(self._reader.scores, asked, train)

    async def learning_curve(self, examples: Examples) -> list[CurvePoint]:
        """How well gates do that are fitted to some of the examples."""
        return await asyncio.to_thread(self._reader.learning_curve, examples)

    async def _end_processes(self) -> None:
        await asyncio.to_thread(self._reader.close)
        if isinstance(self._embedder, UseProcess):
            await asyncio.to_thread(self._embedder.close)

    async def _look(self, look: Look[T], *, first: bool = True) -> T:
        return cast("T", await self._looks.do(look, first=first))

    async def _serve(self, status: Status) -> None:
        """Something else serves since."""
        self._status = status
