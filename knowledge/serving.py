"""What answers questions at a time: a snapshot with the gate that was fitted to it."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from common.snapshots import current_snapshot
from knowledge.gate.curve import CurvePoint, learning_curve
from knowledge.gate.examples import Example, Examples, load_examples
from knowledge.gate.fit import Lookup, fit_gate, look_up
from knowledge.gate.gate import DistanceGate, Gate, LearnedGate, verdict
from knowledge.gate.refit import (
    Refit,
    compare,
    drop_labels,
    forget_labels,
    take_labels,
    taken_labels,
    unchanged,
)
from knowledge.gate.state import FittedGate
from knowledge.index.catalog import ANSWER
from knowledge.index.embedding_cache import EmbeddingCache
from knowledge.index.open import EVERYTHING, Scope, Snapshot, open_snapshot, scope_of
from knowledge.index.snapshots import vector_params
from knowledge.plan import BuildPlan
from knowledge.retrieval.evidence import Scale, heading_alike
from knowledge.settings import GateSettings
from knowledge.types import Embedder, GateState, IndexMismatch, Point, Status, Vectors, Verdict

log = logging.getLogger(__name__)

WORDED_ALIKE = 0.8
"""A message that shares this much with a heading asks what the documents answer."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Exchanged as a whole by a reload."""

    snapshot: Snapshot
    gate: Gate
    fitted: FittedGate
    status: Status
    scopes: dict[tuple[str, ...], Scope] = field(default_factory=dict)
    reading: Lock = field(default_factory=Lock)
    """Held while the catalogue is read: it is for one thread at a time, and nothing else here."""

    @property
    def scale(self) -> Scale:
        """What cosines mean in this snapshot."""
        return Scale(self.fitted.state.talk, self.fitted.state.question)

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

    def judge(
        self, text: str, vector: Vectors, scope: Scope, *, mention: bool, group: str = ""
    ) -> Verdict:
        """The gate's verdict, and a second look at what the distance rejects or a mention lacks:
        one that is worded like a heading needs no more unprompted than a mention does, and
        nothing more as a mention. A learned gate is taken at its word unprompted."""
        state = self.fitted.state
        found = verdict(self.gate.score(text, vector, scope), state, mention=mention, group=group)
        if found.accept or (state.model == "learned" and not mention):
            return found
        if not mention and found.score < state.mention.threshold:
            return found
        with self.reading:
            alike = heading_alike(self.snapshot, text, vector, scope)
        if alike < WORDED_ALIKE:
            return found
        return replace(found, accept=True, reason="heading")


class Opener:
    """Opens snapshots and fits gates for one plan. Blocking."""

    def __init__(self, plan: BuildPlan, options: GateSettings, embedder: Embedder) -> None:
        self._plan, self._options, self._embedder = plan, options, embedder

    def open(self) -> Serving:
        """Opens the current snapshot. Raises KnowledgeError."""
        folder = self._folder()
        params = vector_params(self._plan, self._embedder.id, self._embedder.dim)
        snapshot = open_snapshot(folder, params, self._plan.layout, self._plan.ef_search)
        examples = self._examples()
        key = self._options.key(examples.digest, self._embedder.id)
        fitted = self._fitted(folder, key)
        if fitted is None:
            fitted = self.fit(snapshot, folder, examples)
            fitted.save(folder)
        return self._serving(snapshot, folder, fitted)

    def _fitted(self, folder: Path, key: str) -> FittedGate | None:
        """The gate that is saved; None for one of another index, other examples or other targets,
        and for one that is damaged: it is worth nothing."""
        try:
            return FittedGate.load(folder, folder.name, key)
        except IndexMismatch as error:
            log.warning("the gate is fitted again: %s", error)
            return None

    def renewed(self, now: Serving) -> Serving:
        """What is to serve in place of `now`: the same, found up to date, where neither the
        snapshot nor what its gate is fitted to has changed. Raises KnowledgeError."""
        folder = self._folder()
        key = self._options.key(self._examples().digest, self._embedder.id)
        if (folder.name, key) == (now.fitted.state.index, now.fitted.state.key):
            return replace(now, status=replace(now.status, built_at=_checked_at(folder)))
        return self.open()

    def calibrated(self) -> Serving:
        """The current snapshot with its gate fitted anew and saved."""
        now, folder = self.open(), self._folder()
        fitted = self.fit(now.snapshot, folder, self._examples())
        fitted.save(folder)
        return self._serving(now.snapshot, folder, fitted)

    def refitted(self, labels: Sequence[Example]) -> tuple[Serving | None, Refit]:
        """The current snapshot with a gate that is fitted to these labels in place of those that
        were taken up before, saved; None where it is not taken."""
        now, folder, home = self.open(), self._folder(), Path(self._plan.folder)
        fresh = self._examples(labels)
        taken: Serving | None = None
        try:
            if fresh.digest == self._examples().digest:
                return None, unchanged(now.fitted.state)
            before = self.fit(now.snapshot, folder, self._examples())
            after = self.fit(now.snapshot, folder, fresh)

            def score(text: str) -> float:
                return now.gate.score(text, self._embedder.encode([text])[0])

            refit = compare(before, after, score, self._options.target_precision)
            if refit.taken:
                take_labels(home, labels)
                after.save(folder)
                taken = self._serving(now.snapshot, folder, after)
            return taken, refit
        finally:
            if taken is None:
                now.snapshot.catalog.close()

    def aimed(self, options: Sequence[GateSettings]) -> list[Point]:
        """Where messages would pass unprompted with other settings; nothing is saved."""
        now, folder, examples = self.open(), self._folder(), self._examples()
        try:
            lookup = self.look_up(now.snapshot, examples)
            fitted = (fit_gate(lookup, examples, one, folder.name, "") for one in options)
            return [one.state.unprompted for one in fitted]
        finally:
            now.snapshot.catalog.close()

    def examined(self) -> tuple[FittedGate, list[CurvePoint]]:
        """The gate fitted anew to its examples, which brings the scores that were held out from
        each, and how it learned; nothing is saved."""
        now, folder, examples = self.open(), self._folder(), self._examples()
        try:
            lookup = self.look_up(now.snapshot, examples)
            fitted = fit_gate(lookup, examples, self._options, folder.name, self._embedder.id)
            if not fitted.state.examples_fit:
                return fitted, []
            return fitted, learning_curve(lookup.seen, examples, fitted.state.share)
        finally:
            now.snapshot.catalog.close()

    def previewed(
        self, labels: Sequence[Example], texts: Sequence[str]
    ) -> tuple[Refit, list[float]]:
        """What a refit to these labels would bring, and the scores that some texts would get;
        nothing is saved."""
        now, folder, fresh = self.open(), self._folder(), self._examples(labels)
        try:
            before = self.fit(now.snapshot, folder, self._examples())
            after = self.fit(now.snapshot, folder, fresh)
            encode = EmbeddingCache(Path(self._plan.folder) / "vectors.sqlite").encode

            def score(text: str) -> float:
                return now.gate.score(text, self._embedder.encode([text])[0])

            refit = compare(before, after, score, self._options.target_precision)
            gate = self._serving(now.snapshot, folder, after).gate
            vectors = encode(self._embedder, texts) if texts else ()
            pairs = zip(texts, vectors, strict=True)
            return refit, [gate.score(text, vector) for text, vector in pairs]
        finally:
            now.snapshot.catalog.close()

    def undone(self) -> Serving | None:
        """The current snapshot with the gate as it was before the last refit that was taken; None
        where there was none."""
        return self.open() if drop_labels(Path(self._plan.folder)) else None

    def without(self, texts: Collection[str], person: str) -> Serving:
        """The current snapshot with a gate that never saw labels of these texts or of a person."""
        forget_labels(Path(self._plan.folder), texts, person)
        return self.open()

    def _examples(self, labels: Sequence[Example] | None = None) -> Examples:
        """The examples that are configured, with labels from groups, else those taken up."""
        if labels is None:
            labels = taken_labels(Path(self._plan.folder))
        return Examples.of((*load_examples(self._options.examples).items, *labels))

    def fit(self, snapshot: Snapshot, folder: Path, examples: Examples) -> FittedGate:
        """A gate for a snapshot, fitted to examples; nothing is saved."""
        lookup = self.look_up(snapshot, examples)
        return fit_gate(lookup, examples, self._options, folder.name, self._embedder.id)

    def scored(
        self, asked: Sequence[tuple[str, Vectors]], train: Examples | None
    ) -> tuple[GateState, list[float]]:
        """The scores of texts with their vectors; with `train` those of a gate that is fitted to
        other examples, of which nothing is saved."""
        now, folder = self.open(), self._folder()
        try:
            if train is not None:
                now = self._serving(now.snapshot, folder, self.fit(now.snapshot, folder, train))
            return now.fitted.state, [now.gate.score(*each) for each in asked]
        finally:
            now.snapshot.catalog.close()

    def curve(self, examples: Examples) -> list[CurvePoint]:
        """How well gates do that are fitted to some of the examples."""
        now = self.open()
        try:
            seen = self.look_up(now.snapshot, examples).seen
            return learning_curve(seen, examples, now.fitted.state.share)
        finally:
            now.snapshot.catalog.close()

    def look_up(self, snapshot: Snapshot, examples: Examples) -> Lookup:
        """Examples as a snapshot sees them."""
        cache = EmbeddingCache(Path(self._plan.folder) / "vectors.sqlite")

        def encode(texts: Sequence[str]) -> Vectors:
            return cache.encode(self._embedder, texts)

        return look_up(snapshot, examples, encode, self._options)

    def _serving(self, snapshot: Snapshot, folder: Path, fitted: FittedGate) -> Serving:
        gate: Gate = DistanceGate(snapshot.reject, self._options.neighbours)
        if fitted.model:
            gate = LearnedGate(snapshot, fitted.model)
        return Serving(snapshot, gate, fitted, _status(snapshot, folder, fitted))

    def _folder(self) -> Path:
        folder = current_snapshot(Path(self._plan.folder))
        if folder is None:
            raise IndexMismatch("there is no index yet; build it with: run_bot.py index")
        return folder


def _status(snapshot: Snapshot, folder: Path, fitted: FittedGate) -> Status:
    meta, counts = snapshot.catalog.meta(), snapshot.catalog.counts()
    return Status(
        snapshot=folder.name,
        documents=counts["documents"],
        pieces=counts[ANSWER],
        skipped=counts["skipped"],
        sources=tuple(meta.get("sources", "").split("\n")),
        built_at=_checked_at(folder),
        gate=fitted.state,
    )


def _checked_at(folder: Path) -> float:
    """When the snapshot was built, or last found to be up to date."""
    return (folder.parent / "current").stat().st_mtime
