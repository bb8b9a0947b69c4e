"""What the bot is connected to: platforms and models, and whether they work."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from aiohttp import hdrs, web

from adapters.base import Finding
from adapters.http_guard import json_response
from bot.console.access import Role, needs, user_of
from bot.console.parts import ConsoleParts


def connection_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the page of connections asks for."""

    @needs(Role.VIEWER)
    async def connections(_: web.Request) -> web.Response:
        """The adapters with their state, their calls, and what is wrong; where several processes
        share the store, all that are alive."""
        now, health = parts.clock.now(), parts.health()
        shown = []
        for settings in parts.config.adapters:
            name = settings.name
            if name not in parts.adapters:
                continue
            link = parts.adapters[name].link()
            calls = [
                {"call": call, "result": result, "count": count}
                for (call, result), count in sorted(link.calls.items())
            ]
            shown.append(
                {
                    "name": name,
                    "kind": settings.kind,
                    **health["adapters"][name],
                    "since": link.since or None,
                    "event": link.event or None,
                    "heard": link.heard or None,
                    "calls": calls,
                }
            )
        return json_response(
            {
                "now": now,
                "adapters": shown,
                "models": _models(parts),
                "processes": [
                    {
                        **one,
                        "since": now - one["age"],
                        "holds": [n.lstrip(":") for n in one["holds"]],
                    }
                    for one in health["processes"]
                ],
            }
        )

    @needs(Role.ADMIN)
    async def check(request: web.Request) -> web.StreamResponse:
        """Walks through what an adapter needs of its platform, and says what is missing: a line of
        JSON for each finding, as it comes."""
        name = request.match_info["name"]
        if name not in parts.adapters:
            raise web.HTTPNotFound(text="name: there is no such adapter")
        await parts.audit.record(user_of(request), "adapter.check", name)
        return await _in_lines(request, parts.adapters[name].check())

    return [
        web.get("/api/console/connections", connections),
        web.post("/api/console/connections/{name}/check", check),
    ]


async def _in_lines(request: web.Request, findings: AsyncIterator[Finding]) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "application/x-ndjson; charset=utf-8",
            hdrs.CACHE_CONTROL: "no-store",
        }
    )
    await response.prepare(request)
    async for finding in findings:
        line = json.dumps(asdict(finding), ensure_ascii=False) + "\n"
        await response.write(line.encode("utf-8", "replace"))
    await response.write_eof()
    return response


def _models(parts: ConsoleParts) -> list[dict[str, Any]]:
    """The language models that are configured, and the embedder."""
    llm, embedder = parts.config.llm, parts.config.knowledge.embedder
    shown = [{"part": "embedder", "kind": embedder.kind, "model": embedder.model}]
    local = llm.local.model or llm.local.serve.model
    for part, kind, model in (
        ("remote", llm.remote.provider, llm.remote.model),
        ("local", "local", local),
    ):
        if model:
            shown.append({"part": part, "kind": kind, "model": model})
    return shown
