"""`eval scoring` and `eval gate --llm`: the model's scores on labelled messages, and their cost."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from bot.cli.index import say, say_json
from bot.llm.llm import Llm
from bot.llm.scoring import Rubric
from bot.llm.tokens import estimate
from knowledge.evaluate import GateResult
from knowledge.examples import load_examples
from knowledge.gate import auc
from knowledge.split import is_chinese
from knowledge.types import KnowledgeError

BARS = 40


@dataclass(frozen=True, slots=True)
class Cost:
    """What asking the model took, as the server counts."""

    calls: int
    prompt_tokens: int
    cached_tokens: int


async def eval_scoring(llm: Llm | None, args: argparse.Namespace) -> int:
    """How a rubric's scores lie for messages of either label, and the threshold that parts them
    best; this is how prompts and thresholds are tuned to a new model."""
    if llm is None:
        raise KnowledgeError("there is no language model; configure llm.local or llm.remote")
    data = load_examples([args.data])
    rubric = Rubric(args.rubric)
    good, how_good = await _scores(llm, rubric, data.good[: args.limit])
    bad, how_bad = await _scores(llm, rubric, data.bad[: args.limit])
    threshold, right = best_threshold(good, bad)
    cost = _cost(llm)
    figures: dict[str, Any] = {
        "n": len(good) + len(bad),
        "auc": round(auc(good, bad), 4),
        "best_threshold": threshold,
        "accuracy": round(right, 4),
        "unreadable": [*how_good, *how_bad].count("unreadable"),
        "expected": [*how_good, *how_bad].count("expected"),
        "prompt_tokens": cost.prompt_tokens,
        "cached_tokens": cost.cached_tokens,
        "label_1": histogram(good),
        "label_0": histogram(bad),
    }
    if args.json:
        say_json(figures)
        return 0
    say(f"{rubric} score   label 1 ({len(good)})   label 0 ({len(bad)})")
    for low, (one, zero) in enumerate(zip(histogram(good), histogram(bad), strict=True)):
        say(f"{low:>5} to {low + 1:<5} {_bar(one, len(good))} {_bar(zero, len(bad))}")
    for name, value in figures.items():
        if not isinstance(value, list):
            say(f"{name:<16} {value}")
    return 0


async def gate_and_llm(llm: Llm, result: GateResult) -> dict[str, Any]:
    """The gate first and the model for what passes, beside the paper's order: calls and prompt
    tokens per 1,000 messages, and precision and recall of both together.

    What the gate let through is really asked; the tokens of the other order are those of the same
    two prompts for every message, counted at the rate that the server was seen to count at.
    """
    least, threshold = llm.options.thresholds.question, result.figures.threshold
    passed = [(text, True) for text, score in result.good if score >= threshold]
    passed += [(text, False) for text, score in result.bad if score >= threshold]
    scores, _ = await _scores(llm, Rubric.QUESTION, [text for text, _ in passed])
    unsafe, _ = await _scores(llm, Rubric.UNSAFE, [text for text, _ in passed])
    cost = _cost(llm)
    harmless = llm.options.thresholds.unsafe_question
    kept = [
        is_good
        for (_, is_good), question, harm in zip(passed, scores, unsafe, strict=True)
        if question >= least and harm < harmless
    ]
    everything = [text for text, _ in (*result.good, *result.bad)]
    asked_estimate = sum(_estimated(llm, text) for text, _ in passed)
    all_estimate = sum(_estimated(llm, text) for text in everything)
    rate = cost.prompt_tokens / asked_estimate if asked_estimate else 1.0
    per_thousand = 1000 / max(1, len(everything))
    ours, papers = cost.prompt_tokens * per_thousand, all_estimate * rate * per_thousand
    return {
        "llm_precision": round(sum(kept) / len(kept), 4) if kept else 0.0,
        "llm_recall": round(sum(kept) / max(1, len(result.good)), 4),
        "calls_per_1000": round(cost.calls * per_thousand, 1),
        "prompt_tokens_per_1000": round(ours),
        "cached_tokens_per_1000": round(cost.cached_tokens * per_thousand),
        "llm_first_calls_per_1000": 2000.0,
        "llm_first_prompt_tokens_per_1000": round(papers),
        "share_of_llm_first": round(ours / papers, 4) if papers else 0.0,
    }


def best_threshold(good: Sequence[float], bad: Sequence[float]) -> tuple[float, float]:
    """The score that parts the labels best, and the share of each label on its side of it."""
    if not good or not bad:
        return 0.0, 0.0

    def balance(threshold: float) -> float:
        hits = sum(score >= threshold for score in good) / len(good)
        return (hits + sum(score < threshold for score in bad) / len(bad)) / 2

    best = max((step / 4 for step in range(41)), key=balance)
    return best, balance(best)


def histogram(scores: Sequence[float]) -> list[int]:
    """How many scores lie in 0..1, 1..2, ... 9..10."""
    return [
        sum(low <= score < low + 1 or (low == 9 and score == 10) for score in scores)
        for low in range(10)
    ]


async def _scores(llm: Llm, rubric: Rubric, texts: Sequence[str]) -> tuple[list[float], list[str]]:
    found = [
        await llm.score(rubric, chinese=is_chinese(text), message=text)
        for text in tqdm(texts, desc=rubric, unit=" messages", disable=None)
    ]
    return [score.value for score in found], [score.how for score in found]


def _estimated(llm: Llm, text: str) -> int:
    prompts = [
        llm.score_prompt(rubric, chinese=is_chinese(text), message=text)
        for rubric in (Rubric.QUESTION, Rubric.UNSAFE)
    ]
    return sum(estimate(prompt.fixed) + estimate(prompt.variable) for prompt in prompts)


def _cost(llm: Llm) -> Cost:
    usage = llm.hybrid.usage
    return Cost(usage.calls, usage.prompt_tokens, usage.cached_tokens)


def _bar(count: int, whole: int) -> str:
    length = round(BARS / 2 * count / max(1, whole))
    return f"{count:>5} {'█' * length:<{BARS // 2}}"
