"""`eval retrieval | answers`: figures on labelled data, pictures and misses."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from bot.answering.pipeline import Pipeline
from bot.cli.asking import mention
from bot.cli.index import say, say_json
from bot.cli.judge import graded, judged_figures, judged_row
from bot.cli.labelled import spread
from bot.cli.model import NO_MODEL, NOT_ASKED, failures, kind_of, model_failed, quiet
from bot.cli.pictures import draw_operating_points, operating_points
from bot.cli.rows import show, write_rows
from bot.llm.llm import Llm
from bot.llm.types import LlmError
from bot.types import Answer, Outcome, Trace
from knowledge.base import KnowledgeBase
from knowledge.evaluate import Labelled, evaluate_retrieval, load_labelled
from knowledge.types import KnowledgeError


async def eval_retrieval(knowledge: KnowledgeBase, args: argparse.Namespace) -> int:
    """Is the page that answers found, and is the answer in what was found?"""
    figures, misses = await evaluate_retrieval(knowledge, load_labelled(args.data), args.k)
    show(figures, as_json=args.json)
    if args.out:
        rows = [
            {"id": miss.question.id, "question": miss.question.question}
            | {"gold_paths": miss.question.gold_paths}
            | {"hits": [f"{hit.path}:{hit.line}" for hit in miss.hits]}
            for miss in misses
        ]
        write_rows(args.out / "retrieval-misses.jsonl", rows)
    return 0


@dataclass(frozen=True, slots=True)
class _Asked:
    question: Labelled
    outcome: Outcome
    evidence: float
    trace: Trace


async def eval_answers(
    knowledge: KnowledgeBase, pipeline: Pipeline, args: argparse.Namespace
) -> int:
    """Asks every question as a mention: answered, declined or left alone as it should be?"""
    asked: list[_Asked] = []
    questions = spread(load_labelled(args.data), args.sample)
    for question in tqdm(questions, unit=" questions", disable=None if pipeline.llm else True):
        trace: Trace = []
        with quiet():
            outcome = await pipeline.decide(mention(question.question), trace)
        evidence = next((e["evidence"] for e in trace if "evidence" in e), None)
        if evidence is None:  # ended before the search; the curve needs to know all the same
            gate = next((e for e in trace if e.get("accept") is False), None)
            most = pipeline.options.max_passages
            evidence = 0.0 if gate else (await knowledge.search(question.question, most)).evidence
        asked.append(_Asked(question, outcome, evidence, trace))
    figures = _figures(asked, llm=pipeline.llm)
    for lang in ("zh", "en"):
        part = [item for item in asked if item.question.lang == lang]
        figures[lang] = _figures(part, llm=pipeline.llm)
    if args.judge:
        await _judge(asked, knowledge, pipeline.llm, figures, args)
    if args.json:
        say_json(figures)
    else:
        _table(figures)
        _curve(asked)
    if args.out:
        write_rows(args.out / "answers.jsonl", [_row(a) | {"trace": list(a.trace)} for a in asked])
        write_rows(args.out / "answers-misses.jsonl", [_row(a) for a in asked if not _right(a)])
        answerable, near = _evidence(asked, "answerable"), _evidence(asked, "near_miss")
        chosen = pipeline.options.min_evidence
        draw_operating_points(args.out / "operating-point.png", answerable, near, chosen)
    return 1 if pipeline.llm and _nothing_written(pipeline.llm, figures) else 0


async def _judge(
    asked: Sequence[_Asked],
    knowledge: KnowledgeBase,
    llm: Llm | None,
    figures: dict[str, Any],
    args: argparse.Namespace,
) -> None:
    """Adds a judge's figures. Raises KnowledgeError where there is no model to be one."""
    if llm is None:
        raise KnowledgeError(NO_MODEL)
    answers = [(i.question, i.outcome) for i in asked if isinstance(i.outcome, Answer)]
    with quiet():
        try:
            found = await graded([a for a in answers if a[0].kind == "answerable"], knowledge, llm)
        except LlmError as error:
            model_failed(llm, NOT_ASKED, "nothing was judged", error)
            return
    for language in ("zh", "en"):
        part = [one for one in found if one.question.lang == language]
        figures[language] |= judged_figures(part)
    figures |= judged_figures(found)
    if args.out:
        write_rows(args.out / "answers-judged.jsonl", list(map(judged_row, found)))


def _nothing_written(llm: Llm, figures: dict[str, Any]) -> bool:
    """Are these the figures of a bot without its model, though there is one? Says so."""
    if figures["written"] or not (figures["quoted"] or figures["failed"]):
        return False
    what = "nothing was written by the language model"
    model_failed(llm, what, "these are the figures of quoted answers")
    return True


def _figures(asked: Sequence[_Asked], llm: Llm | None) -> dict[str, Any]:
    answerable = [item for item in asked if item.question.kind == "answerable"]
    near = [item for item in asked if item.question.kind == "near_miss"]
    off = [item for item in asked if item.question.kind == "offtopic"]
    answers = [(i.question, i.outcome) for i in answerable if isinstance(i.outcome, Answer)]
    contain = sum(question.contained_in(answer.text) for question, answer in answers)
    cite = sum(q.cites_gold([c.path for c in answer.citations]) for q, answer in answers)
    return {
        "n": len(asked),
        "answerable_answered": _share(len(answers), len(answerable)),
        "must_contain": _share(contain, len(answerable)),
        "cites_gold": _share(cite, len(answerable)),
        "near_miss_declined": _share(sum(_silent(item) for item in near), len(near)),
        "near_miss_declined_or_hedged": _share(
            sum(_silent(i) or not getattr(i.outcome, "exact", True) for i in near), len(near)
        ),
        **_sure(asked, len(answerable)),
        "offtopic_silent": _share(sum(_silent(item) for item in off), len(off)),
        **(_by_kind(asked) if llm else {}),
    }


def _sure(asked: Sequence[_Asked], answerable: int) -> dict[str, float]:
    """Of the answers without a reservation, how many contain the facts and are asked of something
    that the documents hold; and how many of the answerable questions are answered so."""
    given = [i for i in asked if isinstance(i.outcome, Answer) and i.outcome.exact]
    right = sum(i.question.kind == "answerable" and _right(i) for i in given)
    return {
        "sure_precision": _share(right, len(given)),
        "sure_recall": _share(right, answerable),
    }


def _by_kind(asked: Sequence[_Asked]) -> dict[str, int]:
    """Answers in the model's words, answers quoted in its stead, and questions for which a call
    of it failed."""
    kinds = [kind_of(item.trace) for item in asked if isinstance(item.outcome, Answer)]
    return {
        "written": kinds.count("written"),
        "quoted": kinds.count("quoted"),
        "failed": sum(bool(failures(item.trace)) for item in asked),
    }


def _silent(item: _Asked) -> bool:
    return not isinstance(item.outcome, Answer)


def _right(item: _Asked) -> bool:
    if item.question.kind != "answerable":
        return _silent(item)
    return isinstance(item.outcome, Answer) and item.question.contained_in(item.outcome.text)


def _row(item: _Asked) -> dict[str, Any]:
    outcome = item.outcome
    return {
        "id": item.question.id,
        "kind": item.question.kind,
        "question": item.question.question,
        "reason": outcome.reason,
        "evidence": round(item.evidence, 3),
        "hedged": isinstance(outcome, Answer) and not outcome.exact,
        "text": outcome.text if isinstance(outcome, Answer) else "",
        "citations": [c.path for c in outcome.citations] if isinstance(outcome, Answer) else [],
    }


def _evidence(asked: Sequence[_Asked], kind: str) -> list[float]:
    return [item.evidence for item in asked if item.question.kind == kind]


def _curve(asked: Sequence[_Asked]) -> None:
    points = operating_points(_evidence(asked, "answerable"), _evidence(asked, "near_miss"))
    if len(points) < 2:
        return
    say("\nanswer.min_evidence   answerable answered   near misses declined")
    for demanded, answered, declined in points[:: max(1, len(points) // 12)]:
        say(f"{demanded:19.2f}   {answered:19.2f}   {declined:20.2f}")


def _table(figures: dict[str, Any]) -> None:
    say(f"{'':30}{'all':>8}{'zh':>8}{'en':>8}")
    for name, value in figures.items():
        if not isinstance(value, dict):
            say(f"{name:30}{value:>8}{figures['zh'][name]:>8}{figures['en'][name]:>8}")


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
