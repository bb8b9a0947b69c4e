"""The robots of Lark, DingTalk and WeCom on loopback: signatures, limits and codes as they are."""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from adapters.webhook.adapter import dingtalk_sign, lark_sign
from common.clock import Clock, SystemClock

KEY = "0123-secret-key"
SECRETS = {"lark": "lark-secret", "dingtalk": "SECdingtalk", "wecom": ""}


@dataclass(frozen=True)
class Posted:
    """A message that was taken, and the query it came with."""

    platform: str
    body: dict[str, Any]
    query: Mapping[str, str]
    at: float

    @property
    def text(self) -> str:
        """What is shown."""
        match self.platform:
            case "lark":
                return str(self.body["card"]["body"]["elements"][0]["content"])
            case "dingtalk":
                return str(self.body["markdown"]["text"])
            case _:
                return str(self.body["markdown_v2"]["content"])


@dataclass(frozen=True)
class Say:
    """What to answer instead of the truth. `cut` closes the connection without an answer, `hang`
    never answers; either has taken the message all the same."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False


@dataclass
class WebhookServer:
    """A running server. `script` are answers to the next messages; `share` of them get HTTP 503
    by `chance`, untaken."""

    clock: Clock
    url: str = ""
    signed: bool = True
    script: deque[Say] = field(default_factory=deque)
    share: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    posted: list[Posted] = field(default_factory=list)
    requests: int = 0

    def address(self, platform: Literal["lark", "dingtalk", "wecom"]) -> str:
        """The whole address of a platform's robot."""
        match platform:
            case "lark":
                return f"{self.url}/open-apis/bot/v2/hook/{KEY}"
            case "dingtalk":
                return f"{self.url}/robot/send?access_token={KEY}"
            case "wecom":
                return f"{self.url}/cgi-bin/webhook/send?key={KEY}"

    def texts(self) -> list[str]:
        """What was posted, as it is shown."""
        return [posted.text for posted in self.posted]

    async def lark(self, request: web.Request) -> web.StreamResponse:
        """POST /open-apis/bot/v2/hook/{key}."""
        raw = await request.read()
        body = json.loads(raw)
        code = 0
        if request.match_info["key"] != KEY:
            code = 19001
        elif len(raw) > 20480:
            code = 9499
        elif self.signed and not self._lark_signed(body):
            code = 19021
        elif self._over("lark", 100, 60) or self._over("lark", 5, 1):
            code = 11232
        return await self._answer("lark", request, body, {"code": code, "msg": "x", "data": {}})

    async def dingtalk(self, request: web.Request) -> web.StreamResponse:
        """POST /robot/send."""
        raw = await request.read()
        body = json.loads(raw)
        code, words = 0, "ok"
        if request.query.get("access_token") != KEY:
            code, words = 300005, "token is not exist"
        elif len(raw) > 20000:
            code, words = 460101, "message too long, exceed 20000 bytes"
        elif self.signed and not self._dingtalk_signed(request.query):
            code, words = 310000, "description:机器人发送签名不匹配;solution:x"
        elif self._over("dingtalk", 20, 60):
            code, words = 130101, "send too fast, exceed 20 times per minute"
        answer = {"errcode": code, "errmsg": words}
        return await self._answer("dingtalk", request, body, answer)

    async def wecom(self, request: web.Request) -> web.StreamResponse:
        """POST /cgi-bin/webhook/send."""
        body = await request.json()
        code = 0
        if request.query.get("key") != KEY:
            code = 93000
        elif len(body["markdown_v2"]["content"].encode()) > 4096:
            code = 40058
        elif self._over("wecom", 20, 60):
            code = 45009
        answer = {"errcode": code, "errmsg": "x"}
        return await self._answer("wecom", request, body, answer)

    async def _answer(
        self, platform: str, request: web.Request, body: dict[str, Any], true: dict[str, Any]
    ) -> web.StreamResponse:
        self.requests += 1
        say = self.script.popleft() if self.script else None
        if say is None and self.chance.random() < self.share:
            say = Say("out of order", 503)
        if say is None or say.cut or say.hang:
            if not (true.get("code") or true.get("errcode")):
                self.posted.append(Posted(platform, body, request.query, self.clock.now()))
            if say is None:
                return web.json_response(true)
            if say.cut and request.transport:
                request.transport.abort()
            await asyncio.Event().wait()
        assert say
        text = say.body if isinstance(say.body, str) else json.dumps(say.body)
        return web.Response(text=text, status=say.status, headers=say.headers)

    def _over(self, platform: str, limit: int, seconds: float) -> bool:
        since = self.clock.now() - seconds
        return sum(p.platform == platform and p.at > since for p in self.posted) >= limit

    def _lark_signed(self, body: dict[str, Any]) -> bool:
        timestamp = int(body.get("timestamp", 0))
        fresh = abs(self.clock.now() - timestamp) < 3600
        return fresh and body.get("sign") == lark_sign(timestamp, SECRETS["lark"])

    def _dingtalk_signed(self, query: Mapping[str, str]) -> bool:
        timestamp = int(query.get("timestamp", 0))
        fresh = abs(self.clock.now() * 1000 - timestamp) < 3_600_000
        return fresh and query.get("sign") == dingtalk_sign(timestamp, SECRETS["dingtalk"])


@asynccontextmanager
async def webhook_server(clock: Clock | None = None) -> AsyncIterator[WebhookServer]:
    """Serves until the context ends."""
    server = WebhookServer(clock or SystemClock())
    application = web.Application()
    application.add_routes(
        [
            web.post("/open-apis/bot/v2/hook/{key}", server.lark),
            web.post("/robot/send", server.dingtalk),
            web.post("/cgi-bin/webhook/send", server.wecom),
        ]
    )
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
