"""Per message: gate and retrieval; and how late the event loop is while the index is renewed."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence

import numpy as np

from bench.figures import Figure, at_most
from bench.setup import Bench
from bot.daemon.compose import open_knowledge
from knowledge.base import KnowledgeBase

TICK_S = 0.005
CHANGED_FILES = 40


def measure(bench: Bench) -> Iterator[Figure]:
    """Messages one after the other, then a reload with messages coming in."""
    took, quoted, lag = asyncio.run(_measure(bench))
    p50, p99 = np.percentile(took, [50, 99]) * 1000
    yield at_most("gate and retrieval of a message, p50", float(p50), 6.0, "ms")
    yield at_most("gate and retrieval of a message, p99", float(p99), 20.0, "ms")
    p50, p99 = np.percentile(quoted, [50, 99]) * 1000
    yield at_most("gate, retrieval and quoting of a question, p50", float(p50), 12.0, "ms")
    yield at_most("gate, retrieval and quoting of a question, p99", float(p99), 40.0, "ms")
    yield at_most("event loop lag during a reload, worst", lag * 1000, 50.0, "ms")


def messages(bench: Bench) -> list[str]:
    """Real group messages, each text once."""
    lines = (bench.data / "rejection_dev.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["text"] for line in lines))


async def _measure(bench: Bench) -> tuple[list[float], list[float], float]:
    texts = messages(bench)
    lines = (bench.data / "qa_dev.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [str(json.loads(line)["question"]) for line in lines]
    async with open_knowledge(bench.config) as knowledge:
        await knowledge.search("warm up", 5)
        took = [await _ask(knowledge, text) for text in texts]
        quoted = [await _ask(knowledge, text, quote=True) for text in questions]
        lag = await _lag_during_reload(bench, knowledge, texts)
    return took, quoted, lag


async def _ask(knowledge: KnowledgeBase, text: str, *, quote: bool = False) -> float:
    began = time.perf_counter()
    await knowledge.judge(text, mention=False)
    found = await knowledge.search(text, 5)
    if quote:
        await knowledge.quote(text, found.passages, 1200)
    return time.perf_counter() - began


async def _lag_during_reload(bench: Bench, knowledge: KnowledgeBase, texts: Sequence[str]) -> float:
    """Seconds by which a timer of 5 ms came too late, at worst; messages are asked meanwhile."""
    files = sorted(bench.corpus.rglob("*.md"))[:CHANGED_FILES]
    originals = [file.read_bytes() for file in files]
    for file, original in zip(files, originals, strict=True):
        file.write_bytes(original.replace(b"the ", b"this "))
    reload = asyncio.create_task(knowledge.reload())
    talk = asyncio.create_task(_talk(knowledge, texts))
    worst = 0.0
    while not reload.done():
        due = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        worst = max(worst, time.perf_counter() - due)
    talk.cancel()
    await asyncio.wait({talk})
    report = await reload
    print(f"    reload of {len(report.changed)} changed files: {report.seconds:.1f} s")
    for file, original in zip(files, originals, strict=True):
        file.write_bytes(original)
    await knowledge.reload()
    return worst


async def _talk(knowledge: KnowledgeBase, texts: Sequence[str]) -> None:
    while True:
        for text in texts:
            await _ask(knowledge, text)
