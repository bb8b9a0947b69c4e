"""serper.dev's search API on loopback: it answers, and fails, as a script says."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

UNAUTHORIZED = {"message": "Unauthorized.", "statusCode": 403}
NO_CREDITS = {"message": "Not enough credits", "statusCode": 400}
NO_OPERATORS = {"message": "Query pattern not allowed for free accounts.", "statusCode": 400}

_TERM = re.compile(r"[A-Za-z0-9_.-]+|[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Listed:
    """A page that the engine knows; `text` is what it is found by."""

    link: str
    title: str
    text: str = ""


@dataclass(frozen=True)
class Say:
    """What the server does. `raw` replaces the body, `hang` never answers, `drop` closes the
    connection."""

    data: Any = None
    status: int = 200
    raw: bytes | None = None
    hang: bool = False
    drop: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[Mapping[str, Any]], Say]


def organic(listed: Sequence[Listed]) -> Say:
    """A good answer with these results."""
    results = [
        {"title": page.title, "link": page.link, "snippet": page.text[:80], "position": place}
        for place, page in enumerate(listed, 1)
    ]
    return Say({"searchParameters": {"type": "search"}, "organic": results, "credits": 1})


def finding(listed: Sequence[Listed]) -> Script:
    """An engine that knows some pages and finds them by the words of the query."""

    def script(body: Mapping[str, Any]) -> Say:
        terms = set(_TERM.findall(body["q"].lower()))
        scored = [(len(terms & set(_TERM.findall(page.text.lower()))), page) for page in listed]
        scored.sort(key=lambda pair: -pair[0])
        return organic([page for score, page in scored if score][: body.get("num", 10)])

    return script


@dataclass
class SerperApi:
    """A running server; `script` may be changed at any time. `calls` are the bodies that came."""

    url: str
    script: Script
    key: str = "serper-key"
    calls: list[dict[str, Any]] = field(default_factory=list)

    def queries(self) -> list[str]:
        """What was asked, in its order."""
        return [call["q"] for call in self.calls]

    async def search(self, request: web.Request) -> web.StreamResponse:
        """POST /search."""
        if request.headers.get("X-API-KEY") != self.key:
            return web.json_response(UNAUTHORIZED, status=403)
        body = await request.json()
        if not body.get("q"):
            missing = {"message": "Missing query parameter", "statusCode": 400}
            return web.json_response(missing, status=400)
        self.calls.append(body)
        say = self.script(body)
        if say.hang:
            await asyncio.Event().wait()
        if say.drop:
            assert request.transport
            request.transport.abort()
        if say.raw is not None:
            return web.Response(body=say.raw, status=say.status, headers=say.headers)
        return web.json_response(say.data, status=say.status, headers=say.headers)


@asynccontextmanager
async def serper_api(script: Script | None = None) -> AsyncIterator[SerperApi]:
    """Serves until the context ends."""
    api = SerperApi("", script or finding(()))
    application = web.Application()
    application.add_routes([web.post("/search", api.search)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}/search"
    try:
        yield api
    finally:
        await runner.cleanup()
