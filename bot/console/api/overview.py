"""What is wrong now and what to do, and how the last weeks went."""

import asyncio
import shutil
import time
from dataclasses import asdict
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.http_guard import json_response
from adapters.web.types import parse_query
from bot.console.access import Role, needs
from bot.console.describe import takes
from bot.console.parts import ConsoleParts
from bot.llm.budget import price_of
from bot.texts.gate import gate_lines
from common.clock import DAY_S, WEEK_S

LEAST_FREE = 1 << 30
"""Bytes: with less room on the disk it is time to make some."""


class OverviewQuery(BaseModel):
    """GET /api/console/overview: of so many days, as they begin where the clock is `offset` seconds
    ahead of UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(ge=1, le=365)] = 30
    offset: Annotated[int, Field(ge=-86400, le=86400)] = 0


def overview_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the first page asks for."""

    @needs(Role.VIEWER)
    @takes(query=OverviewQuery)
    async def overview(request: web.Request) -> web.Response:
        """What is wrong now, figures by day, and what the gate promised and kept."""
        asked = parse_query(OverviewQuery, request.query)
        now, store = parts.clock.now(), parts.store
        days = await store.by_day(now - asked.days * DAY_S, asked.offset)
        waited = await store.answer_seconds(now - WEEK_S)
        return json_response(
            {
                "health": parts.health(),
                "disk": await _disk(parts),
                "days": [asdict(day) for day in days],
                "answer_s": {"half": _part(waited, 0.5), "most": _part(waited, 0.9)},
                "promise": await _promise(parts, now),
                "usage": await _usage(parts, now - asked.days * DAY_S),
                "knowledge": _knowledge(parts),
                "counts": await store.counts(),
            }
        )

    return [web.get("/api/console/overview", overview)]


async def _promise(parts: ConsoleParts, now: float) -> dict[str, Any]:
    """What the gate promises by this bot's own traffic, and what became of it in a week."""
    kept = await parts.store.kept_promise(now - WEEK_S)
    if parts.knowledge is None:
        return {"lines": {"zh": [], "en": []}, "kept": kept}
    state, weekly = parts.knowledge.status().gate, await parts.store.weekly_unprompted(now)
    lines = {
        "zh": gate_lines(state, weekly=weekly, chinese=True),
        "en": gate_lines(state, weekly=weekly, chinese=False),
    }
    return {"lines": lines, "kept": kept}


async def _disk(parts: ConsoleParts) -> dict[str, Any]:
    free = (await asyncio.to_thread(shutil.disk_usage, parts.config.bot.data_dir)).free
    return {"free": free, "low": free < LEAST_FREE, "store": await parts.store.stored_bytes()}


async def _usage(parts: ConsoleParts, since: float) -> dict[str, Any]:
    """Calls and tokens by day and model, and what they cost; whether prices are known."""
    first = time.strftime("%Y-%m-%d", time.localtime(since))
    used = await parts.store.usage_by_day(first)
    days = [{**asdict(one), "cost": round(one.cost, 6)} for one in used]
    return {"days": days, "priced": price_of(parts.config.llm.remote).known}


def _knowledge(parts: ConsoleParts) -> dict[str, Any] | None:
    if parts.knowledge is None:
        return None
    status = parts.knowledge.status()
    return {
        "documents": status.documents,
        "pieces": status.pieces,
        "skipped": status.skipped,
        "built_at": status.built_at,
    }


def _part(ascending: list[float], share: float) -> float | None:
    if not ascending:
        return None
    return round(ascending[min(len(ascending) - 1, int(share * len(ascending)))], 1)
