"""A Sourcegraph server on loopback: the stream and GraphQL APIs over a few files, and its ways to
fail."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.loop_time import leap, turns

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_QUERY = re.compile(r'"((?:[^"\\]|\\.)*)" repo:\^(\S+)\$(?: rev:(\S+))? (.+)')


@dataclass(frozen=True)
class Say:
    """What the server does instead of answering: a status with headers and a body, `raw` sent as
    the stream, `hang` after so many events, `cut` the connection after so many. When it hangs, and
    what it sent has come, `takes_s` pass in the event loop."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    raw: bytes | None = None
    hang: bool = False
    takes_s: float = 0.0
    cut: int | None = None


@dataclass
class SourcegraphApi:
    """A running server. `repos` are its files by repository and path; `script` is obeyed once per
    request, first in, first out; with `token` nothing else is let in."""

    url: str
    repos: dict[str, dict[str, str]] = field(default_factory=dict)
    script: list[Say] = field(default_factory=list)
    token: str = ""
    has_stream: bool = True
    has_graphql: bool = True
    revisions: tuple[str, ...] = ()
    queries: list[str] = field(default_factory=list)
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET /.api/search/stream."""
        if refused := self._refused(request, exists=self.has_stream):
            return refused
        self.requests.append(("stream", dict(request.query)))
        self.queries.append(request.query["q"])
        say = self.script.pop(0) if self.script else Say()
        if say.status != 200:
            return web.Response(status=say.status, headers=say.headers, text=say.body)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        events = self._events(request.query["q"], int(request.query["cl"]))
        for number, event in enumerate([say.raw] if say.raw is not None else events):
            if say.cut is not None and number >= say.cut:
                assert request.transport
                request.transport.abort()
                return response
            await response.write(event)
        if say.hang:
            await turns()
            leap(say.takes_s)
            await asyncio.Event().wait()
        return response

    async def graphql(self, request: web.Request) -> web.StreamResponse:
        """POST /.api/graphql."""
        if refused := self._refused(request, exists=self.has_graphql):
            return refused
        body = await request.json()
        self.requests.append(("graphql", body["variables"]))
        say = self.script.pop(0) if self.script else Say()
        if say.status != 200 or say.body:
            return web.Response(
                status=say.status, headers=say.headers, text=say.body,
                content_type="application/json",
            )  # fmt: skip
        if "q" in body["variables"]:
            self.queries.append(body["variables"]["q"])
            return web.json_response(self._found(body["variables"]["q"]))
        return web.json_response(self._contents(body["variables"]))

    def _refused(self, request: web.Request, *, exists: bool) -> web.Response | None:
        if not exists:
            return web.Response(status=404, text="404 page not found")
        if self.token and request.headers.get("Authorization") != f"token {self.token}":
            return web.Response(status=401, text="Invalid access token.")
        return None

    def _events(self, query: str, context: int) -> list[bytes]:
        asked = _QUERY.fullmatch(query)
        assert asked, query
        repository = asked[2].replace("\\.", ".")
        if repository not in self.repos or (asked[3] and asked[3] not in self.revisions):
            alert = {"title": "No repositories found", "description": "", "kind": "none"}
            return [_event("alert", alert), _event("progress", {"done": True}), _event("done", {})]
        matches = [
            _match(repository, path, text, asked[1], context)
            for path, text in self.repos[repository].items()
            if asked[1].lower() in text.lower()
        ]
        progress = {"done": True, "matchCount": len(matches), "durationMs": 3, "skipped": []}
        sent = [_event("matches", matches)] if matches else []
        return [*sent, _event("filters", []), _event("progress", progress), _event("done", {})]

    def _found(self, query: str) -> dict[str, Any]:
        asked = _QUERY.fullmatch(query)
        assert asked, query
        repository = asked[2].replace("\\.", ".")
        alert = None if repository in self.repos else {"title": "No repositories found"}
        results = [
            {
                "__typename": "FileMatch",
                "repository": {"name": repository},
                "file": {"path": path},
                "lineMatches": [
                    {"lineNumber": number, "preview": line}
                    for number, line in enumerate(text.split("\n"))
                    if asked[1].lower() in line.lower()
                ],
            }
            for path, text in self.repos.get(repository, {}).items()
            if asked[1].lower() in text.lower()
        ]
        found = {"matchCount": len(results), "alert": alert, "results": results}
        return {"data": {"search": {"results": found}}}

    def _contents(self, variables: Mapping[str, str]) -> dict[str, Any]:
        files = self.repos.get(variables["r"], {})
        blobs = {
            f"f{key[1:]}": {"content": files[path], "byteSize": len(files[path]), "binary": False}
            for key, path in variables.items()
            if key.startswith("p") and path in files
        }
        return {"data": {"repository": {"commit": {"oid": COMMIT, **blobs}}}}


def _match(repository: str, path: str, text: str, phrase: str, context: int) -> dict[str, Any]:
    lines = text.split("\n")
    at = next(n for n, line in enumerate(lines) if phrase.lower() in line.lower())
    first = max(0, at - context)
    column = lines[at].lower().index(phrase.lower())
    return {
        "type": "content", "path": path, "repository": repository, "branches": [""],
        "commit": COMMIT, "language": "Python",
        "chunkMatches": [{
            "content": "\n".join(lines[first : at + context + 1]),
            "contentStart": {"offset": 0, "line": first, "column": 0},
            "ranges": [{
                "start": {"offset": 0, "line": at, "column": column},
                "end": {"offset": 0, "line": at, "column": column + len(phrase)},
            }],
        }],
    }  # fmt: skip


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


@asynccontextmanager
async def sourcegraph_api() -> AsyncIterator[SourcegraphApi]:
    """Serves until the context ends."""
    api = SourcegraphApi("")
    app = web.Application()
    app.router.add_get("/.api/search/stream", api.stream)
    app.router.add_post("/.api/graphql", api.graphql)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()
