"""WeCom's side of the long connection on loopback: it obeys, and fails, as a script says."""

import asyncio
import json
import random
from base64 import b64encode
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad

from common.clock import Clock, SystemClock

BOT, SECRET, NAME = "AIB1", "s3cret-of-the-bot", "豆哥"
MINUTE, HOUR = (30, 60.0), (1000, 3600.0)
MAX_BYTES = 20480


@dataclass(frozen=True)
class Seen:
    """A command that came in."""

    command: str
    req_id: str
    body: dict[str, Any]
    at: float


@dataclass(frozen=True)
class Say:
    """What to do with a command: refuse it with `code`, `ack` it, `drop` the connection then."""

    code: int | None = None
    ack: bool = True
    drop: bool = False


@dataclass
class Bubble:
    """A stream as it stands in a chat."""

    chat: str
    began: float
    feedback: str = ""
    text: str = ""
    finished: bool = False
    touched: float = 0.0
    frames: int = 0


@dataclass(eq=False)
class _Connection:
    socket: web.WebSocketResponse
    request: web.Request
    bot: str = ""
    deaf: bool = False


@dataclass
class WecomServer:
    """A running server. `script` sees every command first; `share` of the replies and pushes fail
    by `chance`, without being obeyed. `lost` are the messages that no connection took, `told` the
    req_ids of all callbacks."""

    clock: Clock
    url: str = ""
    bots: dict[str, str] = field(default_factory=lambda: {BOT: SECRET})
    script: Callable[[Seen], Say | None] | None = None
    share: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    status: int = 101
    old_ids_hold: bool = True
    seen: list[Seen] = field(default_factory=list)
    bubbles: dict[str, Bubble] = field(default_factory=dict)
    pushes: list[tuple[str, str]] = field(default_factory=list)
    welcomes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    subscribed: int = 0
    kicked: int = 0
    most_in_a_minute: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._connections: list[_Connection] = []
        self._req_ids: dict[str, tuple[str, float]] = {}
        self._chats: set[str] = set()
        self._spent: dict[str, deque[float]] = {}
        self._numbers = count(1)

    @property
    def online(self) -> bool:
        """Has a bot signed in, over a connection that is up?"""
        return any(self._live())

    async def say(self, text: str, *, group: str = "wrk1", **more: Any) -> str:
        """Somebody mentions the bot in a group ("" is a private chat). Returns the message's id."""
        content = f"@{NAME} {text}" if group else text
        body = {**self._body(group), "msgtype": "text", "text": {"content": content}, **more}
        if not self.online:
            self.lost.append(body["msgid"])
        await self.tell("aibot_msg_callback", body)
        return str(body["msgid"])

    async def happen(self, eventtype: str, *, group: str = "", **more: Any) -> None:
        """Something else happens."""
        event = {"eventtype": eventtype, **more}
        body = {**self._body(group), "msgtype": "event", "event": event}
        await self.tell("aibot_event_callback", body)

    async def tell(self, command: str, body: Any, req_id: str = "") -> None:
        """Sends a callback over every live connection; where there is none, it is lost."""
        req_id = req_id or f"R{next(self._numbers)}"
        if isinstance(body, dict) and isinstance(body.get("from"), dict):
            chat = str(body.get("chatid") or body["from"].get("userid", ""))
            self._req_ids[req_id] = (chat, self.clock.now())
            self._chats.add(chat)
        self.told.append(req_id)
        frame = {"cmd": command, "headers": {"req_id": req_id}, "body": body}
        await self.tell_raw(json.dumps(frame))

    async def tell_raw(self, text: str) -> None:
        """Sends any text."""
        for connection in self._live():
            with suppress(ConnectionError):
                await connection.socket.send_str(text)

    def picture(self, data: bytes) -> dict[str, Any]:
        """What a callback says of a picture, which lies encrypted under a key of its own."""
        key = self.chance.randbytes(32)
        name = f"f{next(self._numbers)}"
        self.files[name] = AES.new(key, AES.MODE_CBC, key[:16]).encrypt(pad(data, 32))
        aeskey = b64encode(key).decode().rstrip("=")
        return {"url": f"{self.url.replace('ws', 'http', 1)}/{name}", "aeskey": aeskey}

    def drop(self) -> None:
        """Cuts every connection."""
        for connection in self._connections:
            if connection.request.transport:
                connection.request.transport.abort()

    def go_deaf(self) -> None:
        """Every connection is half-open from now on; new ones are well."""
        for connection in self._connections:
            connection.deaf = True

    def forget(self) -> None:
        """No connection is signed in any more, though all are open."""
        for connection in self._connections:
            connection.bot = ""

    async def close(self, code: int = 1000) -> None:
        """Ends every connection politely."""
        for connection in list(self._connections):
            await connection.socket.close(code=code)

    def in_chat(self, chat: str) -> list[str]:
        """What the bot has said in a chat, as it stands there: bubbles, then pushes."""
        bubbles = [bubble.text for bubble in self.bubbles.values() if bubble.chat == chat]
        return bubbles + [text for where, text in self.pushes if where == chat]

    def commands(self, command: str) -> list[Seen]:
        """The commands of one kind that came in."""
        return [seen for seen in self.seen if seen.command == command]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket."""
        if self.status != 101:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse(compress=False, timeout=0.1)
        await socket.prepare(request)
        connection = _Connection(socket, request)
        self._connections.append(connection)
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT and not connection.deaf:
                    await self._take(connection, json.loads(message.data))
        finally:
            self._connections.remove(connection)
        return socket

    async def download(self, request: web.Request) -> web.Response:
        """A file, as it lies there."""
        data = self.files.get(request.match_info["name"])
        return web.Response(status=403) if data is None else web.Response(body=data)

    def _body(self, group: str) -> dict[str, Any]:
        where = {"chattype": "group", "chatid": group} if group else {"chattype": "single"}
        return {
            "msgid": f"CAIQ{next(self._numbers)}",
            "aibotid": BOT,
            "from": {"userid": "zhangsan"},
            "create_time": int(self.clock.now()),
            **where,
        }

    def _live(self) -> list[_Connection]:
        return [c for c in self._connections if c.bot and not c.deaf and not c.socket.closed]

    async def _take(self, connection: _Connection, frame: dict[str, Any]) -> None:
        req_id = frame["headers"]["req_id"]
        seen = Seen(frame["cmd"], req_id, frame.get("body") or {}, self.clock.now())
        self.seen.append(seen)
        say = (self.script and self.script(seen)) or self._chance(seen)
        code = await self._obey(connection, seen) if say.code is None else say.code
        with suppress(ConnectionError):
            if say.ack:
                answer = {"headers": {"req_id": req_id}, "errcode": code, "errmsg": "ok"}
                await connection.socket.send_str(json.dumps(answer))
        if say.drop and connection.request.transport:
            connection.request.transport.abort()

    def _chance(self, seen: Seen) -> Say:
        said = seen.command in ("aibot_respond_msg", "aibot_send_msg")
        return Say(code=-1) if said and self.chance.random() < self.share else Say()

    async def _obey(self, connection: _Connection, seen: Seen) -> int:
        if seen.command == "aibot_subscribe":
            return await self._subscribe(connection, seen.body)
        if not connection.bot:
            return 846609
        match seen.command:
            case "ping":
                return 0
            case "aibot_respond_msg":
                return self._respond(seen)
            case "aibot_respond_welcome_msg":
                self.welcomes.append(seen.body["text"]["content"])
                return 0 if seen.req_id in self._req_ids else 846605
            case "aibot_send_msg":
                return self._push(seen)
        return 40008

    async def _subscribe(self, connection: _Connection, body: dict[str, Any]) -> int:
        bot = body.get("bot_id", "")
        if self.bots.get(bot) is None or self.bots[bot] != body.get("secret"):
            return 853000
        for other in [c for c in self._connections if c.bot == bot and c is not connection]:
            self.kicked += 1
            told = {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
            headers = {"req_id": f"R{next(self._numbers)}"}
            frame = {"cmd": "aibot_event_callback", "headers": headers, "body": told}
            other.bot = ""
            with suppress(ConnectionError):
                await other.socket.send_str(json.dumps(frame))
                await other.socket.close(code=1000)
        connection.bot = bot
        self.subscribed += 1
        if not self.old_ids_hold:
            self._req_ids = {r: (chat, 0.0) for r, (chat, _) in self._req_ids.items()}
        return 0

    def _respond(self, seen: Seen) -> int:
        chat, at = self._req_ids.get(seen.req_id, ("", 0.0))
        if not chat or seen.at - at > 86400:
            return 846605
        stream = seen.body["stream"]
        bubble = self.bubbles.get(stream["id"])
        if bubble and max(seen.at - bubble.began - 600, seen.at - bubble.touched - 360) > 0:
            return 846608
        if bad := self._spend(chat, stream["content"]):
            return bad
        if bubble is None:
            bubble = self.bubbles[stream["id"]] = Bubble(chat, seen.at)
            bubble.feedback = stream.get("feedback", {}).get("id", "")
        bubble.text, bubble.touched = stream["content"], seen.at
        bubble.finished = bubble.finished or stream["finish"]
        bubble.frames += 1
        return 0

    def _push(self, seen: Seen) -> int:
        chat = seen.body["chatid"]
        if chat not in self._chats:
            return 846607
        if bad := self._spend(chat, seen.body["markdown"]["content"]):
            return bad
        self.pushes.append((chat, seen.body["markdown"]["content"]))
        return 0

    def _spend(self, chat: str, text: str) -> int:
        if len(text.encode()) > MAX_BYTES:
            return 40058
        spent, now = self._spent.setdefault(chat, deque()), self.clock.now()
        while spent and spent[0] <= now - HOUR[1]:
            spent.popleft()
        minute = sum(at > now - MINUTE[1] for at in spent)
        if minute >= MINUTE[0] or len(spent) >= HOUR[0]:
            return 45009
        spent.append(now)
        self.most_in_a_minute[chat] = max(self.most_in_a_minute[chat], minute + 1)
        return 0


@asynccontextmanager
async def wecom_server(clock: Clock | None = None) -> AsyncIterator[WecomServer]:
    """Serves until the context ends."""
    server = WecomServer(clock or SystemClock())
    application = web.Application()
    application.router.add_get("/", server.serve)
    application.router.add_get("/{name}", server.download)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.drop()
        await asyncio.sleep(0)
        await runner.cleanup()
