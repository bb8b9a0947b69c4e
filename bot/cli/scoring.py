"""`eval scoring` and `eval gate --llm`: the model's scores on labelled texts, and their cost."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import pstdev
from typing import Any

from tqdm import tqdm

from bot.answering.heuristics import leans
from bot.cli.index import say, say_json
from bot.cli.labelled import (
    Scored,
    as_messages,
    load_probes,
    load_scored,
    load_subjects,
    spread,
)
from bot.cli.model import NO_MODEL, NOT_ASKED, model_failed, quiet
from bot.config.config_file import ConfigChanged, ConfigFile
from bot.config.located import ConfigError
from bot.grounding.markdown import MARK
from bot.llm.llm import Llm, all_of
from bot.llm.prompts import estimate
from bot.llm.scoring import Rubric, Score, Verdict
from bot.llm.types import LlmError
from common.language import is_chinese
from knowledge.evaluate import GateResult
from knowledge.gate.figures import auc
from knowledge.types import KnowledgeError

BARS = 40

GOOD_JUDGE = 0.85
"""Share of right verdicts from which on a model is asked what follows; half of it is chance."""

BLOCKING = (Rubric.DODGE, Rubric.UNSAFE)
"""What a high score of keeps the bot silent."""

THRESHOLDS = {
    Rubric.QUESTION: ("question",),
    Rubric.RELEVANCE: ("relevance",),
    Rubric.DODGE: ("dodge",),
    Rubric.UNSAFE: ("unsafe_question", "unsafe_answer"),
}
"""The keys below llm.thresholds that a rubric's scores are held against."""


async def eval_scoring(llm: Llm | None, args: argparse.Namespace) -> int:
    """How a rubric's scores lie for texts of either label, and the threshold that parts them
    best; this is how prompts and thresholds are tuned to a new model. Without a file, or a rubric,
    all of them are tried on made texts, and whether the model can tell what follows."""
    if llm is None:
        raise KnowledgeError(NO_MODEL)
    given = Rubric(args.rubric) if args.rubric else Rubric.QUESTION if args.data else None
    values: dict[str, float | bool] = {}
    try:
        with quiet():
            for rubric in [given] if given else Rubric:
                rows = load_scored(args.data, rubric) if args.data else load_probes(rubric)
                rows = [
                    *spread([row for row in rows if row.label == 1], args.limit),
                    *spread([row for row in rows if row.label == 0], args.limit),
                ]
                scores = await _scores(llm, rubric, rows)
                threshold = _report(llm, rubric, rows, scores, as_json=args.json)
                if not args.data and rubric in BLOCKING:
                    threshold = _wide(rows, scores, threshold)
                for key in THRESHOLDS[rubric]:
                    values[f"thresholds.{key}"] = threshold
            if given is None:
                right = await _verdicts_right(llm)
                say(f"verdicts on sentences: {right:.0%} right")
                values["check_sentences"] = right >= GOOD_JUDGE
    except LlmError as error:
        model_failed(llm, NOT_ASKED, "nothing was scored", error)
        return 1
    if args.write:
        wanted = {
            f"llm.{name}": value
            for name, value in values.items()
            if not args.key or name.removeprefix("thresholds.") in args.key
        }
        if wanted:
            _write(args, wanted)
    return 0


async def _verdicts_right(llm: Llm) -> float:
    """The share of right verdicts on a true and a false sentence of each made subject; half of it
    is chance. Raises LlmError."""
    right = 0
    subjects = load_subjects()
    for one in tqdm(subjects, desc="verdicts", unit=" texts", disable=None):
        chinese = is_chinese(one.question)
        said = [MARK.sub("", text).strip() for text in (one.answer, one.wrong)]
        true, false = await llm.follows(one.question, said, [one.shown], chinese)
        right += (true is Verdict.FOLLOWS) + (false is not Verdict.FOLLOWS)
    return right / (2 * len(subjects))


def _wide(rows: Sequence[Scored], scores: Sequence[Score], threshold: float) -> float:
    """A threshold that nothing harmless of a few made texts comes near: what is blocked wrongly is
    silence, and what passes wrongly meets other checks."""
    harmless = [score.value for row, score in zip(rows, scores, strict=True) if row.label == 0]
    room = pstdev(harmless) if harmless else 0.0
    return round(max(threshold, max(harmless, default=0.0) + room), 2)


def _write(args: argparse.Namespace, values: Mapping[str, float | bool]) -> None:
    """Into the configuration's file, which is kept as a backup before; says so. Raises
    KnowledgeError."""
    file = ConfigFile(args.config, args.overrides)
    try:
        backup = file.write(file.judge_values(values))
    except (ConfigError, ConfigChanged) as error:
        raise KnowledgeError(f"{file.name}: {error}") from error
    for key, value in values.items():
        sys.stderr.write(f"{file.name}: {key} is {json.dumps(value)} now\n")
    if backup:
        sys.stderr.write(f"{file.name}.{backup} is as it was before\n")


def _report(
    llm: Llm, rubric: Rubric, rows: Sequence[Scored], scores: Sequence[Score], *, as_json: bool
) -> float:
    """Prints it; returns the threshold that parts the labels best."""
    good, bad = (
        [score.value for row, score in zip(rows, scores, strict=True) if row.label == label]
        for label in (1, 0)
    )
    threshold, right = best_threshold(good, bad)
    how = [score.how for score in scores]
    figures: dict[str, Any] = {
        "n": len(rows),
        "auc": round(auc(good, bad), 4),
        "best_threshold": threshold,
        "balanced_accuracy": round(right, 4),
        "unreadable": how.count("unreadable"),
        "expected": how.count("expected"),
        "confidence": round(sum(score.confidence for score in scores) / max(1, len(scores)), 3),
        "prompt_tokens": llm.hybrid.usage.prompt_tokens,
        "cached_tokens": llm.hybrid.usage.cached_tokens,
        "label_1": histogram(good),
        "label_0": histogram(bad),
    }
    if as_json:
        say_json(figures)
        return threshold
    say(f"{rubric} score   label 1 ({len(good)})   label 0 ({len(bad)})")
    for low, (one, zero) in enumerate(zip(histogram(good), histogram(bad), strict=True)):
        say(f"{low:>5} to {low + 1:<5} {_bar(one, len(good))} {_bar(zero, len(bad))}")
    for name, value in figures.items():
        if not isinstance(value, list):
            say(f"{name:<18} {value}")
    for key in THRESHOLDS[rubric]:
        say(f"llm.thresholds.{key} is {getattr(llm.options.thresholds, key):g}")
    return threshold


@dataclass(frozen=True, slots=True)
class _Asked:
    """Messages that passed the gate, or some of them: `share` of those were asked about."""

    rows: Sequence[Scored]
    share: float


async def gate_and_llm(llm: Llm, result: GateResult, limit: int | None) -> dict[str, Any]:
    """The gate first and the model for what passes, beside the paper's order: calls and prompt
    tokens per 1,000 messages, and precision and recall of both together. Raises LlmError.

    What the gate let through, or `limit` of it, is really asked; the tokens of the other order
    are those of the same two prompts for every message, counted at the rate that the server was
    seen to count at. A message of a file has no talk before it: a group's follow-ups cost a
    rewriting more, at most one for each message that leans on others.
    """
    asked = _passed(result, limit)
    with quiet():
        scores = await _scores(llm, Rubric.QUESTION, asked.rows)
        unsafe = await _scores(llm, Rubric.UNSAFE, asked.rows)
    limits = llm.options.thresholds
    kept = [
        row.label
        for row, question, harm in zip(asked.rows, scores, unsafe, strict=True)
        if question.value >= limits.question and harm.value < limits.unsafe_question
    ]
    recall = sum(kept) / asked.share / max(1, len(result.good))
    return {
        "asked": len(asked.rows),
        "llm_precision": round(sum(kept) / len(kept), 4) if kept else 0.0,
        "llm_recall": round(recall, 4),
        **_cost(llm, result, asked),
    }


def _passed(result: GateResult, limit: int | None) -> _Asked:
    threshold = result.figures.threshold
    passed = [
        *as_messages([text for text, score in result.good if score >= threshold], 1),
        *as_messages([text for text, score in result.bad if score >= threshold], 0),
    ]
    rows = spread(passed, limit)
    return _Asked(rows, len(rows) / len(passed) if passed else 1.0)


def _cost(llm: Llm, result: GateResult, asked: _Asked) -> dict[str, Any]:
    usage = llm.hybrid.usage
    texts = [text for text, _ in (*result.good, *result.bad)]
    everything = as_messages(texts, 0)
    estimated = sum(_estimated(llm, row) for row in asked.rows)
    rate = usage.prompt_tokens / estimated if estimated else 1.0
    per_thousand = 1000 / max(1, len(texts))
    ours = usage.prompt_tokens / asked.share * per_thousand
    papers = sum(_estimated(llm, row) for row in everything) * rate * per_thousand
    return {
        "calls_per_1000": round(usage.calls / asked.share * per_thousand, 1),
        "prompt_tokens_per_1000": round(ours),
        "cached_tokens_per_1000": round(usage.cached_tokens / asked.share * per_thousand),
        "rewritings_per_1000_at_most": round(sum(map(leans, texts)) * per_thousand, 1),
        "llm_first_calls_per_1000": 2000.0,
        "llm_first_prompt_tokens_per_1000": round(papers),
        "share_of_llm_first": round(ours / papers, 4) if papers else 0.0,
    }


def best_threshold(good: Sequence[float], bad: Sequence[float]) -> tuple[float, float]:
    """The score that parts the labels best, in the middle between them, and the share of each
    label on its side of it."""
    if not good or not bad:
        return 0.0, 0.0

    def balance(threshold: float) -> float:
        hits = sum(score >= threshold for score in good) / len(good)
        return (hits + sum(score < threshold for score in bad) / len(bad)) / 2

    steps = [step / 20 for step in range(201)]
    best = max(map(balance, steps))
    first = next(step for step in steps if balance(step) == best)
    last = first
    while balance(last + 0.05) == best and last < max(steps):
        last = round(last + 0.05, 2)
    return round((first + last) / 2, 2), best


def histogram(scores: Sequence[float]) -> list[int]:
    """How many scores lie in 0..1, 1..2, ... 9..10."""
    return [
        sum(low <= score < low + 1 or (low == 9 and score == 10) for score in scores)
        for low in range(10)
    ]


async def _scores(llm: Llm, rubric: Rubric, rows: Sequence[Scored]) -> list[Score]:
    """A score for each, as many at a time as the backends take. Raises LlmError."""
    turns = asyncio.Semaphore(min(b.options.concurrency for b in llm.hybrid.backends))
    with tqdm(total=len(rows), desc=rubric, unit=" texts", disable=None) as bar:

        async def one(row: Scored) -> Score:
            async with turns:
                score = await llm.score(rubric, chinese=row.chinese, **row.texts)
            bar.update()
            return score

        return await all_of([one(row) for row in rows])


def _estimated(llm: Llm, row: Scored) -> int:
    prompts = [
        llm.score_prompt(rubric, chinese=row.chinese, **row.texts)
        for rubric in (Rubric.QUESTION, Rubric.UNSAFE)
    ]
    return sum(estimate(prompt.fixed) + estimate(prompt.variable) for prompt in prompts)


def _bar(count: int, whole: int) -> str:
    length = round(BARS / 2 * count / max(1, whole))
    return f"{count:>5} {'█' * length:<{BARS // 2}}"
