"""A thread with an event loop of its own, for an SDK that blocks or wants to own the loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

T = TypeVar("T")

STOP_S = 5.0
"""How long the end of the SDK's tasks is waited for."""


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
