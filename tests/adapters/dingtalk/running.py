"""A DingTalk adapter at work against the platform on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import ceil
from typing import Any

from adapters.base import AdapterError, IncomingMessage, Reply
from adapters.dingtalk import Settings, create
from adapters.dingtalk.adapter import DingTalkAdapter
from adapters.dingtalk.stream import PING_S
from tests.fakes.clock import FakeClock
from tests.fakes.context import context
from tests.fakes.dingtalk_server import DingTalkServer
from tests.fakes.memory_bot import MemoryBot

GROUP = "cidA=="


@dataclass(frozen=True)
class Running:
    """What a test looks at. `task` is the one call of `run`."""

    adapter: DingTalkAdapter
    bot: MemoryBot
    task: asyncio.Task[None]
    server: DingTalkServer

    async def hears(self, payload: dict[str, Any]) -> IncomingMessage:
        """Pushes a message and waits until it is stored and acknowledged."""
        frame = await self.server.push(payload)
        await self.server.until(lambda: frame in self.server.acks)
        message = self.bot.events[-1]
        assert isinstance(message, IncomingMessage)
        return message

    async def lives(self, clock: FakeClock, seconds: float) -> None:
        """Lets time pass on a connection on which all is well."""
        for _ in range(ceil(seconds / PING_S)):
            clock.advance(PING_S)
            await self.server.until(lambda: self.adapter.link().heard == clock.now())

    async def failure(self) -> AdapterError:
        """What `run` raises."""
        with suppress(AdapterError):
            await asyncio.wait_for(self.task, 60)
        error = self.task.exception()
        assert isinstance(error, AdapterError)
        return error


def settings(server: DingTalkServer, **fields: Any) -> Settings:
    """Those of the app that the platform knows."""
    given = {"client_id": "app", "client_secret": "secret", "openapi_endpoint": server.url}
    return Settings.model_validate({"kind": "dingtalk", **given, **fields})


@asynccontextmanager
async def opened(
    server: DingTalkServer, clock: FakeClock, **fields: Any
) -> AsyncIterator[DingTalkAdapter]:
    """An adapter that can send, and does not receive."""
    async with create(settings(server, **fields), context(clock=clock)) as adapter:
        yield adapter


@asynccontextmanager
async def running(
    server: DingTalkServer, clock: FakeClock, **fields: Any
) -> AsyncIterator[Running]:
    """An adapter that is connected, unless it was refused."""
    bot = MemoryBot()
    async with create(settings(server, **fields), context(bot, clock)) as adapter:
        task = asyncio.create_task(adapter.run(bot.publish))
        try:
            await server.until(lambda: adapter.link().up or task.done())
            yield Running(adapter, bot, task, server)
        finally:
            task.cancel()
            await asyncio.wait({task})


def reply(text: str = "With **make** [1].", **fields: Any) -> Reply:
    """An answer to Ann."""
    return Reply(
        **{"key": "k1", "group": GROUP, "reply_to": "msg", "user": "ann", **fields}, text=text
    )
