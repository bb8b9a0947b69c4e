"""The audit log, and the newest lines of the daemon's own log."""

from dataclasses import asdict
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from adapters.http_guard import json_response
from adapters.web.types import MAX_SEQ, parse_query
from bot.console.access import Role, needs
from bot.console.describe import takes
from bot.console.parts import ConsoleParts

PAGE = 100


class AuditQuery(BaseModel):
    """GET /api/console/audit: the newest entries, or those before an id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    before: Annotated[int, Field(ge=1, le=MAX_SEQ)] | None = None


def log_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the page of logs asks for."""

    @needs(Role.ADMIN)
    @takes(query=AuditQuery)
    async def audit(request: web.Request) -> web.Response:
        """Who did what and when, the newest first."""
        asked = parse_query(AuditQuery, request.query)
        entries = await parts.audit.page(asked.before, PAGE)
        more = entries[-1].id if len(entries) == PAGE else None
        return json_response({"entries": [asdict(one) for one in entries], "next": more})

    @needs(Role.ADMIN)
    async def log(_: web.Request) -> web.Response:
        """The newest lines of the log, the newest first."""
        lines: list[dict[str, Any]] = [asdict(line) for line in parts.log.newest()]
        return json_response({"lines": lines})

    return [web.get("/api/console/audit", audit), web.get("/api/console/log", log)]
