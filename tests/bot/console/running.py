"""The whole bot with its console on loopback, in this process: real store, index, web adapter and
HTTP; only the time that it waits for people is short."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from adapters.http_guard import unauthorized
from bot.answering.pipeline import Pipeline
from bot.config.config_file import ConfigFile
from bot.config.schema import BotSettings, Config, FloodSettings
from bot.console.access import Role, User
from bot.console.login import Logins
from bot.console.parts import ConsoleParts
from bot.console.routes import console_routes
from bot.daemon.app import Parts
from bot.daemon.assemble import build
from bot.daemon.compose import (
    create_adapters,
    create_console,
    create_dispatcher,
    create_handler,
)
from bot.daemon.server import create_application
from bot.store.store import open_store
from common.clock import SystemClock
from knowledge.base import KnowledgeBase

ASK = "which port does the kettle server listen on?"
CHAT = "what's for lunch today?"


@dataclass
class Running:
    """A bot, where it is served, and a client of an admin's."""

    parts: Parts
    url: str
    http: aiohttp.ClientSession
    application: web.Application

    def routes(self) -> list[web.AbstractRoute]:
        """Everything that is served."""
        return list(self.application.router.routes())

    async def get(self, path: str, role: str = "admin", /, **query: Any) -> Any:
        """The JSON below /api/console/, which must be there."""
        return await self.ask("GET", path, role, params=query)

    async def ask(
        self,
        method: str,
        path: str,
        role: str = "admin",
        *,
        status: int = 200,
        **options: Any,
    ) -> Any:
        """The JSON that answers a request to /api/console/ as somebody with a role."""
        headers = {"Authorization": f"Bearer {role}"}
        url = f"{self.url}api/console/{path}"
        async with self.http.request(method, url, headers=headers, **options) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def say(
        self, user: str, text: str, group: str = "lobby", **more: Any
    ) -> Mapping[str, Any]:
        """Posts a message in a group of the page, and waits until it is decided."""
        body = {"group": group, "user": user, "text": text, "mention": False, **more}
        async with self.http.post(f"{self.url}api/messages", json=body) as response:
            assert response.status == 202, await response.text()
            message_id = (await response.json())["message_id"]
        async with asyncio.timeout(60):
            while True:
                found = await self.parts.store.decision("web", message_id)
                settled = found and found["state"] != "pending"
                if found and settled and not (found["reply_id"] and self.parts.tasks.active):
                    return found
                await asyncio.sleep(0.01)


async def identify(request: web.Request) -> User:
    """Who sends a role as the token has it; a request without one is the admin's."""
    given = request.headers.get("Authorization", "Bearer admin").removeprefix("Bearer ")
    if given not in tuple(Role):
        raise unauthorized("there is no such role")
    return User(given, Role(given))


@asynccontextmanager
async def running_bot(
    folder: Path,
    knowledge: KnowledgeBase,
    config: Config | None = None,
    *,
    logins: bool = False,
    command: tuple[str, ...] = (),
    file: ConfigFile | None = None,
    wall: Callable[[], float] = time.time,
) -> AsyncIterator[Running]:
    """The bot at work, with an index that is there already; with its own logins, or by `identify`,
    whose requests need none; `command` starts `run_bot.py` for a replay, `wall` is the time."""
    config = (config or Config()).model_copy(
        update={
            "bot": BotSettings(data_dir=folder, quiet_s=0.02, max_wait_s=0.05, mention_wait_s=0.01),
            "flood": FloodSettings(wait_for_humans_s=0.0, person_cooldown_s=0.0, burst=100),
        }
    )
    clock = SystemClock(wall)
    async with open_store(folder / "bot.sqlite", durable=False) as store:
        parts = await build(config, clock, store, create_adapters(config, store, clock))
        console = create_console(parts, file, command)
        runner = await _listening(parts, console, logins=logins)
        try:
            async with parts.tasks, aiohttp.ClientSession() as http:
                pipeline = Pipeline(knowledge, config.answer, None)
                handler = create_handler(parts, pipeline)
                parts.commands.open(knowledge)
                console.open(knowledge, pipeline)
                dispatcher = create_dispatcher(parts, handler)
                receiving = [
                    asyncio.create_task(adapter.run(parts.inbox.receive))
                    for adapter in parts.adapters.values()
                ]
                await parts.inbox.open(dispatcher)
                host, port = runner.addresses[0][:2]
                yield Running(parts, f"http://{host}:{port}/", http, runner.app)
                for task in receiving:
                    task.cancel()
                dispatcher.stop()
                await parts.tasks.drain(0.5)
        finally:
            await runner.cleanup()


async def _listening(parts: Parts, console: ConsoleParts, *, logins: bool) -> web.AppRunner:
    application = create_application(
        parts.adapters.values(),
        parts.metrics,
        parts.health.report,
        parts.access.identify if logins else identify,
        [*Logins(parts.access, parts.audit).routes(), *console_routes(console)],
    )
    parts.health.loading = None
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner
