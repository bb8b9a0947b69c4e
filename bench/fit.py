"""`python -m bench.fit`: fits ranking and evidence, judges both on projects that were left out, and
writes `knowledge/retrieval/model.json`.

Two teachers: questions made from the documents themselves (with the answering pages taken out, or
a foreign name put in, they are near misses), and the labelled development sets. Each project's
questions are ranked and judged by models that have not seen it.
"""

import argparse
import asyncio
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.fitting import Question, Rows, fit_evidence, fit_ranking
from bench.made import Made, Maker, foreign_names
from bench.own import own_labelled
from bench.setup import ROOT
from bench.tables import print_tables
from bot.config.schema import load_config
from knowledge.evaluate import Labelled, load_labelled
from knowledge.index.embedders import UseEmbedder
from knowledge.index.embedding_cache import EmbeddingCache
from knowledge.index.open import EVERYTHING, Scope, Snapshot
from knowledge.index.variants import without_language
from knowledge.ingest.build_process import build_apart
from knowledge.retrieval.candidates import candidates, narrowed
from knowledge.retrieval.features import Numbers, evidence_features, look
from knowledge.retrieval.question import read
from knowledge.retrieval.quote import cut
from knowledge.retrieval.search import FILE, Ranked, as_json, passages
from knowledge.serving import Opener
from knowledge.types import Vectors

DATA = ROOT.parent / "shared" / "data"
CORPORA = {"openmmlab": "qa_dev.jsonl", "foreign": "qa_foreign_dev.jsonl", "own": ""}
"""Their labelled questions; those about our own documentation come from `bench.own`."""

PER_PROJECT = 130
"""Questions made per project; twice as many change no weight by a tenth."""

TWINS = 0.85
"""Small pieces with this cosine say the same: their pages answer too."""

_SENTENCE = re.compile(r"(?<=[。！？])|(?<=[.!?]) |\n")

MAX_CHARS, PASSAGES, PASSAGE_CHARS = 1200, 5, 1500
"""As in the shipped configuration."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """One index, its development questions, and its projects (top folders)."""

    name: str
    snapshot: Snapshot
    labelled: Sequence[Labelled]
    projects: Sequence[str]
    cache: EmbeddingCache
    embedder: UseEmbedder


def main() -> int:
    """Fits, judges, writes."""
    parser = argparse.ArgumentParser(prog="python -m bench.fit", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, default=ROOT / ".bench" / "fit")
    parser.add_argument("--per-project", type=int, default=PER_PROJECT)
    parser.add_argument("--dry", action="store_true", help="write no model")
    args = parser.parse_args()
    corpora = [_opened(name, args.data, args.work) for name in CORPORA]
    questions: list[Question] = []
    for corpus in corpora:
        others = [other for other in corpora if other is not corpus]
        questions += _labelled(corpus)
        questions += _made(corpus, others[0].snapshot, args.per_project)
        print(f"{corpus.name}: {len(questions)} questions so far", flush=True)
    print_tables(questions, _judged)
    ranking = fit_ranking(questions)
    model = fit_evidence(_judged(questions, ranking), ranking)
    if not args.dry:
        FILE.write_text(json.dumps({"version": 1} | as_json(model), indent=1) + "\n")
    return 0


def _opened(name: str, data: Path, work: Path) -> Corpus:
    documents = work / f"{name}-documents"
    archives = {"openmmlab": "openmmlab_docs.tar.gz", "foreign": "foreign_docs_dev.tar.gz"}
    if name in archives and not documents.exists():
        with tarfile.open(data / archives[name]) as archive:
            archive.extractall(documents, filter="data")
    path = documents if name in archives else ROOT / "docs"
    sources = f"knowledge.sources=[{{name: docs, path: {path}}}]"
    config = load_config(ROOT / "config.yaml", [f"bot.data_dir={work / name}", sources])
    report = asyncio.run(build_apart(config.plan))
    print(f"{name}: {report.documents} documents, {report.seconds:.0f} s", flush=True)
    embedder = UseEmbedder()
    serving = Opener(config.plan, config.gate, embedder).open()
    snapshot = serving.snapshot
    labelled = load_labelled(data / CORPORA[name]) if CORPORA[name] else own_labelled()
    tops = {page.path.split("/")[0] + "/" for page in snapshot.pages.values() if "/" in page.path}
    projects = sorted(tops) if name in archives else [""]
    cache = EmbeddingCache(work / "questions.sqlite")
    return Corpus(name, snapshot, labelled, projects, cache, embedder)


def _labelled(corpus: Corpus) -> Iterator[Question]:
    asked = [one for one in corpus.labelled if one.kind != "offtopic"]
    vectors = corpus.cache.encode(corpus.embedder, [one.question for one in asked])
    for one, vector in zip(asked, vectors, strict=True):
        found = _ranked(corpus, one.question, vector, EVERYTHING)
        gold = np.asarray([one.cites_gold(_paths(corpus, p)) for p in found.seen.pieces])
        texts = [_text(corpus, found, row) for row in range(len(found.seen.pieces))]
        holds = np.asarray([bool(one.must_contain) and one.contained_in(t) for t in texts])
        right = gold & holds if (gold & holds).any() else gold
        labels = np.where(right, 1, np.where(gold | holds, -1, 0))
        project = next((p for p in corpus.projects if one.repo + "/" == p), one.repo or corpus.name)
        yield Question(
            id=one.id,
            corpus=corpus.name,
            project=project,
            kind=one.kind,
            labels=labels,
            gold=gold,
            judge=_Judge(corpus, found, vector, EVERYTHING, one, ""),
            features=found.seen.features,
        )


def _made(corpus: Corpus, other: Snapshot, count: int) -> Iterator[Question]:
    foreign = foreign_names(corpus.snapshot, other, 150)
    made = [
        one
        for project in corpus.projects
        for one in Maker(corpus.snapshot, project, foreign).make(count)
    ]
    vectors = corpus.cache.encode(corpus.embedder, [one.text for one in made])
    for number, (one, vector) in enumerate(zip(made, vectors, strict=True)):
        right, pages = _answers(corpus, one)
        for taken_out in (False, True):
            scope = _without(corpus.snapshot, pages) if taken_out else EVERYTHING
            found = _ranked(corpus, one.text, vector, scope)
            pieces = found.seen.pieces
            on_pages = np.asarray([p.document in pages for p in found.seen.places], np.bool_)
            gold = np.asarray([piece in right for piece in pieces], np.bool_)
            labels = np.where(gold, 1, np.where(on_pages, -1, 0))
            kind = "taken_out" if taken_out else "spliced" if one.foreign else "made"
            answer = _small_text(corpus.snapshot, one.piece) if kind == "made" else ""
            yield Question(
                id=f"{corpus.name}-{one.project}{number}",
                corpus=corpus.name,
                project=one.project or corpus.name,
                kind=kind,
                labels=labels,
                gold=gold,
                judge=_Judge(corpus, found, vector, scope, None, answer),
                features=found.seen.features,
            )


def _answers(corpus: Corpus, made: Made) -> tuple[frozenset[int], frozenset[int]]:
    """The pieces that a question was made from, and all pages that may answer it: theirs,
    translations of them, and what says the same."""
    snapshot = corpus.snapshot
    right = frozenset(snapshot.parents[made.piece])
    pages = {page for piece in right for page in snapshot.pages_of[piece]}
    keys = {without_language(snapshot.pages[page].path) for page in pages}
    pages |= {id_ for id_, page in snapshot.pages.items() if without_language(page.path) in keys}
    labels, cosines = snapshot.reject.search(snapshot.reject.vector(made.piece), 100)
    for label, cosine in zip(labels.tolist(), cosines.tolist(), strict=True):
        if cosine >= TWINS:
            pages |= {place.document for place in snapshot.catalog.places_of(label)}
    return right, frozenset(pages)


def _without(snapshot: Snapshot, pages: frozenset[int]) -> Scope:
    left = frozenset(snapshot.pages) - pages
    answer = frozenset(p for p, at in snapshot.pages_of.items() if not left.isdisjoint(at))
    small = frozenset(s for s, above in snapshot.parents.items() if not answer.isdisjoint(above))
    return Scope(left, answer, small)


def _ranked(corpus: Corpus, text: str, vector: Vectors, scope: Scope) -> Ranked:
    snapshot, asked = corpus.snapshot, read(corpus.snapshot, text)
    scope = narrowed(snapshot, asked, scope)
    seen = look(snapshot, asked, vector, candidates(snapshot, asked, vector, scope), scope)
    return Ranked(asked, seen, np.zeros(len(seen.pieces)))


def _paths(corpus: Corpus, piece: int) -> list[str]:
    return [corpus.snapshot.pages[page].path for page in corpus.snapshot.pages_of[piece]]


def _small_text(snapshot: Snapshot, piece: int) -> str:
    place = snapshot.catalog.places_of(piece)[0]
    return snapshot.catalog.excerpt(place.document, place.start, place.end)


def _text(corpus: Corpus, found: Ranked, row: int) -> str:
    place = found.seen.places[row]
    return corpus.snapshot.catalog.excerpt(place.document, place.start, place.end)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Answers a question by given scores, and tells whether that is right."""

    corpus: Corpus
    found: Ranked
    vector: Vectors
    scope: Scope
    labelled: Labelled | None
    answer: str

    def __call__(self, scores: Numbers) -> tuple[Numbers, bool, bool]:
        """The evidence's features; whether what is quoted answers; and whether the passages do."""
        snapshot, found = self.corpus.snapshot, replace(self.found, scores=scores)
        features = evidence_features(snapshot, found.asked, found.seen, scores)
        hits = passages(snapshot, found, PASSAGES, PASSAGE_CHARS, self.scope)
        quotes = cut(snapshot, found.asked.text, self.vector, hits, MAX_CHARS, sure=False)
        if self.labelled is not None:
            if self.labelled.kind != "answerable":
                return features, False, False
            said = "\n\n".join(quote.text for quote in quotes)
            shown = "\n".join(hit.text for hit in hits)
            return features, self.labelled.contained_in(said), self.labelled.contained_in(shown)
        right = bool(self.answer) and _is_said(self.answer, "\n".join(q.text for q in quotes))
        return features, right, right


def _is_said(answer: str, said: str) -> bool:
    """Is at least half of an answer said, by whole sentences and lines?"""
    lines = [part.strip() for part in _SENTENCE.split(answer) if part.strip()]
    return 2 * sum(len(line) for line in lines if line in said) >= sum(map(len, lines))


def _judged(questions: Sequence[Question], ranking: Numbers) -> Rows:
    """Every question answered with these weights."""
    rows = [(q, *q.judge(q.features @ ranking)) for q in questions if len(q.features)]
    return Rows(
        questions=[row[0] for row in rows],
        features=np.asarray([row[1] for row in rows]),
        right=np.asarray([row[2] for row in rows], np.bool_),
        shown=np.asarray([row[3] for row in rows], np.bool_),
    )


if __name__ == "__main__":
    sys.exit(main())
