"""`make gpu-check MODEL=/models/...`: lmdeploy on this machine's GPU, started as the bot starts it.

For each setting of the KV cache: how long until it is ready, whether a score comes guided and
with its distribution, 64 scorings at once, how much of their prompts the prefix cache served, and
the speed of one written answer. Prints a table; takes some minutes, most of them loading.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.llm.create import open_llm
from bot.llm.llm import Llm
from bot.llm.scoring import Rubric
from bot.llm.settings import LlmSettings, LocalSettings, ServeSettings
from bot.metrics import create_metrics
from common.clock import SystemClock
from common.language import is_chinese
from knowledge.gate.examples import load_examples

ROOT = Path(__file__).parent.parent
SCORINGS = 64
PASSAGE = (ROOT / "docs" / "en" / "llm.md").read_text(encoding="utf-8")
SETTINGS: dict[str, tuple[Literal[0, 4, 8], bool]] = {
    "16 bit, prefix cache": (0, True),
    "16 bit, no prefix cache": (0, False),
    "8 bit, prefix cache": (8, True),
    "4 bit, prefix cache": (4, True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one setting."""

    name: str
    ready_s: float
    how: str
    scorings_per_s: float
    cached: float
    answer_tokens_per_s: float


async def main() -> int:
    """Runs every setting; status 1 when one of them could not be measured."""
    args = _arguments()
    rows: list[Row] = []
    for name, (bits, prefix) in SETTINGS.items():
        print(f"{name} ...", flush=True)
        serve = ServeSettings(
            model=args.model, port=args.port, python=args.python, quant_policy=bits,
            enable_prefix_caching=prefix, max_batch_size=SCORINGS, tp=args.tp,
            extra_args=tuple(args.extra),
        )  # fmt: skip
        try:
            rows.append(await _measure(name, serve))
        except NotReady as problem:
            print(f"    {problem}")
    print(_table(rows))
    return 0 if len(rows) == len(SETTINGS) else 1


class NotReady(Exception):
    """The server did not come up; says why."""


async def _measure(name: str, serve: ServeSettings) -> Row:
    began = time.perf_counter()
    async with _served(serve) as llm:
        ready_s = time.perf_counter() - began
        first = await llm.score(Rubric.QUESTION, chinese=False, message="How do I install it?")
        texts = load_examples([ROOT / "examples" / "questions.json"])
        messages = [*texts.good, *texts.bad]
        messages = (messages * (SCORINGS // len(messages) + 1))[:SCORINGS]
        before = llm.hybrid.usage.prompt_tokens, llm.hybrid.usage.cached_tokens
        began = time.perf_counter()
        await asyncio.gather(
            *(llm.score(Rubric.QUESTION, chinese=is_chinese(t), message=t) for t in messages)
        )
        took = time.perf_counter() - began
        prompt = llm.hybrid.usage.prompt_tokens - before[0]
        cached = llm.hybrid.usage.cached_tokens - before[1]
        began = time.perf_counter()
        question = "The GPU runs out of memory. What now?"
        done = await llm.answer(question, [PASSAGE], "")
        speed = done.completion_tokens / (time.perf_counter() - began)
        return Row(name, ready_s, first.how, SCORINGS / took, cached / max(1, prompt), speed)


@asynccontextmanager
async def _served(serve: ServeSettings) -> AsyncIterator[Llm]:
    settings = LlmSettings(local=LocalSettings(concurrency=SCORINGS, serve=serve))
    async with open_llm(settings, create_metrics(), SystemClock(), watch=True) as llm:
        if llm is None:
            raise NotReady("no model is configured")
        while problems := llm.hybrid.problems():
            if any("given up" in problem for problem in problems):
                raise NotReady("; ".join(problems))
            await asyncio.sleep(0.5)
        yield llm


def _table(rows: list[Row]) -> str:
    lines = [
        "\n| KV cache | ready after | a score is | 64 at once | prefix cache | answer |",
        "|---|---:|---|---:|---:|---:|",
    ]
    lines += [
        f"| {row.name} | {row.ready_s:.0f} s | {row.how} | {row.scorings_per_s:.1f} per s "
        f"| {row.cached:.0%} of the prompts | {row.answer_tokens_per_s:.0f} tokens/s |"
        for row in rows
    ]
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make gpu-check", description=__doc__)
    parser.add_argument("model", help="folder or hub id of the model")
    parser.add_argument("--tp", type=int, default=1, help="GPUs to spread it over")
    parser.add_argument("--port", type=int, default=23399)
    parser.add_argument("--python", default="", help="python that has lmdeploy")
    parser.add_argument("--extra", nargs="*", default=[], help="more arguments for lmdeploy")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
