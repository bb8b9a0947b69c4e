"""Hands each message to its group's worker; workers start when needed and end when idle."""

from collections.abc import Callable

from adapters.base import IncomingMessage
from bot.group.worker import Worker
from bot.types import Group
from common.tasks import Tasks


class Dispatcher:
    """The workers of all groups; their tasks are owned by `tasks`."""

    def __init__(self, new_worker: Callable[[Group], Worker], tasks: Tasks) -> None:
        self._new_worker, self._tasks = new_worker, tasks
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
        if worker := self._workers.get(group):
            return worker.offer(message)
        worker = self._workers[group] = self._new_worker(group)
        dropped = worker.offer(message)
        self._tasks.spawn(self._work(worker))
        return dropped

    def change(self, group: Group, message_id: str, text: str | None) -> None:
        """A message says something else now, or with None is gone."""
        if worker := self._workers.get(group):
            worker.change(message_id, text)

    def stop(self) -> None:
        """Lets each worker end after what it is at. What was not decided is in the store."""
        self._stopping = True
        for worker in self._workers.values():
            worker.stop()

    async def _work(self, worker: Worker) -> None:
        try:
            await worker.run()
        finally:
            # No await between the worker's last look at its queue and this: no message slips by.
            self._workers.pop(worker.group, None)
