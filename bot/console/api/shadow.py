"""What the bot would have said in groups in shadow mode, beside what people said, and what that
means for going live."""

from dataclasses import asdict
from statistics import median
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.http_guard import json_response
from adapters.web.types import MAX_SEQ, parse_query
from bot.console.access import Role, needs
from bot.console.describe import takes
from bot.console.parts import ConsoleParts
from bot.store.browse_questions import Filters
from bot.types import Group, Mode, Reason
from common.clock import DAY_S

PAGE, LOOKED_AT = 50, 1000
"""Of so many drafts the figures are made; of more the newest."""

GROUPS = 200


class ShadowQuery(BaseModel):
    """GET /api/console/shadow: of the last days, in one group ("adapter:group") or in all, the
    drafts before an id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(ge=1, le=365)] = 14
    group: Annotated[str, Field(pattern=r"^[^:]+:.+$", max_length=300)] | None = None
    before: Annotated[int, Field(ge=1, le=MAX_SEQ)] | None = None


def shadow_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the page of the shadow mode asks for."""

    @needs(Role.VIEWER)
    @takes(query=ShadowQuery)
    async def drafts(request: web.Request) -> web.Response:
        """Drafts beside what people said, the newest first."""
        asked = parse_query(ShadowQuery, request.query)
        found = await parts.store.list_drafts(
            since=parts.clock.now() - asked.days * DAY_S,
            group=_group(asked.group),
            before=asked.before,
            limit=PAGE,
        )
        more = found[-1].id if len(found) == PAGE else None
        return json_response({"drafts": [asdict(one) for one in found], "next": more})

    @needs(Role.VIEWER)
    @takes(query=ShadowQuery)
    async def groups(request: web.Request) -> web.Response:
        """The groups in shadow mode, each with the figures to decide by."""
        asked = parse_query(ShadowQuery, request.query)
        since = parts.clock.now() - asked.days * DAY_S
        listed = await parts.store.list_groups(
            person="", now=parts.clock.now(), search="", offset=0, limit=GROUPS
        )
        shown = [
            await _figures(parts, (one.adapter, one.group), since) | {"title": one.title}
            for one in listed
            if await parts.delivery.mode((one.adapter, one.group)) is Mode.SHADOW
        ]
        return json_response({"groups": shown})

    return [
        web.get("/api/console/shadow", drafts),
        web.get("/api/console/shadow/groups", groups),
    ]


async def _figures(parts: ConsoleParts, group: Group, since: float) -> dict[str, Any]:
    found = await parts.store.list_drafts(since=since, group=group, before=None, limit=LOOKED_AT)
    waits = [max(0.0, one.said_at - one.asked_at) for one in found if one.said_at is not None]

    async def marked(mark: Any) -> int:
        filters = Filters(group=group, since=since, reasons=(Reason.SHADOW,), mark=mark)
        return len(await parts.store.list_questions(filters, "newest", None, LOOKED_AT))

    return {
        "adapter": group[0],
        "group": group[1],
        "drafts": len(found),
        "unprompted": sum(one.unprompted for one in found),
        "people": len(waits),
        "median_s": round(median(waits)) if waits else None,
        "good": await marked("good"),
        "bad": await marked("bad"),
    }


def _group(text: str | None) -> Group | None:
    adapter, _, group = (text or "").partition(":")
    return (adapter, group) if text else None
