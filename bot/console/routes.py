"""All routes of the console, and what every page of it asks first."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from adapters.http_guard import USER, json_response
from adapters.web.http import storage_at_work
from bot.console.access import Role, User, needs, user_of
from bot.console.api.config import config_routes
from bot.console.api.connections import connection_routes
from bot.console.api.gaps import gap_routes
from bot.console.api.gate import gate_routes
from bot.console.api.groups import group_routes
from bot.console.api.knowledge import knowledge_routes
from bot.console.api.logs import log_routes
from bot.console.api.messages import message_routes
from bot.console.api.overview import overview_routes
from bot.console.api.replays import replay_routes
from bot.console.api.shadow import shadow_routes
from bot.console.api.targets import target_routes
from bot.console.config_edits import ConfigEdits
from bot.console.describe import openapi
from bot.console.page_files import page_routes
from bot.console.parts import ConsoleParts
from bot.console.reloads import Reloads
from bot.texts.notices import reason_texts
from bot.types import Reason
from knowledge.types import KnowledgeError

API = "/api/console"

NOBODY = User("", Role.VIEWER)
"""Who looks at the console before the choice of the first start."""


def console_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """The page and its API."""
    reloads, edits = Reloads(parts), ConfigEdits(parts)
    api = [
        web.get(f"{API}/me", _me(parts)),
        *group_routes(parts),
        *message_routes(parts),
        *gate_routes(parts),
        *target_routes(parts, edits),
        *overview_routes(parts),
        *log_routes(parts),
        *shadow_routes(parts),
        *replay_routes(parts),
        *connection_routes(parts),
        *config_routes(parts, edits),
        *knowledge_routes(parts, reloads),
        *gap_routes(parts, reloads),
    ]
    described = openapi(api)

    @needs(Role.VIEWER)
    async def description(_: web.Request) -> web.Response:
        """This API, as OpenAPI."""
        return json_response(described)

    api.append(web.get(f"{API}/openapi.json", description))
    return [
        *page_routes(parts.config.bot.name, parts.config.admin.prefix),
        *(_explained(route) for route in api),
    ]


def _me(parts: ConsoleParts) -> Handler:
    adapters = [{"name": one.name, "kind": one.kind} for one in parts.config.adapters]

    @needs(Role.VIEWER)
    async def me(request: web.Request) -> web.Response:
        """Who asks and what he may do, which adapters there are, and the words of all reasons."""
        user = user_of(request)
        return json_response(
            {
                "name": user.name,
                "role": user.role,
                "adapters": adapters,
                "admins": list(parts.options.admins),
                "reasons": {reason: reason_texts(reason) for reason in Reason},
            }
        )

    return me


def _explained(route: web.RouteDef) -> web.RouteDef:
    """The same route; what fails below it becomes an answer that says so."""
    handler: Callable[[web.Request], Any] = route.handler

    async def explained(request: web.Request) -> web.StreamResponse:
        if USER not in request:
            # Only where nobody has a login yet, and this machine alone is answered.
            request[USER] = NOBODY
        try:
            with storage_at_work():
                response: web.StreamResponse = await handler(request)
                return response
        except KnowledgeError as error:
            raise web.HTTPConflict(text=str(error)) from error

    return web.RouteDef(route.method, route.path, explained, route.kwargs)
