"""What runs beside the event loop's main line: every task has an owner that awaits it. What blocks
in a thread, such as a download or the look-up of a name, can't be stopped; a process that ends does
not wait for it: nobody needs it once all else is closed."""

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

LEAVE_S = 2.0
"""So long threads get to end by themselves."""


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


class Off:
    """A switch that is thrown once, and stops who works under it with `unless`, one at a time."""

    def __init__(self) -> None:
        self._set = False
        self._limit: asyncio.Timeout | None = None

    def is_set(self) -> bool:
        """Was it thrown?"""
        return self._set

    def set(self) -> None:
        """Throws it."""
        self._set = True
        if self._limit:
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def unless(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What the work brings; None when it is called off before, and then it is cancelled. It
        runs in the caller's task: each message comes by here, and tasks cost."""
        if self._set:
            work.close()
            return None
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._limit = limit
                try:
                    return await work
                finally:
                    self._limit = None
        except TimeoutError:
            if limit.expired():
                return None
            raise


def run_to_end(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, which would wait for the threads of `asyncio.to_thread`, however long."""
    with asyncio.Runner() as runner:
        threads = ThreadPoolExecutor(thread_name_prefix="blocking")
        runner.get_loop().set_default_executor(threads)
        try:
            return runner.run(main)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            runner.get_loop().set_default_executor(ThreadPoolExecutor(1))


def leave(status: int) -> NoReturn:
    """Ends this process, with its threads."""
    until = time.monotonic() + LEAVE_S
    own = threading.current_thread()
    waited_for = [one for one in threading.enumerate() if one is not own and not one.daemon]
    for thread in waited_for:
        thread.join(max(0.0, until - time.monotonic()))
    if not any(one.is_alive() for one in waited_for):
        sys.exit(status)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
            stream.flush()
    os._exit(status)
