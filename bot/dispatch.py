"""Hands each message to its group's worker; workers start when needed and end when idle."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from adapters.base import IncomingMessage
from bot.clock import Clock
from bot.types import Group
from bot.worker import Desk, Timing, Worker


class Dispatcher:
    """Owns every worker's task. Use it with `async with`; an error that escapes a worker is a
    bug and ends the process."""

    def __init__(self, desk: Desk, clock: Clock, timing: Timing) -> None:
        self._desk, self._clock, self._timing = desk, clock, timing
        self._tasks = asyncio.TaskGroup()
        self._workers: dict[Group, Worker] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)

    @property
    def depth(self) -> int:
        """Messages in all queues."""
        return sum(worker.depth for worker in self._workers.values())

    @property
    def active(self) -> int:
        """Workers and commands at work."""
        return len(self._running)

    def offer(self, message: IncomingMessage) -> IncomingMessage | None:
        """Queues a message; returns the unprompted one that was dropped for it, if any. While
        stopping it is left in the store for the next start."""
        if self._stopping:
            return None
        group = (message.adapter, message.group)
        worker = self._workers.get(group)
        if worker is None:
            worker = self._workers[group] = Worker(group, self._desk, self._clock, self._timing)
            dropped = worker.offer(message)
            self.spawn(self._work(worker))
            return dropped
        return worker.offer(message)

    def recall(self, group: Group, message_id: str) -> None:
        """Forgets a message that its author took back."""
        if worker := self._workers.get(group):
            worker.recall(message_id)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something beside the workers, such as a command."""
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, grace_s: float) -> None:
        """Ends all work: what is under way has `grace_s` seconds, then it is cancelled. What was
        not decided is in the store."""
        self._stopping = True
        for worker in self._workers.values():
            worker.stop()
        if self._running:
            await asyncio.wait(self._running, timeout=grace_s)
        for task in set(self._running):
            task.cancel()

    async def _work(self, worker: Worker) -> None:
        try:
            await worker.run()
        finally:
            # No await between the worker's last look at its queue and this: no message slips by.
            self._workers.pop(worker.group, None)
