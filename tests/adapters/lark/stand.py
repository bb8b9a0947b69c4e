"""A Lark adapter beside a fake Lark, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from adapters.base import AdapterError, Event, IncomingMessage, Publish, Reply
from adapters.contract import History
from adapters.lark.adapter import LarkAdapter, create
from adapters.lark.settings import Settings
from common.clock import Clock
from tests.fakes.clock import FakeClock
from tests.fakes.context import context
from tests.fakes.lark_server import APP_ID, SECRET, FakeLark

CHAT = "oc_1"


class Listener:
    """A bot that keeps what it is told; `failure` is raised by `publish` when set. Knows the
    `groups` it is in, with the time of the newest message in each."""

    def __init__(self, **groups: float) -> None:
        self.events: list[Event] = []
        self.failure: Exception | None = None
        self.groups = groups
        self._known: set[str] = set()

    @property
    def messages(self) -> list[IncomingMessage]:
        """The messages among the events, each once."""
        found = {e.message_id: e for e in self.events if isinstance(e, IncomingMessage)}
        return list(found.values())

    @property
    def texts(self) -> list[str]:
        """What they say."""
        return [message.text for message in self.messages]

    async def publish(self, event: Event) -> bool:
        if self.failure is not None:
            raise self.failure
        self.events.append(event)
        if isinstance(event, IncomingMessage):
            newest = max(self.groups.get(event.group, 0.0), event.sent_at)
            self.groups[event.group] = newest
            new = event.message_id not in self._known
            self._known.add(event.message_id)
            return new
        return True

    async def latest(self, adapter: str) -> dict[str, float]:
        del adapter
        return dict(self.groups)


def settings(lark: FakeLark, **more: Any) -> Settings:
    """Settings for the fake's own app."""
    given = {"kind": "lark", "app_id": APP_ID, "app_secret": SECRET, "domain": lark.url}
    return Settings.model_validate({**given, **more})


def adapter(
    lark: FakeLark, bot: Listener | None = None, clock: Clock | None = None, **more: Any
) -> LarkAdapter:
    """An adapter that is not open yet."""
    return create(settings(lark, **more), context(cast("History", bot or Listener()), clock))


@asynccontextmanager
async def running(one: LarkAdapter, publish: Publish) -> AsyncIterator[asyncio.Task[None]]:
    """Opens an adapter and runs it once its connection is up; yields what `run` becomes."""
    async with one, connection(one, publish) as run:
        yield run


@asynccontextmanager
async def connection(one: LarkAdapter, publish: Publish) -> AsyncIterator[asyncio.Task[None]]:
    """Runs an adapter that is open."""
    run = asyncio.create_task(one.run(publish))
    try:
        await until(lambda: one.link().up or run.done(), 60)  # imports the SDK, once
        if run.done():
            run.result()
        yield run
    finally:
        run.cancel()
        with suppress(asyncio.CancelledError, AdapterError):
            await run


async def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Returns as soon as something is true."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


async def heard(one: LarkAdapter, clock: FakeClock) -> None:
    """Waits until the platform was heard at this very time, as after a ping that is due."""
    await until(lambda: one.link().heard == clock.now())


def reply(text: str = "Use `pip`. [1]", to: str | None = None, **more: Any) -> Reply:
    """An answer in the usual chat."""
    key, group = more.pop("key", f"key of {text[:20]}"), more.pop("group", CHAT)
    return Reply(key, group, to, text, **more)
