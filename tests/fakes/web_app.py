"""The web adapter on the bot's own server on loopback, with the bot in memory behind it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.web.adapter import Settings, WebAdapter, create
from bot.config.http import HttpSettings
from bot.console.access import Access
from bot.console.audit import Audit
from bot.console.login import Logins
from bot.console.sessions import Sessions
from bot.console.users import InFolder, open_users
from bot.daemon.server import create_application, listening
from bot.metrics import create_metrics
from bot.store.store import open_store
from common.clock import Clock, SystemClock
from tests.fakes.context import context
from tests.fakes.memory_bot import MemoryBot


@dataclass(frozen=True)
class Served:
    """What a test talks to."""

    url: str
    bot: MemoryBot
    adapter: WebAdapter
    audit: Audit
    folder: Path


@asynccontextmanager
async def serving(
    token: str = "",
    bot_name: str = "豆哥",
    port: int = 0,
    *,
    http: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Served]:
    """Serves the page on 127.0.0.1; a free port unless one is given. `http` are more settings of
    that section."""
    bot, clock = MemoryBot(), clock or SystemClock()
    adapter = create(Settings(kind="web"), context(bot, clock, bot_name=bot_name))
    settings = HttpSettings.model_validate(
        {"token": token, "port": port, **(http or {})}, strict=False
    )

    def readiness() -> dict[str, Any]:
        return {"loading": bot.loading, "problems": []}

    with TemporaryDirectory() as name:
        folder = Path(name)
        async with open_store(folder / "bot.sqlite", durable=False) as store:
            users, audit = await open_users(settings, InFolder(folder), clock), Audit(store, clock)
            access = Access(settings, users, Sessions(store, users, clock), audit, clock)
            application = create_application(
                [adapter],
                create_metrics(),
                readiness,
                access.identify,
                Logins(access, audit).routes(),
            )
            async with listening(settings, application) as url, bot.at_work(adapter):
                yield Served(url.rstrip("/"), bot, adapter, audit, folder)
