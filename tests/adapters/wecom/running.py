"""The adapter on the fake server, with a bot that only remembers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.base import AdapterError, Event, IncomingMessage, Reply
from adapters.wecom.adapter import WecomAdapter, create
from adapters.wecom.settings import Settings
from adapters.wecom.socket import ACK_S
from common.clock import Clock
from tests.fakes.clock import FakeClock
from tests.fakes.context import context
from tests.fakes.wecom_server import BOT, SECRET, Say, Seen, WecomServer, wecom_server

TURNS = 10
"""Of the event loop: enough for who waited for the clock to send what is due."""


@dataclass
class Running:
    """What a test talks to. `failure` is raised by the next publish."""

    server: WecomServer
    adapter: WecomAdapter
    events: list[Event] = field(default_factory=list)
    failure: Exception | None = None
    task: asyncio.Task[None] | None = None

    async def publish(self, event: Event) -> bool:
        """Remembers an event; False for a message that was there before."""
        if self.failure:
            failure, self.failure = self.failure, None
            raise failure
        known = isinstance(event, IncomingMessage) and event.message_id in self.ids()
        self.events.append(event)
        return not known

    def ids(self) -> set[str]:
        """The messages that came."""
        return {event.message_id for event in self.events if isinstance(event, IncomingMessage)}

    async def connect(self) -> None:
        """Begins a connection's life and waits until it is up."""
        self.task = asyncio.create_task(self.adapter.run(self.publish))
        await until(lambda: self.adapter.link().up or self._done())

    async def ended(self) -> AdapterError:
        """Waits for the connection's end and returns its error."""
        assert self.task
        try:
            async with asyncio.timeout(60):
                await self.task
        except AdapterError as error:
            return error
        raise AssertionError("run returned")

    async def stop(self) -> None:
        """Cancels `run`."""
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def restart(self, **settings: Any) -> None:
        """The process ends, and another one begins on the same server."""
        await self.stop()
        await self.adapter.__aexit__(None, None, None)
        self.adapter = adapter_on(self.server, **settings)
        await self.adapter.__aenter__()
        await self.connect()

    async def ask(self, text: str = "how do I install it?", **more: Any) -> IncomingMessage:
        """Somebody asks; returns the message as it was published."""
        msgid = await self.server.say(text, **more)
        await until(lambda: msgid in self.ids())
        found = [e for e in self.events if isinstance(e, IncomingMessage)]
        return next(event for event in found if event.message_id == msgid)

    def _done(self) -> bool:
        return self.task is not None and self.task.done()


@asynccontextmanager
async def running(
    clock: Clock | None = None, *, connect: bool = True, **settings: Any
) -> AsyncIterator[Running]:
    """An open adapter, connected unless told otherwise."""
    async with wecom_server(clock) as server:
        live = Running(server, adapter_on(server, **settings))
        try:
            await live.adapter.__aenter__()
            if connect:
                await live.connect()
            yield live
        finally:
            await live.stop()
            await live.adapter.__aexit__(None, None, None)


def adapter_on(server: WecomServer, **settings: Any) -> WecomAdapter:
    """An adapter with the credentials that the server knows."""
    made = Settings.model_validate(
        {"kind": "wecom", "bot_id": BOT, "secret": SECRET, "ws_url": server.url, **settings}
    )
    return create(made, context(clock=server.clock))


def once(command: str, say: Say) -> Callable[[Seen], Say | None]:
    """Does this to the first command of one kind that comes."""
    todo = [say]

    def script(seen: Seen) -> Say | None:
        return todo.pop() if todo and seen.command == command else None

    return script


async def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Waits for something to become true."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.002)


async def pass_time(clock: FakeClock, true: Callable[[], object], step: float = 0.0) -> None:
    """Lets injected time go on until something is true: to the next deadline, or by steps, each
    of which waits for what the last one, or what was done before, set about."""
    async with asyncio.timeout(240):
        if step:
            await acknowledged(clock)
        while not true():
            if step:
                clock.advance(step)
                await acknowledged(clock)
            else:
                clock.jump()
                await asyncio.sleep(0.002)


async def acknowledged(clock: FakeClock) -> None:
    """Waits until no command is under way: the server takes real time to acknowledge one, in which
    none must pass on the clock."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
    await until(lambda: not clock.waits_of(ACK_S))


def answer(to: IncomingMessage | None, text: str = "Run `make install` [1].", **more: Any) -> Reply:
    """A reply to a message."""
    values: dict[str, Any] = {
        "key": "k1",
        "group": to.group if to else "wrk1",
        "reply_to": to.message_id if to else None,
        "text": text,
        **more,
    }
    return Reply(**values)
