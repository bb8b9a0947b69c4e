"""What reads the index: the snapshot that serves, with its gate, and what exchanges the two."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import Condition
from typing import Any, Protocol

from knowledge.gate.curve import CurvePoint
from knowledge.gate.examples import Example, Examples
from knowledge.gate.refit import Refit
from knowledge.gate.state import FittedGate
from knowledge.plan import BuildPlan
from knowledge.reading.looks import Look
from knowledge.retrieval.assess import assess
from knowledge.serving import Opener, Serving
from knowledge.settings import GateSettings
from knowledge.types import (
    Embedder,
    Found,
    GateState,
    KnowledgeError,
    Passage,
    Point,
    Status,
    Vectors,
)


class Reader(Protocol):
    """Blocking, and for any thread. What changes what serves returns its status; all of that goes
    on answering meanwhile, and the old one where it fails. All raise KnowledgeError."""

    failure: str
    """Why nothing can be looked up at the moment; "" where it can."""

    def open(self) -> Status:
        """Opens the current snapshot for the first time."""
        ...

    def close(self) -> None:
        """Serves no more."""
        ...

    def look(self, looks: Sequence[Look[Any]]) -> list[Any]:
        """What each look finds; the first that fails fails all."""
        ...

    def assess(self, text: str, others: Sequence[Passage], k: int) -> Found:
        """The k best passages of whole texts from elsewhere, and how well they cover a question."""
        ...

    def reopen(self, gate: GateSettings | None = None) -> Status:
        """Opens the current snapshot again, with other settings of the gate where some are
        given."""
        ...

    def renew(self) -> Status:
        """Opens the current snapshot if it is another one, or its gate is to be fitted anew."""
        ...

    def calibrate(self) -> tuple[Status, FittedGate]:
        """Fits the gate to the examples anew and saves it."""
        ...

    def refit(self, labels: Sequence[Example]) -> tuple[Status | None, Refit]:
        """Fits the gate to labels from groups; a status where that serves now."""
        ...

    def undo_refit(self) -> Status | None:
        """Takes back the last refit; None where there was none."""
        ...

    def forget(self, texts: Collection[str], person: str) -> Status:
        """Fits the gate without labels of these texts and of a person."""
        ...

    def aimed(self, options: Sequence[GateSettings]) -> list[Point]:
        """Where messages would pass unprompted with other settings."""
        ...

    def examined(self) -> tuple[FittedGate, list[CurvePoint]]:
        """The gate fitted anew, with the scores held out from each example, and how it learned."""
        ...

    def preview(self, labels: Sequence[Example], texts: Sequence[str]) -> tuple[Refit, list[float]]:
        """What a refit would bring, and how it would score some texts."""
        ...

    def scores(
        self, asked: Sequence[tuple[str, Vectors]], train: Examples | None
    ) -> tuple[GateState, list[float]]:
        """The scores of texts with their vectors, with a gate fitted to `train` where given."""
        ...

    def learning_curve(self, examples: Examples) -> list[CurvePoint]:
        """How well gates do that are fitted to some of the examples."""
        ...


class LocalReader:
    """A `Reader` in this process."""

    def __init__(self, plan: BuildPlan, gate: GateSettings, embedder: Embedder) -> None:
        self._plan, self._embedder = plan, embedder
        self._opener = Opener(plan, gate, embedder)
        self._serving: Serving | None = None
        self.failure = ""
        self._looking, self._looks = Condition(), Counter[int]()

    def open(self) -> Status:
        """See `Reader.open`."""
        self._serving = self._opener.open()
        return self._serving.status

    def close(self) -> None:
        """See `Reader.close`."""
        with self._looking:
            serving, self._serving = self._serving, None
        if serving:
            self._end(serving)

    def look(self, looks: Sequence[Look[Any]]) -> list[Any]:
        """See `Reader.look`."""
        with self._used() as now:
            return [look(now) for look in looks]

    def assess(self, text: str, others: Sequence[Passage], k: int) -> Found:
        """See `Reader.assess`."""
        now = self._now()  # embedding may take long, and what serves need not stay open for it
        return assess(text, others, k, self._embedder.encode, now.snapshot.words, now.scale)

    def reopen(self, gate: GateSettings | None = None) -> Status:
        """See `Reader.reopen`."""
        opener = Opener(self._plan, gate, self._embedder) if gate else self._opener
        status = self._exchange(opener.open())
        self._opener = opener
        return status

    def renew(self) -> Status:
        """See `Reader.renew`."""
        return self._exchange(self._opener.renewed(self._now()))

    def calibrate(self) -> tuple[Status, FittedGate]:
        """See `Reader.calibrate`."""
        fresh = self._opener.calibrated()
        return self._exchange(fresh), fresh.fitted

    def refit(self, labels: Sequence[Example]) -> tuple[Status | None, Refit]:
        """See `Reader.refit`."""
        fresh, refit = self._opener.refitted(labels)
        return (self._exchange(fresh) if fresh else None), refit

    def undo_refit(self) -> Status | None:
        """See `Reader.undo_refit`."""
        fresh = self._opener.undone()
        return self._exchange(fresh) if fresh else None

    def forget(self, texts: Collection[str], person: str) -> Status:
        """See `Reader.forget`."""
        return self._exchange(self._opener.without(texts, person))

    def aimed(self, options: Sequence[GateSettings]) -> list[Point]:
        """See `Reader.aimed`."""
        return self._opener.aimed(options)

    def examined(self) -> tuple[FittedGate, list[CurvePoint]]:
        """See `Reader.examined`."""
        return self._opener.examined()

    def preview(self, labels: Sequence[Example], texts: Sequence[str]) -> tuple[Refit, list[float]]:
        """See `Reader.preview`."""
        return self._opener.previewed(labels, texts)

    def scores(
        self, asked: Sequence[tuple[str, Vectors]], train: Examples | None
    ) -> tuple[GateState, list[float]]:
        """See `Reader.scores`."""
        return self._opener.scored(asked, train)

    def learning_curve(self, examples: Examples) -> list[CurvePoint]:
        """See `Reader.learning_curve`."""
        return self._opener.curve(examples)

    def _now(self) -> Serving:
        if self._serving is None:
            raise KnowledgeError("the knowledge base is not open")
        return self._serving

    def _exchange(self, fresh: Serving) -> Status:
        with self._looking:
            old, self._serving = self._now(), fresh
        if old.snapshot is not fresh.snapshot:
            self._end(old)
        return fresh.status

    @contextmanager
    def _used(self) -> Iterator[Serving]:
        """What serves; it stays open while it is looked at."""
        with self._looking:
            now = self._now()
            self._looks[id(now.snapshot)] += 1
        try:
            yield now
        finally:
            with self._looking:
                self._looks[id(now.snapshot)] -= 1
                self._looking.notify_all()

    def _end(self, old: Serving) -> None:
        with self._looking:
            self._looking.wait_for(lambda: not self._looks[id(old.snapshot)])
            del self._looks[id(old.snapshot)]
        old.snapshot.catalog.close()
