"""The language model's part, on a real model: answers, what scoring costs, the prefix cache."""

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from bench.figures import Figure, against, at_most
from bench.setup import ROOT, Bench
from bot.llm.create import open_llm
from bot.llm.llm import Llm
from bot.llm.scoring import Rubric
from bot.llm.settings import LlmSettings
from bot.llm.types import Completion, Prompt, Request, Route
from bot.metrics import create_metrics
from common.clock import SystemClock
from common.language import is_chinese
from knowledge.gate.examples import load_examples

SAMPLE = 20
MESSAGES = 24

SMALL = {
    "evidence_tokens": 2000,
    "answer_tokens": 300,
    "check_sentences": False,
    "thresholds": {
        "question": 4.5,
        "relevance": 4.35,
        "dodge": 3.9,
        "unsafe_question": 6,
        "unsafe_answer": 6,
    },
}
"""For a model of 1.5B parameters, whose scores lie near the middle: what `eval scoring --write`
fits, which tries it on texts of its own."""


def measure(bench: Bench) -> Iterator[Figure]:
    """With the model at `bench.llm`; takes half an hour on two cores without a GPU."""
    questions = str(bench.data / "qa_dev.jsonl")
    sample = ("eval", "answers", "--data", questions, "--sample", str(SAMPLE))
    quoted = _json(bench, *sample)
    out = bench.work / "llm"
    began = time.perf_counter()
    written = _json(bench, *_model(bench), *sample, "--out", str(out))
    print(f"    {(time.perf_counter() - began) / SAMPLE:.0f} s a question; traces in {out}")
    for name in ("answerable_answered", "must_contain", "cites_gold", "near_miss_declined",
                 "offtopic_silent"):  # fmt: skip
        yield against(f"written answers: {name.replace('_', ' ')} ({SAMPLE} questions)",
                      written[name], quoted[name], "", "quoted", more_is_better=True)  # fmt: skip
    gate = _json(
        bench, *_model(bench), "eval", "gate", "--llm",
        "--data", str(bench.data / "rejection_dev.jsonl"),
        "--train", str(bench.data / "seed_questions.json"),
    )  # fmt: skip
    yield against("gate and model: precision", gate["llm_precision"], gate["precision"], "",
                  "gate alone", more_is_better=True)  # fmt: skip
    yield against("gate and model: recall", gate["llm_recall"], gate["recall"], "",
                  "gate alone", more_is_better=True)  # fmt: skip
    yield at_most("prompt tokens per 1,000 messages, gate first",
                  gate["prompt_tokens_per_1000"],
                  gate["llm_first_prompt_tokens_per_1000"] / 5)  # fmt: skip
    yield against("calls per 1,000 messages, gate first", gate["calls_per_1000"],
                  gate["llm_first_calls_per_1000"], "", "model first")  # fmt: skip
    examples = load_examples([bench.data / "rejection_dev.jsonl"])
    texts = [*examples.good[: MESSAGES // 2], *examples.bad[: MESSAGES // 2]]
    ours, papers = asyncio.run(_orders(bench, texts))
    yield against("prompt tokens computed per score, fixed text first", ours, papers, "",
                  "message first")  # fmt: skip


async def _orders(bench: Bench, texts: Sequence[str]) -> tuple[float, float]:
    """Tokens computed per score (not taken from the server's cache), in our order and in the
    paper's, in which the message comes first. The first call of either order fills the cache."""
    settings = LlmSettings.model_validate_json(json.dumps({"remote": remote_at(bench.llm)}))
    async with open_llm(settings, create_metrics(), SystemClock(), watch=False) as llm:
        if llm is None:
            raise AssertionError("the settings name a model")
        return await _computed(llm, texts, turned=False), await _computed(llm, texts, turned=True)


async def _computed(llm: Llm, texts: Sequence[str], *, turned: bool) -> float:
    computed = 0
    for number, text in enumerate([texts[0], *texts]):
        prompt = llm.score_prompt(Rubric.QUESTION, chinese=is_chinese(text), message=text)
        if turned:
            prompt = Prompt("", f"{prompt.variable}\n\n{prompt.fixed}")
        done = await _ask(llm, Request(prompt, 1, digit=True))
        computed += (done.prompt_tokens - done.cached_tokens) if number else 0
    return computed / len(texts)


async def _ask(llm: Llm, request: Request) -> Completion:
    return await llm.hybrid.complete(Route.SCORE, lambda _: request)


def remote_at(url: str) -> dict[str, Any]:
    """The section `llm.remote` for the model that is served at an address."""
    return {
        "provider": "custom", "base_url": url, "model": _served(url),
        "context_tokens": 8192, "concurrency": 1,
    }  # fmt: skip


@cache
def _served(url: str) -> str:
    """The name under which the server at an address serves its model."""
    path = "/models" if url.rstrip("/").endswith("/v1") else "/v1/models"
    with urllib.request.urlopen(url.rstrip("/") + path, timeout=30) as answer:  # noqa: S310 - named by who runs it
        return str(json.load(answer)["data"][0]["id"])


def _model(bench: Bench) -> list[str]:
    return ["--set", "llm=" + json.dumps({"remote": remote_at(bench.llm), **SMALL})]


def _json(bench: Bench, *command: str) -> dict[str, Any]:
    words = [*bench.command, *command, "--json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=3600)
    figures: dict[str, Any] = json.loads(done.stdout)
    print("   ", json.dumps(figures), flush=True)
    return figures
