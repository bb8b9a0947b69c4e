"""Hands each message to its group's worker; workers start when needed and end when idle."""

from adapters.base import IncomingMessage
from bot.group.case import Desk, Timing
from bot.group.worker import Worker
from bot.types import Group
from common.clock import Clock
from common.tasks import Tasks


class Dispatcher:
    """The workers of all groups; their tasks are owned by `tasks`."""

    def __init__(self, desk: Desk, clock: Clock, timing: Timing, tasks: Tasks) -> None:
        self._desk, self._clock, self._timing = desk, clock, timing
        self._tasks = tasks
        self._workers: dict[Group, Worker] = {}
        self._stopping = False

    @property
    def depth(self) -> int:
        """Messages in all queues."""
        return sum(worker.depth for worker in self._workers.values())

    def offer(self, message: IncomingMessage) -> IncomingMessage | None:
        """Queues a message; returns the unprompted one that was dropped for it, if any. While
        stopping it is left in the store for the next start."""
        if self._stopping:
            return None
        group = (message.adapter, message.group)
        worker = self._workers.get(group)
        if worker is None:
            worker = self._workers[group] = Worker(
                group, self._desk, self._clock, self._timing, self._tasks
            )
            dropped = worker.offer(message)
            self._tasks.spawn(self._work(worker))
            return dropped
        return worker.offer(message)

    def recall(self, group: Group, message_id: str) -> None:
        """Forgets a message that its author took back."""
        if worker := self._workers.get(group):
            worker.recall(message_id)

    def edit(self, group: Group, message_id: str, text: str) -> None:
        """Changes a message that its author changed, as long as it is not being decided."""
        if worker := self._workers.get(group):
            worker.edit(message_id, text)

    def stop(self) -> None:
        """Lets each worker end after the case it is at. What was not decided is in the store."""
        self._stopping = True
        for worker in self._workers.values():
            worker.stop()

    async def _work(self, worker: Worker) -> None:
        try:
            await worker.run()
        finally:
            # No await between the worker's last look at its queue and this: no message slips by.
            self._workers.pop(worker.group, None)
