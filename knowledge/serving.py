"""What answers questions at a time: a snapshot with the gate that was fitted to it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.snapshots import current_snapshot
from knowledge.gate.examples import Examples, load_examples
from knowledge.gate.fit import Sample, choose, fit
from knowledge.gate.gate import DistanceGate, Gate, Thresholds, nearness
from knowledge.gate.headings import own_scores
from knowledge.index.catalog import ANSWER
from knowledge.index.embedding_cache import EmbeddingCache
from knowledge.index.open import EVERYTHING, Scope, Snapshot, open_snapshot, scope_of
from knowledge.index.snapshots import vector_params
from knowledge.plan import BuildPlan
from knowledge.retrieval.evidence import Scale
from knowledge.retrieval.ranking import heading_alike
from knowledge.settings import GateSettings
from knowledge.types import Embedder, IndexMismatch, Status, Vectors, Verdict

WORDED_ALIKE = 0.8
"""A message that shares this much with a heading asks what the documents answer."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Exchanged as a whole by a reload."""

    snapshot: Snapshot
    gate: Gate
    fitted: Thresholds
    status: Status
    scopes: dict[tuple[str, ...], Scope] = field(default_factory=dict)

    @property
    def scale(self) -> Scale:
        """What cosines mean in this snapshot."""
        return Scale(self.fitted.talk, self.fitted.question)

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

    def judge(self, text: str, vector: Vectors, scope: Scope, *, mention: bool) -> Verdict:
        """The gate's verdict, and a second look at what it rejects: a message that is worded like
        a heading needs no more unprompted than a mention does, and nothing more as a mention."""
        verdict = self.gate.verdict(vector, mention=mention, among=scope.reject)
        least = -1.0 if mention else self.fitted.mention
        if verdict.accept or verdict.score < least:
            return verdict
        if heading_alike(self.snapshot, text, vector, scope) < WORDED_ALIKE:
            return verdict
        return replace(verdict, accept=True, reason="heading")


class Opener:
    """Opens snapshots and fits gates for one plan. Blocking."""

    def __init__(self, plan: BuildPlan, options: GateSettings, embedder: Embedder) -> None:
        self._plan, self._options, self._embedder = plan, options, embedder

    def open(self) -> Serving:
        """Opens the current snapshot. Raises KnowledgeError."""
        folder = self._folder()
        params = vector_params(self._plan, self._embedder.id, self._embedder.dim)
        snapshot = open_snapshot(folder, params, self._plan.layout, self._plan.ef_search)
        examples = load_examples(self._options.examples)
        try:
            fitted = Thresholds.load(folder / "gate.json", folder.name, self._key(examples))
        except IndexMismatch:
            # Another index, other examples or other targets: what was fitted is worth nothing.
            fitted = self._fit(folder, examples, self.sample(snapshot, examples))
        self._embedder.encode(["warm up"])
        return self._serving(snapshot, folder, fitted)

    def calibrated(self, now: Serving) -> tuple[Serving, Sample]:
        """The same snapshot with its gate fitted anew and saved, and what it was fitted to."""
        examples = load_examples(self._options.examples)
        sample = self.sample(now.snapshot, examples)
        folder = self._folder()
        fitted = self._fit(folder, examples, sample)
        return replace(self._serving(now.snapshot, folder, fitted), scopes=now.scopes), sample

    def sample(self, snapshot: Snapshot, examples: Examples) -> Sample:
        """The scores that a gate for a snapshot is fitted to."""
        neighbours = self._options.neighbours
        cache = EmbeddingCache(Path(self._plan.folder) / "vectors.sqlite")

        def encode(texts: Sequence[str]) -> Vectors:
            return cache.encode(self._embedder, texts)

        vectors = encode([*examples.good, *examples.bad])
        near = [nearness(snapshot.reject, vector, neighbours) for vector in vectors]
        good, bad = near[: len(examples.good)], near[len(examples.good) :]
        return choose(good, bad, own_scores(snapshot, neighbours, encode))

    def thresholds(self, sample: Sample, index: str = "", key: str = "") -> Thresholds:
        """The thresholds for the configured precisions."""
        options = self._options
        targets = (options.target_precision, options.mention_precision)
        return fit(sample, targets, options.expected_share, index, key)

    def _fit(self, folder: Path, examples: Examples, sample: Sample) -> Thresholds:
        fitted = self.thresholds(sample, folder.name, self._key(examples))
        fitted.save(folder / "gate.json")
        return fitted

    def _serving(self, snapshot: Snapshot, folder: Path, fitted: Thresholds) -> Serving:
        gate = DistanceGate(snapshot.reject, fitted, self._options.neighbours)
        return Serving(snapshot, gate, fitted, _status(snapshot, folder, fitted))

    def _key(self, examples: Examples) -> str:
        options = self._options
        shape = (options.target_precision, options.mention_precision, options.expected_share)
        return f"{examples.digest} {self._embedder.id} {shape} {options.neighbours}"

    def _folder(self) -> Path:
        folder = current_snapshot(Path(self._plan.folder))
        if folder is None:
            raise IndexMismatch("there is no index yet; build it with: run_bot.py index")
        return folder


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
        recall=fitted.recall,
    )
