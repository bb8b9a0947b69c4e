"""`gate`, `calibrate`, `eval gate`: verdicts, the fit to the examples, figures and pictures."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.cli.index import say, say_json
from bot.cli.model import NO_MODEL, NOT_ASKED, model_failed
from bot.cli.pictures import draw_gate
from bot.cli.rows import rounded, show, write_rows
from bot.cli.scoring import gate_and_llm
from bot.llm.llm import Llm
from bot.llm.types import LlmError
from bot.texts.gate import gate_lines
from knowledge.base import KnowledgeBase
from knowledge.evaluate import GateResult, evaluate_gate
from knowledge.gate.examples import Examples, load_examples
from knowledge.gate.figures import calibration_error, measure
from knowledge.gate.state import FittedGate
from knowledge.types import KnowledgeError

NEAREST = 3
"""Pieces named for each error."""


async def gate(knowledge: KnowledgeBase, args: argparse.Namespace) -> int:
    """`gate`: a verdict for each line of standard input."""
    for line in sys.stdin:
        text = line.rstrip("\n")
        if not text.strip():
            continue
        verdict = await knowledge.judge(text, mention=args.mention)
        if args.json:
            say_json(
                {"text": text, "accept": verdict.accept, "score": round(verdict.score, 4)}
                | {"reason": verdict.reason, "threshold": round(verdict.threshold, 4)}
            )
        else:
            mark = "accept" if verdict.accept else "reject"
            say(f"{mark}  {verdict.score:.3f}  {text}")
    return 0


async def calibrate(knowledge: KnowledgeBase, folder: Path) -> int:
    """`calibrate`: fits the gate anew, shows its figures on examples that it had not seen, and
    draws them."""
    fitted = await knowledge.calibrate()
    good, bad = _held_out(fitted)
    state = fitted.state
    say(f"examples   {state.good} good, {state.bad} bad")
    figures = measure(good, bad, state.unprompted.threshold)
    for name, value in (
        ("precision", figures.precision),
        ("recall", figures.recall),
        ("F1", figures.f1),
        ("AUC", figures.auc),
        ("threshold", figures.threshold),
    ):
        say(f"{name:<10} {value:.3f}")
    if state.model == "learned":
        say(f"{'ECE':<10} {calibration_error(good, bad):.3f}")
    say(f"mentioned  {state.mention.threshold:.3f} is enough when the bot is mentioned")
    for line in gate_lines(state, chinese=False):
        say(line)
    if good or bad:
        picture = folder / "calibration.png"
        curve = (
            await knowledge.learning_curve(Examples(fitted.examples)) if state.examples_fit else []
        )
        draw_gate(picture, good, bad, state, curve)
        say(f"picture    {picture}")
        if state.examples_fit and fitted.held_out:
            scores = zip(fitted.examples, fitted.held_out.scores.tolist(), strict=True)
            judged = [(item.text, item.good, score) for item, score in scores]
            rows = await _errors(knowledge, judged, figures.threshold)
            write_rows(folder / "calibration-errors.jsonl", rows)
            say(f"errors     {len(rows)} in {folder / 'calibration-errors.jsonl'}")
    return 0


async def eval_gate(knowledge: KnowledgeBase, args: argparse.Namespace, llm: Llm | None) -> int:
    """Precision, recall, F1 at the fitted thresholds, AUC, recall at precision 0.9, the best F1,
    the calibration error; with `--llm` also what the model makes of the messages that pass, and
    what asking it costs."""
    if args.llm and llm is None:
        raise KnowledgeError(NO_MODEL)
    data = load_examples([args.data])
    train = load_examples([args.train]) if args.train else None
    result = await evaluate_gate(knowledge, data, train)
    figures = _figures(result)
    if args.llm and llm is not None:
        try:
            figures |= await gate_and_llm(llm, result, args.limit)
        except LlmError as error:
            model_failed(llm, NOT_ASKED, "the gate alone is measured without --llm", error)
            return 1
    show(figures, as_json=args.json)
    if args.out:
        good, bad = ([score for _, score in part] for part in (result.good, result.bad))
        draw_gate(args.out / "gate.png", good, bad, result.state, [])
        judged = [(t, True, s) for t, s in result.good] + [(t, False, s) for t, s in result.bad]
        rows = await _errors(knowledge, judged, result.figures.threshold)
        write_rows(args.out / "gate-misses.jsonl", rows)
    return 0


def _figures(result: GateResult) -> dict[str, Any]:
    state = result.state
    figures: dict[str, Any] = {name: rounded(v) for name, v in asdict(result.figures).items()}
    figures |= {"ece": None if result.ece is None else rounded(result.ece), "model": state.model}
    for name, point in (("unprompted", state.unprompted), ("mention", state.mention)):
        figures[name] = {key: rounded(value) for key, value in result.at(point).items()}
    return figures


def _held_out(fitted: FittedGate) -> tuple[list[float], list[float]]:
    scored = fitted.held_out
    if scored is None:
        return [], []
    return scored.scores[scored.good].tolist(), scored.scores[~scored.good].tolist()


async def _errors(
    knowledge: KnowledgeBase, judged: Sequence[tuple[str, bool, float]], threshold: float
) -> list[dict[str, Any]]:
    """What falls on the wrong side of (text, is it good, score), the worst first, and what the
    index holds nearest to it."""
    wrong = [item for item in judged if (item[2] >= threshold) != item[1]]
    rows: list[dict[str, Any]] = []
    for text, is_good, score in sorted(wrong, key=lambda item: -abs(item[2] - threshold)):
        found = await knowledge.search(text, NEAREST)
        nearest = [f"{hit.path}:{hit.line} {hit.score:.2f}" for hit in found.passages]
        row = {"text": text, "label": int(is_good), "score": round(score, 4), "nearest": nearest}
        rows.append(row)
    return rows
