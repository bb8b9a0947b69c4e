"""The web adapter on a real server on loopback, with the bot in memory behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from pydantic import SecretStr

from adapters.http_guard import json_response, security_middlewares
from adapters.web.adapter import Settings, WebAdapter, create
from bot.config.schema import HttpSettings
from bot.console.access import Access
from tests.fakes.context import context
from tests.fakes.memory_bot import MemoryBot


@dataclass(frozen=True)
class Served:
    """What a test talks to."""

    url: str
    bot: MemoryBot
    adapter: WebAdapter


@asynccontextmanager
async def serving(token: str = "", bot_name: str = "豆哥", port: int = 0) -> AsyncIterator[Served]:
    """Serves the page on 127.0.0.1; a free port unless one is given."""
    bot = MemoryBot()
    adapter = create(Settings(kind="web"), context(bot, bot_name=bot_name, http_token=token))
    identify = Access(HttpSettings(token=SecretStr(token))).identify
    app = web.Application(middlewares=security_middlewares(identify, loopback_only=not token))

    async def healthz(_: web.Request) -> web.Response:
        return json_response({"status": "ok", "loading": bot.loading})

    app.add_routes([*adapter.routes(), web.get("/healthz", healthz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        async with bot.at_work(adapter):
            host, real_port = runner.addresses[0][:2]
            yield Served(f"http://{host}:{real_port}", bot, adapter)
    finally:
        await runner.cleanup()
