"""DingTalk on loopback: registration, the stream with its frames and acks, and the API.

Connections can be dropped, left half-open or asked to move; what is pushed while none is open is
lost, as it is there.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.dingtalk_api import DingTalkApi, as_json, refusal

MESSAGES = "/v1.0/im/bot/messages/get"
ACTIONS = "/v1.0/card/instances/callback"


@dataclass(eq=False)
class Line:
    """An open connection."""

    app: str
    topics: set[str]
    socket: web.WebSocketResponse
    request: web.Request
    deaf: bool = False
    leaving: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class DingTalkServer(DingTalkApi):
    """The whole platform; `lost` counts what nobody was connected for."""

    def __init__(self, now: Callable[[], float] = time.time, seed: int = 1) -> None:
        super().__init__(now, seed)
        self.lines: list[Line] = []
        self.acks: dict[str, dict[str, Any]] = {}
        self.lost = self.most_lines = 0
        self._tickets: dict[str, tuple[str, set[str]]] = {}

    async def push(self, payload: Any, *, topic: str = MESSAGES, app: str = "app") -> str:
        """Sends an event to one of the app's connections; returns the frame's id, or "" where it
        is lost as nobody is connected."""
        able = [x for x in self.lines if x.app == app and topic in x.topics and not x.leaving]
        if not able:
            self.lost += 1
            return ""
        line, number = self.random.choice(able), self.number("frame")
        if line.deaf:
            self.lost += 1
        else:
            await line.socket.send_str(json.dumps(_frame("CALLBACK", topic, number, payload)))
        return number

    async def system(self, topic: str, data: Any = None) -> str:
        """A frame of the platform's own on every connection: ping, or disconnect, after which it
        delivers nothing over them."""
        number = self.number("frame")
        for line in list(self.lines):
            await line.socket.send_str(json.dumps(_frame("SYSTEM", topic, number, data or {})))
            line.leaving = line.leaving or topic == "disconnect"
        return number

    async def raw(self, text: str) -> None:
        """A frame as it is."""
        for line in list(self.lines):
            await line.socket.send_str(text)

    async def close(self) -> None:
        """Closes every connection as one should."""
        for line in list(self.lines):
            line.gone.set()
            await line.socket.close()

    def drop(self) -> None:
        """Breaks every connection."""
        for line in list(self.lines):
            if line.request.transport:
                line.request.transport.abort()

    def half_open(self) -> None:
        """Leaves every connection open, and hears and says nothing there any more."""
        for line in self.lines:
            line.deaf = True
        self.tell()

    async def open(self, request: web.Request) -> web.Response:
        body = await self.note(request, "gateway/connections/open")
        if scripted := self.scripted("gateway/connections/open"):
            return as_json(scripted.body, scripted.status)
        if self.apps.get(body["clientId"]) != body["clientSecret"]:
            return refusal("authFailed", 401)
        ticket = self.number("ticket")
        self._tickets[ticket] = (body["clientId"], {x["topic"] for x in body["subscriptions"]})
        endpoint = self.url.replace("http", "ws") + "/connect"
        return as_json({"endpoint": endpoint, "ticket": ticket})

    async def connect(self, request: web.Request) -> web.StreamResponse:
        ticket = self._tickets.pop(request.query.get("ticket", ""), None)
        if ticket is None:
            return web.Response(status=401)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        line = Line(*ticket, socket, request)
        self.lines.append(line)
        self.most_lines = max(self.most_lines, len(self.lines))
        self.tell()
        try:
            await self._serve(line)
        finally:
            self.lines.remove(line)
            self.tell()
        return socket

    async def _serve(self, line: Line) -> None:
        async for said in line.socket:
            if line.deaf:
                await line.gone.wait()
            if said.type is WSMsgType.PING:
                await line.socket.pong(said.data)
            elif said.type is WSMsgType.TEXT:
                ack = said.json()
                self.acks[ack["headers"]["messageId"]] = ack
                self.tell()


@asynccontextmanager
async def dingtalk(
    now: Callable[[], float] = time.time, seed: int = 1
) -> AsyncIterator[DingTalkServer]:
    """Serves until the context ends."""
    server = DingTalkServer(now, seed)
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1.0/gateway/connections/open", server.open),
            web.get("/connect", server.connect),
            web.post("/robot/sendBySession", server.session),
            web.get("/files/{code}", server.file),
            web.route("*", "/v1.0/{name:.*}", server.call),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.drop()
        await runner.cleanup()


def _frame(kind: str, topic: str, number: str, data: Any) -> dict[str, Any]:
    headers = {
        "appId": "1305",
        "connectionId": "c",
        "contentType": "application/json",
        "messageId": number,
        "time": "1690362102194",
        "topic": topic,
    }
    return {"specVersion": "1.0", "type": kind, "headers": headers, "data": json.dumps(data)}
