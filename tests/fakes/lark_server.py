"""A Lark on loopback: the long connection with its frames, and the REST API.

What bots ask is on record in `calls`; faults are ordered by setting an attribute, or by `order`.
"""

import asyncio
import json
import random
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.fakes import lark_frames as frames
from tests.fakes.lark_chats import Json, receive_event
from tests.fakes.lark_rest import ROUTES, Asked, Refused, Rest

APP_ID, SECRET, BOT = "cli_dou", "dou-secret", "ou_dou"


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a bot; `code` is what it was answered."""

    name: str
    app_id: str
    body: Json
    query: Json
    at: float
    code: int | None


@dataclass
class App:
    """A bot on the platform. `forbidden` are names of calls that it has no permission for."""

    secret: str = SECRET
    open_id: str = BOT
    active: int = 2
    tokens: dict[str, float] = field(default_factory=dict)
    sockets: dict[web.WebSocketResponse, asyncio.Transport] = field(default_factory=dict)
    scopes: dict[str, int] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)


class FakeLark:
    """Open it with `async with`; `url` is what the setting `domain` has to be."""

    def __init__(self, now: Callable[[], float] = time.time, seed: int = 1) -> None:
        self._now = now
        self._random = random.Random(seed)
        self.url = ""
        self.apps = {APP_ID: App()}
        self.rest = Rest(now)
        self.chats = self.rest.chats
        self.calls: list[Call] = []
        self.unacked: dict[str, tuple[str, bytes]] = {}
        """Events that were pushed and not acknowledged."""
        self.pings = self.connections = 0
        # Faults:
        self.rest_failures = 0.0
        """The share of REST requests that fail, half of them after they were obeyed."""
        self.half_open = False
        """Connections stay open, and nothing comes over them any more."""
        self.stream_refusal: Json | None = None
        self.token_life_s = 7200
        self.ping_interval_s = 120
        self.ack_s = 60.0
        self.hold: dict[str, asyncio.Event] = {}
        """Calls of these names are obeyed once the event is set."""
        self.held: set[str] = set()
        """Names of calls that wait for it, or have waited."""
        self._ordered: dict[str, deque[Refused]] = defaultdict(deque)
        self._acks: dict[str, asyncio.Future[Json]] = {}

    def order(self, name: str, *refusals: Refused) -> None:
        """The next calls of this name are refused like this, one after the other."""
        self._ordered[name].extend(refusals)

    def asked(self, name: str) -> list[Call]:
        """The calls of this name so far."""
        return [call for call in self.calls if call.name == name]

    def revoke_tokens(self) -> None:
        """All tokens are refused from now on."""
        for app in self.apps.values():
            app.tokens.clear()

    def payload(self, kind: str, event: Any, app_id: str = APP_ID, token: str = "") -> Json:
        """An event with its header."""
        header = {
            "event_id": self.chats.new_id("ev"),
            "event_type": kind,
            "create_time": self.chats.stamp(),
            "token": token,
            "app_id": app_id,
            "tenant_key": "t",
        }
        return {"schema": "2.0", "header": header, "event": event}

    async def push(self, kind: str, event: Any, app_id: str = APP_ID, parts: int = 1) -> Json:
        """Pushes an event and returns its acknowledgement; {} when none comes in time."""
        payload = json.dumps(self.payload(kind, event, app_id)).encode()
        return await self.push_bytes(payload, app_id, parts)

    async def push_message(self, item: Json, app_id: str = APP_ID) -> Json:
        """Tells a bot of a message."""
        event = receive_event(item, private=item["chat_id"] in self.chats.private)
        return await self.push("im.message.receive_v1", event, app_id)

    async def push_bytes(self, payload: bytes, app_id: str = APP_ID, parts: int = 1) -> Json:
        """Pushes anything as an event; what is not acknowledged is kept for `redeliver`."""
        push_id = self.chats.new_id("push")
        self.unacked[push_id] = (app_id, payload)
        sockets = [socket for socket in self.apps[app_id].sockets if not socket.closed]
        if self.half_open or not sockets:
            return {}
        acked = self._acks[push_id] = asyncio.get_running_loop().create_future()
        size = -(-len(payload) // parts)
        try:
            async with asyncio.timeout(self.ack_s):
                socket = self._random.choice(sockets)
                for seq in range(parts):
                    headers = {"type": "event", "message_id": push_id, "trace_id": "trace"}
                    headers |= {"sum": str(parts), "seq": str(seq)}
                    part = payload[seq * size : (seq + 1) * size]
                    await socket.send_bytes(frames.encode(frames.DATA, headers, part))
                answer: Json = await acked
        except (TimeoutError, ConnectionError):
            return {}
        finally:
            del self._acks[push_id]
        if answer.get("code") == 200:
            self.unacked.pop(push_id, None)
        return answer

    async def redeliver(self) -> None:
        """Pushes again what was not acknowledged."""
        for push_id, (app_id, payload) in list(self.unacked.items()):
            if self.unacked.pop(push_id, None):  # it may have been acknowledged meanwhile
                await self.push_bytes(payload, app_id)

    async def send_frame(self, frame: bytes, app_id: str = APP_ID) -> None:
        """Sends anything as a frame."""
        await list(self.apps[app_id].sockets)[-1].send_bytes(frame)

    def drop_all(self) -> None:
        """All long connections are cut, without a goodbye."""
        for app in self.apps.values():
            for transport in app.sockets.values():
                transport.abort()

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=1 << 20)
        api = "/open-apis"
        application.add_routes(
            [
                web.post("/callback/ws/endpoint", self._discover),
                web.get("/ws", self._stream),
                web.post(f"{api}/auth/v3/tenant_access_token/internal", self._give_token),
            ]
        )
        for name, (method, path) in ROUTES.items():
            application.router.add_route(method, f"{api}/{path}", self._handler(name))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop_all()
        await self._runner.cleanup()

    async def _discover(self, request: web.Request) -> web.Response:
        asked = await request.json()
        app_id = asked["AppID"]
        self._note("discover", app_id, {}, {}, 0)
        if self.stream_refusal is not None:
            return web.json_response(self.stream_refusal)
        if app_id not in self.apps or self.apps[app_id].secret != asked["AppSecret"]:
            return web.json_response({"code": 514, "msg": "auth failed"})
        address = f"{self.url.replace('http', 'ws')}/ws?device_id=dev&service_id=33&ticket={app_id}"
        data = {"URL": address, "ClientConfig": self._stream_config()}
        return web.json_response({"code": 0, "msg": "", "data": data})

    def _stream_config(self) -> Json:
        return {
            "ReconnectCount": -1,
            "ReconnectInterval": 120,
            "ReconnectNonce": 30,
            "PingInterval": self.ping_interval_s,
        }

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        app = self.apps[request.query["ticket"]]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        app.sockets[socket] = request.transport
        self.connections += 1
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY and not self.half_open:
                    await self._frame(socket, message.data)
        finally:
            del app.sockets[socket]
        return socket

    async def _frame(self, socket: web.WebSocketResponse, frame: bytes) -> None:
        method, headers, payload = frames.decode(frame)
        if method == frames.CONTROL:
            self.pings += 1
            config = json.dumps(self._stream_config()).encode()
            await socket.send_bytes(frames.encode(frames.CONTROL, {"type": "pong"}, config))
            return
        acked = self._acks.get(headers["message_id"])
        if acked is not None and not acked.done():
            acked.set_result(json.loads(payload))

    async def _give_token(self, request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        app = self.apps.get(asked["app_id"])
        if app is None or app.secret != asked["app_secret"]:
            self._note("token", asked["app_id"], {}, {}, 10014)
            return web.json_response({"code": 10014, "msg": "app secret invalid"})
        self._note("token", asked["app_id"], {}, {}, 0)
        token = self.chats.new_id("t")
        app.tokens[token] = self._now() + self.token_life_s
        answer = {"code": 0, "tenant_access_token": token, "expire": self.token_life_s}
        return web.json_response(answer)

    def _handler(self, name: str) -> Any:
        async def handle(request: web.Request) -> web.Response:
            body = json.loads(await request.read() or b"{}")
            if name in self.hold:
                self.held.add(name)
                await self.hold[name].wait()
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            app_id = next((one for one, app in self.apps.items() if token in app.tokens), "")
            try:
                answer = self._obey(name, app_id, token, request, body)
            except Refused as refusal:
                self._note(name, app_id, body, dict(request.query), refusal.code)
                known = {} if refusal.code is None else {"code": refusal.code, "msg": refusal.msg}
                headers = {"X-Tt-Logid": "log-1", **refusal.headers}
                return web.json_response(known, status=refusal.status, headers=headers)
            self._note(name, app_id, body, dict(request.query), 0)
            if isinstance(answer.get("data"), bytes):
                return web.Response(body=answer["data"], content_type="image/png")
            date = formatdate(self._now(), usegmt=True)
            return web.json_response(
                {"code": 0, "msg": "success", **answer}, headers={"Date": date}
            )

        return handle

    def _obey(self, name: str, app_id: str, token: str, request: web.Request, body: Json) -> Json:
        if not app_id or self.apps[app_id].tokens[token] <= self._now():
            raise Refused(99991663)
        app = self.apps[app_id]
        if self._ordered[name]:
            raise self._ordered[name].popleft()
        if name in app.forbidden:
            raise Refused(99991672, msg="Access denied. One of these scopes is required: [im:x]")
        failing = self._random.random()
        if failing < self.rest_failures / 2:
            raise Refused(None, 502)
        match name:
            case "bot_info":
                bot = {"activate_status": app.active, "app_name": "豆哥", "open_id": app.open_id}
                return {"bot": bot}
            case "scopes":
                scopes = [{"scope_name": s, "grant_status": g} for s, g in app.scopes.items()]
                return {"data": {"scopes": scopes}}
            case _:
                asked = Asked(app_id, dict(request.match_info), body, dict(request.query))
                data = getattr(self.rest, name)(asked)
        if failing < self.rest_failures:
            raise Refused(None, 502)
        return {"data": data}

    def _note(self, name: str, app_id: str, body: Json, query: Json, code: int | None) -> None:
        self.calls.append(Call(name, app_id, body, query, self._now(), code))
