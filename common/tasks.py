"""What runs beside the event loop's main line: every task has an owner that awaits it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class Tasks:
    """Use it with `async with`; an error that escapes a task is a bug and ends the process, but
    for what is `tolerated`. `on_end` is called whenever a task has ended."""

    def __init__(self, tolerated: type[Exception] | tuple[type[Exception], ...] = ()) -> None:
        self._tolerated = tolerated
        self._group = asyncio.TaskGroup()
        self._running: set[asyncio.Task[Any]] = set()
        self.on_end: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            # What ended the main line is the reason, and a single error stands for itself.
            if error and error in group.exceptions:
                raise error from None
            if len(group.exceptions) > 1:
                raise
            raise group.exceptions[0] from None

    @property
    def active(self) -> int:
        """Tasks at work."""
        return len(self._running)

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs something beside the rest."""
        task = self._group.create_task(self._run(work))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _run(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except self._tolerated as error:
            log.error("%s", error)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self.on_end()

    async def drain(self, grace_s: float) -> None:
        """Waits so many seconds for what is under way, and what that sets about, then cancels
        it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while self._running:
                    await asyncio.wait(self._running)
        for task in set(self._running):
            task.cancel()


async def unless(off: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work brings; None when it is called off before, and then it is cancelled."""
    if off.is_set():
        work.close()
        return None
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(off.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        waiting.cancel()
        working.cancel()
        await asyncio.wait({working, waiting})
