"""Other operating points of the gate: what each would mean, and choosing one."""

import asyncio
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.http_guard import json_response
from adapters.web.http import read_json_body
from adapters.web.types import parse_body
from bot.config.located import ConfigError
from bot.console.access import Role, needs, user_of
from bot.console.config_edits import ConfigEdits
from bot.console.describe import takes
from bot.console.parts import ConsoleParts
from knowledge.gate.promise import promise
from knowledge.settings import GateSettings
from knowledge.types import GateState, Point

PRECISIONS = (0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
BUDGETS = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Of unwanted replies a week. Each costs a fit, which takes a second where labels are many."""


class Target(BaseModel):
    """PUT /api/console/gate/target: what is wished for, a precision, or at most so many unwanted
    replies a week, which counts where both are there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target_precision: Annotated[float, Field(gt=0, lt=1)] | None = None
    max_unwanted_per_week: Annotated[float, Field(gt=0, le=1e6)] | None = None


def target_routes(parts: ConsoleParts, edits: ConfigEdits) -> list[web.RouteDef]:
    """What the sliders of the gate's page ask for."""
    api = _Targets(parts, edits)
    return [
        web.get("/api/console/gate/targets", api.offered),
        web.put("/api/console/gate/target", api.choose),
    ]


class _Targets:
    def __init__(self, parts: ConsoleParts, edits: ConfigEdits) -> None:
        self._parts, self._edits = parts, edits
        self._known: tuple[object, list[Point]] = (None, [])
        self._one_at_a_time = asyncio.Lock()

    @needs(Role.VIEWER)
    async def offered(self, _: web.Request) -> web.Response:
        """Where the gate would stand for other wishes, and how many messages of the last seven days
        would have passed there. The first look takes seconds."""
        now, store, gate = self._parts.clock.now(), self._parts.store, self._parts.config.gate
        precisions = sorted({*PRECISIONS, gate.target_precision})
        budget = gate.max_unwanted_per_week
        budgets = sorted({*BUDGETS, *([budget] if budget else [])})
        wishes = [
            *(_wishing(gate, precision, None) for precision in precisions),
            *(_wishing(gate, gate.target_precision, one) for one in budgets),
        ]
        points = await self._points(wishes)
        scores, weekly = await store.week_scores(now), await store.weekly_unprompted(now)
        state = self._parts.loaded().status().gate
        offers = [
            {"value": value, **_offer(point, state, weekly or state.weekly, scores)}
            for value, point in zip([*precisions, *budgets], points, strict=True)
        ]
        return json_response(
            {
                "target_precision": gate.target_precision,
                "max_unwanted_per_week": budget,
                "precision": offers[: len(precisions)],
                "budget": offers[len(precisions) :],
                "week": len(scores),
            }
        )

    @needs(Role.ADMIN)
    @takes(body=Target)
    async def choose(self, request: web.Request) -> web.Response:
        """Writes the wish into the configuration's file, which is kept as a backup before, and fits
        the gate to it, which holds at once."""
        asked, user = parse_body(Target, await read_json_body(request)), user_of(request)
        given = asked.model_dump(exclude_none=True)
        if not given:
            raise web.HTTPBadRequest(text="wish for a precision or a weekly budget")
        file, before = self._edits.any_file(), self._parts.config.gate
        values: dict[str, float | None] = dict(given)
        if before.max_unwanted_per_week is not None:
            values.setdefault("max_unwanted_per_week", None)
        wanted = {f"gate.{key}": value for key, value in values.items()}
        try:
            change = await asyncio.to_thread(file.judge_values, wanted)
        except ConfigError as error:
            raise web.HTTPConflict(text=str(error)) from error
        made = change.config.gate
        if any(getattr(made, key) != value for key, value in values.items()):
            raise web.HTTPConflict(text="an option --set of the bot's start holds over the file")
        done = await self._edits.write(user, "gate.target", change)
        if done.problem:
            raise web.HTTPConflict(text=done.problem)
        return json_response(
            {
                "before": {
                    "target_precision": before.target_precision,
                    "max_unwanted_per_week": before.max_unwanted_per_week,
                },
                "backup": done.backup,
            }
        )

    async def _points(self, wishes: list[GateSettings]) -> list[Point]:
        knowledge = self._parts.loaded()
        async with self._one_at_a_time:
            status = knowledge.status()
            key = (status.snapshot, status.gate.key, tuple(map(repr, wishes)))
            if key != self._known[0]:
                self._known = (key, await knowledge.aimed(wishes))
            return self._known[1]


def _wishing(gate: GateSettings, precision: float, budget: float | None) -> GateSettings:
    wish = {"target_precision": precision, "max_unwanted_per_week": budget}
    return gate.model_copy(update=wish)


def _offer(point: Point, state: GateState, weekly: float, scores: list[float]) -> dict[str, Any]:
    said = promise(point.counts, state.share, weekly)
    return {
        "threshold": point.threshold,
        "precision": point.precision,
        "least_precision": said.precision,
        "recall": point.recall,
        "unwanted": said.unwanted,
        "proven": point.proven,
        "passing": sum(score >= point.threshold for score in scores),
    }
