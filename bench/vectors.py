"""hnswlib beside exact search: recall and time per query, on vectors of real text."""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from bench.build import embedded_texts
from bench.figures import Figure, against, at_least
from bench.search import messages
from bench.setup import Bench
from knowledge.index.embedders import UseEmbedder, embed_many
from knowledge.index.vectors import VectorIndex, VectorParams
from knowledge.types import Vectors

SIZES = (14_000, 100_000)
K = 10
TIE = 1e-6
"""Two cosines as near as this count as equal."""


def measure(bench: Bench) -> Iterator[Figure]:
    """For each size: recall@10 of questions, and queries per second of both."""
    vectors = _vectors(bench, max(SIZES))
    asked = [
        json.loads(line)["question"]
        for line in (bench.data / "qa_dev.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    embedder = UseEmbedder()
    questions, talk = embedder.encode(asked), embedder.encode(messages(bench)[:300])
    section = bench.config.knowledge.index
    params = VectorParams("use", vectors.shape[1], section.m, section.ef_construction)
    for size in SIZES:
        part = vectors[:size]
        index = VectorIndex(params, section.ef_search)
        index.add(range(size), part)
        name = f"hnswlib, {size // 1000}k vectors: "
        yield at_least(name + "recall@10, questions", _recall(index, part, questions), 0.99)
        yield at_least(name + "recall@10, group messages", _recall(index, part, talk), 0.99)
        ours = _ms(partial(_found, index), questions)
        exact = _ms(partial(_exact, part), questions)
        yield against(name + "time per query", ours, exact, "ms", "exact numpy")


def _vectors(bench: Bench, count: int) -> Vectors:
    """Vectors of the index's pieces and, to make up the number, of their halves and single lines.

    Shuffled, so that a part of them is like the whole. Kept in `.bench/`.
    """
    kept = bench.work / "vectors.npy"
    if kept.exists() and len(found := np.load(kept)) == count:
        return np.asarray(found, np.float32)
    pieces = embedded_texts(Path(bench.config.plan.folder))
    halves = (half for text in pieces for half in (text[: len(text) // 2], text[len(text) // 2 :]))
    texts = list(dict.fromkeys([*pieces, *_lines(bench), *halves]))
    if len(texts) < count:
        raise ValueError(f"the documents give {len(texts)} texts, {count} are needed")
    np.random.default_rng(0).shuffle(texts)
    texts = texts[:count]
    print(f"    embedding {len(texts)} texts, once")
    vectors = np.zeros((len(texts), 512), np.float32)
    for positions, rows in embed_many(UseEmbedder(), texts):
        vectors[positions] = rows
    np.save(kept, vectors)
    return vectors


def _lines(bench: Bench) -> Iterator[str]:
    for file in sorted(bench.corpus.rglob("*.md")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if len(line.strip()) >= 12:
                yield line.strip()[:300]


def _recall(index: VectorIndex, vectors: Vectors, queries: Vectors) -> float:
    """Share of the ten that are as near as the tenth of the exact search."""
    right = 0
    for query in queries:
        exact = vectors @ query
        tenth = np.partition(exact, -K)[-K]
        labels, _ = index.search(query, K)
        right += int(np.sum(exact[labels] >= tenth - TIE))
    return right / (K * len(queries))


def _found(index: VectorIndex, query: Vectors) -> object:
    return index.search(query, K)


def _exact(vectors: Vectors, query: Vectors) -> Vectors:
    cosines = vectors @ query
    best = np.argpartition(cosines, -K)[-K:]
    return np.asarray(best[np.argsort(-cosines[best])])


def _ms(search: Callable[[Vectors], object], queries: Vectors) -> float:
    """Milliseconds of one query, the median."""
    took = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        took.append(time.perf_counter() - began)
    return float(np.median(took)) * 1000
