"""Hands each message to its group's worker; workers start when needed and end when idle. A group
that a bug keeps from being worked on is left alone for a while, and the others go on."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.base import IncomingMessage
from bot.group.worker import Worker
from bot.store.store import StoreError
from bot.types import Group
from common.tasks import Tasks

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LAST_PAUSE_S = 1.0, 300.0
"""How long a group is left alone after a bug; twice as long after each further one."""

OVER_S = 2 * LAST_PAUSE_S
"""Nothing more for so long: then it is taken to be well."""

NAMED = 3
"""From so many bugs on people are told."""


@dataclass(frozen=True, slots=True)
class _Bugs:
    """How many there were in a row, the last one's class, and when it came."""

    count: int
    error: str
    at: float


class Failing:
    """Counts bugs by group. `steady` tells seconds that pass, whatever the time is."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._bugs: dict[Group, _Bugs] = {}

    def failed(self, group: Group, error: Exception) -> float:
        """Logs a bug, the first of a kind with where it happened; the seconds for which the group
        is to be left alone."""
        now, name, before = self._steady(), type(error).__name__, self._bugs.get(group)
        if before and now - before.at > OVER_S:
            before = None
        new = before is None or before.error != name
        count = before.count + 1 if before else 1
        self._bugs[group] = _Bugs(count, name, now)
        pause: float = min(LAST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(count - 1, 20))
        log.error(
            "the group %s is left for %.0f s, a bug: %s",
            ":".join(group),
            pause,
            name,
            exc_info=error if new else None,
        )
        return pause

    def well(self, group: Group) -> None:
        """What there was to do for a group is done."""
        self._bugs.pop(group, None)

    def named(self) -> Mapping[str, str]:
        """The groups that failed again and again, with the class of the last error."""
        now = self._steady()
        self._bugs = {group: bugs for group, bugs in self._bugs.items() if now - bugs.at <= OVER_S}
        return {
            ":".join(group): bugs.error for group, bugs in self._bugs.items() if bugs.count >= NAMED
        }


class Dispatcher:
    """The workers of all groups; their tasks are owned by `tasks`. A worker that ends with a bug is
    left alone for as long as `failing` says, and goes on with what is left then."""

    def __init__(
        self, new_worker: Callable[[Group], Worker], tasks: Tasks, failing: Failing
    ) -> None:
        self._new_worker, self._tasks, self._failing = new_worker, tasks, failing
        self._workers: dict[Group, Worker] = {}
        self._stopping = asyncio.Event()

    @property
    def depth(self) -> int:
        """Messages in all queues."""
        return sum(worker.depth for worker in self._workers.values())

    def offer(self, message: IncomingMessage) -> IncomingMessage | None:
        """Queues a message; returns the unprompted one that was dropped for it, if any. While
        stopping it is left in the store for the next start."""
        if self._stopping.is_set():
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
        self._stopping.set()
        for worker in self._workers.values():
            worker.stop()

    async def _work(self, worker: Worker) -> None:
        try:
            while not await self._ran(worker):
                pass
        finally:
            # No await between the worker's last look at its queue and this: no message slips by.
            self._workers.pop(worker.group, None)

    async def _ran(self, worker: Worker) -> bool:
        """Did the worker come to its end? After a bug it has been left alone for a while."""
        try:
            await worker.run()
        except StoreError:
            raise  # all that it had is in the store
        except Exception as error:  # noqa: BLE001 - `failed` logs where it happened
            # One of the few places for a broad except: the other groups must go on.
            pause = self._failing.failed(worker.group, error)
        else:
            self._failing.well(worker.group)
            return True
        await worker.clock.wait(self._stopping, worker.clock.now() + pause)
        return self._stopping.is_set()
