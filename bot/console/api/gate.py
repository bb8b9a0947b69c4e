"""The gate: what it promises, what it learned from, how good it is, what labels would change."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.http_guard import json_response
from adapters.web.types import parse_query
from bot.console.access import Role, needs, user_of
from bot.console.describe import takes
from bot.console.parts import ConsoleParts
from bot.group.learning import Learning, as_examples
from bot.store.examples import Label, StoredQuestion
from bot.texts.gate import gate_lines
from knowledge.base import KnowledgeBase
from knowledge.gate.curve import CurvePoint
from knowledge.gate.figures import calibration_error, precision_recall, reliability
from knowledge.gate.promise import counts_at, promise
from knowledge.gate.state import FittedGate
from knowledge.types import Point

ERRORS_SHOWN, NEAREST = 30, 3
CURVE_POINTS = 200
LOOKED_AT = 1000
"""Of the newest questions it is told what labels would change."""

PAGE = 100


class ExamplesQuery(BaseModel):
    """GET /api/console/gate/examples: labels before an id, the newest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: Annotated[str, Field(max_length=40)] = ""
    before: Annotated[int, Field(ge=1)] | None = None


def gate_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the page of the gate asks for."""
    api = _Gate(parts)
    return [
        web.get("/api/console/gate", api.state),
        web.get("/api/console/gate/figures", api.figures),
        web.get("/api/console/gate/examples", api.examples),
        web.post("/api/console/gate/preview", api.preview),
        web.post("/api/console/gate/refit", api.refit),
        web.post("/api/console/gate/undo", api.undo),
    ]


class _Gate:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts, self._store = parts, parts.store
        self._examined: tuple[tuple[str, str], dict[str, Any]] | None = None
        self._one_at_a_time = asyncio.Lock()

    @needs(Role.VIEWER)
    async def state(self, _: web.Request) -> web.Response:
        """Which gate serves, what it promises, its labels by origin, and the refits tried."""
        state, now = self._parts.loaded().status().gate, self._parts.clock.now()
        weekly = await self._store.weekly_unprompted(now)
        labels = await self._store.labels()
        scores = await self._store.week_scores(now)
        return json_response(
            {
                "model": state.model,
                "why": state.why,
                "good": state.good,
                "bad": state.bad,
                "target": state.target,
                "weekly": weekly or state.weekly,
                "unprompted": _shown(state.unprompted),
                "mention": _shown(state.mention),
                "groups": {name: _shown(point) for name, (point, _) in state.groups.items()},
                "lines": {
                    "zh": gate_lines(state, weekly=weekly, chinese=True),
                    "en": gate_lines(state, weekly=weekly, chinese=False),
                },
                "origins": {
                    origin: {"good": good, "bad": bad}
                    for origin, (good, bad) in (await self._store.labels_by_origin()).items()
                },
                "waiting": sum(1 for label in labels if label.step is None),
                "refits": [asdict(one) for one in await self._store.refits()],
                "week": {
                    "questions": len(scores),
                    "passing": sum(score >= state.unprompted.threshold for score in scores),
                },
            }
        )

    @needs(Role.VIEWER)
    async def figures(self, _: web.Request) -> web.Response:
        """How good the gate is on its examples, each judged without its own label: curves,
        reliability, learning curve, errors. The first look takes seconds."""
        knowledge = self._parts.loaded()
        async with self._one_at_a_time:
            status = knowledge.status()
            key = (status.snapshot, status.gate.key)
            if self._examined is None or self._examined[0] != key:
                fitted, curve = await knowledge.examined()
                self._examined = (key, await _figures(knowledge, fitted, curve))
        now = self._parts.clock.now()
        scores = await self._store.week_scores(now)
        weekly = await self._store.weekly_unprompted(now) or status.gate.weekly
        examined = self._examined[1]
        points = [{**point, "unwanted": point["unwanted"] * weekly} for point in examined["points"]]
        week = [sum(score >= point["threshold"] for score in scores) for point in points]
        return json_response({**examined, "points": points, "week": week})

    @needs(Role.VIEWER)
    @takes(query=ExamplesQuery)
    async def examples(self, request: web.Request) -> web.Response:
        """The labels from groups, the newest first."""
        asked = parse_query(ExamplesQuery, request.query)
        labels = [
            label
            for label in reversed(await self._store.labels(aside=True))
            if (not asked.origin or label.origin == asked.origin)
            and (asked.before is None or label.id < asked.before)
        ]
        shown = labels[:PAGE]
        more = shown[-1].id if len(labels) > PAGE else None
        return json_response({"examples": [_label(one) for one in shown], "next": more})

    @needs(Role.LABELLER)
    async def preview(self, _: web.Request) -> web.Response:
        """What a refit to today's labels would change among the newest unprompted questions."""
        knowledge = self._parts.loaded()
        stored = await self._store.stored_questions(LOOKED_AT)
        questions = [one for one in stored if one.unprompted and one.score is not None]
        labels = as_examples(await self._store.labels())
        refit, scores = await knowledge.preview(labels, [one.text for one in questions])
        threshold = refit.state.unprompted.threshold
        moved = [
            _moved(one, score, passes=score >= threshold)
            for one, score in zip(questions, scores, strict=True)
            if (score >= threshold) != _passed(one)
        ]
        told = {"taken": refit.taken, "before": refit.before, "after": refit.after}
        return json_response({**told, "looked_at": len(questions), "changed": moved})

    @needs(Role.ADMIN)
    async def refit(self, request: web.Request) -> web.Response:
        """Fits the gate to all labels; it is taken if it is no worse."""
        found = await self._learning().refit()
        told = {
            "taken": found.taken,
            "changed": found.changed,
            "before": found.before,
            "after": found.after,
        }
        after = "taken" if found.taken else "not taken" if found.changed else "nothing new"
        await self._parts.audit.record(user_of(request), "gate.refit", "gate", after=after)
        return json_response(told)

    @needs(Role.ADMIN)
    async def undo(self, request: web.Request) -> web.Response:
        """Goes back to the gate before the last refit that was taken."""
        aside = await self._learning().undo()
        if aside is None:
            raise web.HTTPConflict(text="no refit was taken that could be undone")
        after = f"{aside} labels set aside"
        await self._parts.audit.record(user_of(request), "gate.undo", "gate", after=after)
        return json_response({"aside": aside})

    def _learning(self) -> Learning:
        return Learning(store=self._store, knowledge=self._parts.loaded(), clock=self._parts.clock)


async def _figures(
    knowledge: KnowledgeBase, fitted: FittedGate, curve: Sequence[CurvePoint]
) -> dict[str, Any]:
    """What the page draws; `points` are possible operating points, the highest threshold first,
    with their unwanted replies per message, for the traffic changes from week to week."""
    state, scored = fitted.state, fitted.held_out
    nothing: dict[str, Any] = {"points": [], "reliability": [], "learning": [], "errors": []}
    if scored is None:
        return nothing
    scores, good = scored.scores, scored.good
    liked, others = scores[good].tolist(), scores[~good].tolist()
    precisions, recalls = precision_recall(liked, others)
    distinct = sorted({*liked, *others}, reverse=True)
    step = max(1, len(distinct) // CURVE_POINTS)
    points = []
    for number in range(0, len(distinct), step):
        threshold = distinct[number]
        said = promise(counts_at(threshold, scores, good), state.share, weekly=1.0)
        points.append(
            {
                "threshold": threshold,
                "precision": float(precisions[number]),
                "recall": float(recalls[number]),
                "least_precision": said.precision,
                "unwanted": said.unwanted,
            }
        )
    learned = state.model == "learned"
    return {
        "points": points,
        "reliability": reliability(liked, others) if learned else [],
        "calibration_error": calibration_error(liked, others) if learned else None,
        "learning": [asdict(point) for point in curve],
        "errors": await _errors(knowledge, fitted),
    }


async def _errors(knowledge: KnowledgeBase, fitted: FittedGate) -> list[dict[str, Any]]:
    """Examples on the wrong side of the threshold, the worst first, with the nearest pieces."""
    threshold = fitted.state.unprompted.threshold
    if fitted.held_out is None or not fitted.state.examples_fit:
        return []
    judged = zip(fitted.examples, fitted.held_out.scores.tolist(), strict=True)
    wrong = [(item, score) for item, score in judged if (score >= threshold) != item.good]
    rows = []
    for item, score in sorted(wrong, key=lambda one: -abs(one[1] - threshold))[:ERRORS_SHOWN]:
        found = await knowledge.search(item.text, NEAREST)
        pieces = [
            {"path": hit.path, "line": hit.line, "heading": hit.heading, "score": hit.score}
            for hit in found.passages
        ]
        rows.append(
            {
                "text": item.text,
                "good": item.good,
                "origin": item.origin,
                "score": score,
                "nearest": pieces,
            }
        )
    return rows


def _shown(point: Point) -> dict[str, Any]:
    return {
        "threshold": point.threshold,
        "precision": point.precision,
        "recall": point.recall,
        "proven": point.proven,
        "labels": point.counts.labels,
    }


def _label(label: Label) -> dict[str, Any]:
    return {**asdict(label), "taken": label.step is not None}


def _passed(question: StoredQuestion) -> bool:
    return (question.score or 0.0) >= (question.threshold or 0.0)


def _moved(question: StoredQuestion, score: float, *, passes: bool) -> dict[str, Any]:
    return {
        "adapter": question.adapter,
        "group": question.group,
        "message_id": question.message_id,
        "text": question.text,
        "score": score,
        "passes": passes,
    }
