"""Nothing that a platform or a client sends ends a connection: what comes next is taken."""

import asyncio
import json
import logging
import random
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.console.routes import console_routes
from bot.daemon.compose import create_console
from knowledge.base import KnowledgeBase
from tests.adapters.dingtalk.running import running as dingtalk_bot
from tests.adapters.lark.stand import CHAT, Listener, adapter
from tests.adapters.lark.stand import running as lark_bot
from tests.adapters.wecom.running import running as wecom_bot
from tests.bot.console.running import running_bot
from tests.fakes import lark_frames
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_server import dingtalk
from tests.fakes.lark_server import BOT, FakeLark
from tests.fakes.web_app import serving
from tests.fuzz import samples
from tests.fuzz.inputs import as_json, damaged, mutated

FRAMES = 300


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def chance() -> random.Random:
    return random.Random(17)


async def test_wecom_goes_on_behind_any_frame() -> None:
    dice = chance()
    async with wecom_bot() as live:
        for _ in range(FRAMES):
            await live.server.tell_raw(as_json(samples.WECOM, dice).decode("utf-8", "replace"))
        assert (await live.ask("which port?")).text == "which port?"
        assert live.adapter.link().reconnects == 0


async def test_dingtalk_goes_on_behind_any_frame() -> None:
    dice, clock = chance(), FakeClock()
    async with dingtalk(clock.now) as server, dingtalk_bot(server, clock) as bot:
        head = {"headers": {"topic": "/v1.0/im/bot/messages/get", "messageId": "f1"}}
        for _ in range(FRAMES):
            data = as_json(samples.DINGTALK, dice).decode("utf-8", "replace")
            frame = mutated({"specVersion": "1.0", "type": "CALLBACK", "data": data}, dice)
            # Acknowledged by the id in its head, or not at all.
            await server.raw(json.dumps(frame | head if isinstance(frame, dict) else frame))
        good = await server.push(server.message("which port?", msgId="good"))
        await server.until(lambda: good in server.acks)
        assert bot.adapter.link().reconnects == 0


async def test_lark_goes_on_behind_any_frame() -> None:
    dice, bot = chance(), Listener()
    async with FakeLark() as lark, lark_bot(one := adapter(lark, bot), bot.publish):
        for number in range(FRAMES):
            payload = as_json(samples.LARK, dice)
            headers = {"type": "event", "message_id": f"f{number}", "sum": "1", "seq": "0"}
            frame = lark_frames.encode(lark_frames.DATA, headers, payload)
            await lark.send_frame(damaged(frame, dice) if number % 2 else frame)
        item = lark.chats.say(CHAT, "{0} which port?", mentions=(BOT,))
        assert await lark.push_message(item) == {"code": 200}
        assert one.link().reconnects == 0


async def test_the_server_goes_on_behind_any_request() -> None:
    dice = chance()
    request = (
        b"POST /api/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 39\r\n\r\n"
    )
    async with serving() as served, aiohttp.ClientSession(served.url) as client:
        host, port = served.url.removeprefix("http://").split(":")
        headers = {"Content-Type": "application/json"}
        for number in range(FRAMES):
            body = as_json(samples.POSTED, dice)
            path = dice.choice(("/api/messages", "/api/feedback", "/api/labels"))
            async with client.post(path, data=body, headers=headers) as answer:
                assert answer.status in (200, 202, 400, 404, 409, 413), await answer.text()
            if number % 5 == 0:
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(damaged(request, dice) + body)
                writer.write_eof()
                async with asyncio.timeout(60):
                    first = await reader.readline()
                assert first == b"" or 200 <= int(first.split()[1]) < 500, first
                writer.close()
        async with client.get("/healthz") as answer:
            assert answer.status == 200


SLOW = ("reload", "refit", "undo", "check")
"""Ends of addresses whose work takes seconds: their bodies are empty anyway."""

VALUES = ("1", "-1", "0", "1e9", "a", "", "web", "lobby", "g", "x" * 300, "\u202e", "null", "%00")
KEYS = ("limit", "cursor", "before", "after", "group", "adapter", "search", "sort", "order", "q")
BODIES = [
    *samples.POSTED,
    {"mode": "shadow", "sources": ["kettle"], "budget": {"burst": 3, "refill_s": 600}},
    {"name": "ann", "password": "secret", "text": "# Ports\n", "path": "a.md", "question": "how?"},
    {"adapter": "web", "message_ids": ["m1"], "label": 1, "target": 0.9, "labels": []},
]


async def test_every_route_answers_whatever_is_asked(tmp_path: Path, kettle: KnowledgeBase) -> None:
    """No request is a failure of ours: no status from 500 on but 503."""
    dice = chance()
    async with running_bot(tmp_path, kettle) as bot:
        defined = [*console_routes(create_console(bot.parts)), *bot.parts.adapters["web"].routes()]
        routes = [
            (route.method, route.path)
            for route in defined
            if isinstance(route, web.RouteDef) and not route.path.endswith(SLOW)
        ]
        assert len(routes) > 25
        for number in range(3 * FRAMES):
            method, path = routes[number % len(routes)]
            if path.endswith("/stream"):
                continue
            place = re.sub(r"\{[^}]+\}", lambda _: quote(dice.choice(VALUES) or "x", safe=""), path)
            asked = {dice.choice(KEYS): dice.choice(VALUES) for _ in range(dice.randrange(4))}
            body = as_json(BODIES, dice) if method in ("POST", "PUT", "PATCH", "DELETE") else None
            address = URL(f"{bot.url.rstrip('/')}{place}", encoded=True).with_query(asked)
            async with bot.http.request(
                method, address, data=body, headers={"Content-Type": "application/json"}
            ) as answer:
                said = await answer.read()
                assert answer.status < 500 or answer.status == 503, (method, address, body, said)
