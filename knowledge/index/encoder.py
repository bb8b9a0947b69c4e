"""What is asked about is embedded here: what several groups ask at a time in one batch, in as many
threads as there are cores, and not again what was embedded lately."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from common.batches import Batches
from knowledge.index.embedders import EmbedderDown, UseEmbedder, embed_many
from knowledge.index.embedding_pool import BATCH, cores
from knowledge.types import Embedder, Vectors

GRACE_S = 2.0

REMEMBERED = 2048
"""Vectors kept of the latest texts, 2 KB each: the gate, the search and the repeats ask for the
same."""

PATIENCE_S = 0.02
"""So long a text that is in no hurry waits for others: in a batch of sixteen it takes half as much
of the machine as alone."""

Known = OrderedDict[str, Vectors]


class Encoder:
    """An embedder for the event loop. The built-in one computes outside the interpreter's lock, so
    its threads run beside each other and beside everything else; others have their own ways to use
    a machine, or are on another."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        threads = cores() if isinstance(embedder, UseEmbedder) else 1
        self._batches = Batches[tuple[str, Known], Vectors](
            "encoder",
            self._encoded,
            BATCH,
            threads=threads,
            drop=True,
            for_all=(EmbedderDown,),
            patience_s=PATIENCE_S,
        )
        self._known = Known()
        self._prepared: dict[str, NDArray[np.float16]] = {}

    async def vector(self, text: str, *, first: bool = False) -> Vectors:
        """The vector of a text, shape (dim,); with `first` before others that wait. Raises
        KnowledgeError."""
        if text in self._prepared:
            return self._prepared[text].astype(np.float32)
        known = self._known  # what is being embedded while others are forgotten is not kept
        found = known.get(text)
        if found is None:
            found = await self._batches.do((text, known), first=first)
            while len(known) > REMEMBERED:
                known.popitem(last=False)
        else:
            known.move_to_end(text)
        return found

    async def vectors(self, texts: Sequence[str], *, first: bool = False) -> list[Vectors]:
        """The vectors of texts. Raises KnowledgeError."""
        if sum(text not in self._known for text in texts) <= 1:  # nothing to wait for together
            return [await self.vector(text, first=first) for text in texts]
        return await asyncio.gather(*(self.vector(text, first=first) for text in texts))

    async def prepare(self, texts: Sequence[str], progress: Callable[[int, int], None]) -> None:
        """Embeds texts that will be asked about, many at a time in several processes, and keeps
        their vectors, 1 KB each. `progress` is told how many of how many are done. Raises
        KnowledgeError."""
        wanted = list(dict.fromkeys(texts))

        def work() -> None:
            for positions, vectors in embed_many(self._embedder, wanted):
                for position, vector in zip(positions, vectors, strict=True):
                    # Half as big, and the cosine moves by less than 0.0005.
                    self._prepared[wanted[position]] = vector.astype(np.float16)
                progress(len(self._prepared), len(wanted))

        await asyncio.to_thread(work)

    def forget(self) -> None:
        """Forgets the latest texts: they may be of a person who wants to be forgotten."""
        self._known = Known()

    async def close(self, grace_s: float = GRACE_S) -> None:
        """Ends after what is being embedded, which may be at an API that says nothing: after
        `grace_s` it is left to itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._batches.close()

    def _encoded(self, asked: Sequence[tuple[str, Known]]) -> list[Vectors]:
        """Each text once, however many ask for it, and not where it was embedded meanwhile."""
        found = {text: vector for text, known in asked if (vector := known.get(text)) is not None}
        wanted = list(dict.fromkeys(text for text, _ in asked if text not in found))
        if wanted:
            found |= zip(wanted, self._embedder.encode(wanted), strict=True)
        for text, known in asked:
            known[text] = found[text]  # here, so that the next batch finds it
        return [found[text] for text, _ in asked]
