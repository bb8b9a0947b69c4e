"""What the bot knows."""

from aiohttp import web

from adapters.http_guard import json_response
from bot.console.access import Role, needs
from bot.console.parts import ConsoleParts


def knowledge_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the pages ask of the knowledge base."""

    @needs(Role.VIEWER)
    async def sources(_: web.Request) -> web.Response:
        """The names of the sources that a group may be bound to."""
        return json_response({"sources": list(parts.loaded().status().sources)})

    return [web.get("/api/console/sources", sources)]
