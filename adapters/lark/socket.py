"""One long connection: opened, kept alive, watched, and given up when it is lost."""

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, Self, TypeVar

from adapters.base import NetworkError, StoreFailed
from adapters.lark.settings import Settings
from adapters.link import Link, until_first_ends
from common.clock import Clock

log = logging.getLogger(__name__)

ACK_S = 2.7
"""Lark wants its acknowledgement within 3 seconds."""
MOST_AT_ONCE = 1000
"""So many events may be waiting to be stored; more are refused, and pushed again."""
CONNECT_S = 25.0
MARGIN_S = 20.0
"""A pong may be this late before a last ping asks for one."""
PROBE_S = 10.0

Take = Callable[[Mapping[str, Any]], Coroutine[Any, Any, Mapping[str, Any] | None]]
"""Stores an event durably; what it returns goes back to the platform. Raises when it could not."""


STOP_S = 5.0
"""How long the end of the SDK's tasks is waited for."""
T = TypeVar("T")


class LoopThread:
    """Open it with `async with`. On the way out everything that runs on the loop is cancelled; a
    thread that is stuck in a blocking call is left behind as a daemon."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        stopping = asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop)
        await asyncio.wait({asyncio.wrap_future(stopping)}, timeout=STOP_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, STOP_S)

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs a coroutine on the thread's loop; it is cancelled there when this is cancelled."""

        async def begin() -> T:
            return await work()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(begin(), self._loop))

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


async def _cancel_all() -> None:
    """Again and again: some SDKs swallow the first cancellation."""
    own = asyncio.current_task()
    while others := asyncio.all_tasks() - {own}:
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=0.05)


class Connection:
    """An open connection; `watch` ends only by an error."""

    def __init__(self, client: Any, thread: LoopThread, clock: Clock, link: Link) -> None:
        self._client, self._thread = client, thread
        self._clock, self._link = clock, link
        self._probe = asyncio.Event()

    async def watch(self) -> None:
        """Keeps the connection alive. Raises NetworkError when it is lost or half-open."""
        await until_first_ends(self._lost(), self._ping(), self._listen())

    async def _lost(self) -> None:
        await self._thread.call(self._client.lost)
        raise NetworkError("the long connection was lost")

    async def _ping(self) -> None:
        """The platform wants a ping now and then; its answers show that it is still there."""
        while True:
            await self._thread.call(self._client.ping)
            await self._clock.wait(self._probe, self._clock.now() + self._client.ping_interval_s)
            self._probe.clear()

    async def _listen(self) -> None:
        while True:
            silence = await self._link.silent(self._client.ping_interval_s + MARGIN_S)
            # Time may have jumped (a laptop that slept): one ping more before it is given up.
            before = self._link.status().heard
            self._probe.set()
            await self._clock.wait(asyncio.Event(), self._clock.now() + PROBE_S)
            if self._link.status().heard == before:
                raise NetworkError(f"the platform has been silent for {silence + PROBE_S:.0f} s")


@asynccontextmanager
async def connected(
    settings: Settings, take: Take, clock: Clock, link: Link
) -> AsyncIterator[Connection]:
    """Opens a connection on a thread of its own. Raises AdapterError."""
    sdk = await asyncio.to_thread(_load_sdk)
    loop = asyncio.get_running_loop()

    def heard() -> None:
        loop.call_soon_threadsafe(link.heard)

    taking: set[asyncio.Future[Mapping[str, Any] | None]] = set()

    async def handle(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Runs in the connection's thread. Many are stored together: events that come meanwhile
        are begun in their order."""
        if len(taking) >= MOST_AT_ONCE:
            raise StoreFailed(f"{MOST_AT_ONCE} events are being stored")
        storing = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(take(payload), loop))
        taking.add(storing)
        storing.add_done_callback(taking.discard)
        # After the time limit it goes on: when it is stored after all, the next push finds it
        # known. Nobody asks for its error then.
        storing.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({storing}, timeout=ACK_S)
        if not storing.done() or storing.cancelled():
            raise StoreFailed(f"not stored within {ACK_S} s")
        return storing.result()

    async def build() -> Any:
        client = sdk.Client(settings, handle, heard)
        await client.connect()
        return client

    async with LoopThread(f"lark-{settings.name}") as thread:
        try:
            async with asyncio.timeout(CONNECT_S):
                client = await thread.call(build)
        except TimeoutError:
            raise NetworkError("the long connection did not come up in time") from None
        try:
            yield Connection(client, thread, clock, link)
        finally:
            await thread.call(client.close)


def _load_sdk() -> Any:
    # Ten thousand modules, of which nothing is garbage: looking for some takes two fifths of it.
    gc.disable()
    try:
        sdk = import_module("adapters.lark.sdk")
    finally:
        gc.enable()
    sdk.tame()
    return sdk
