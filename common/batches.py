"""Work for threads of its own, done in batches: what comes in while they are busy is taken up
together, so that a commit, or the weights of a model, serve many who wait. Nobody waits for a batch
to fill."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Generic, TypeAlias, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Failed:
    """What became of a job, in place of its result."""

    error: BaseException


Outcome: TypeAlias = Result | Failed


def outcome_of(work: Callable[[], Result]) -> Outcome[Result]:
    """What becomes of some work, whatever it raises, for who waits for it."""
    try:
        return work()
    except BaseException as error:  # noqa: BLE001 - kept as a future keeps it
        return Failed(error)


def _nobody(_: BaseException) -> None:
    """Nobody minds what became of a job whose caller has gone."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Job, Result]):
    job: Job
    future: "asyncio.Future[Result]"


class Batches(Generic[Job, Result]):
    """`work` gets up to `most` jobs at a time, in one of `threads` threads, and returns the outcome
    of each in their order. Jobs that are `first` go before the others; among these the order is
    kept.

    A job whose caller was cancelled is done all the same, and `unheard` is told if it failed; with
    `drop` it is left out where it has not begun.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Job]], Sequence[Outcome[Result]]],
        most: int,
        *,
        threads: int = 1,
        drop: bool = False,
        unheard: Callable[[BaseException], None] = _nobody,
    ) -> None:
        self._work, self._most, self._threads = work, most, threads
        self._drop, self._unheard = drop, unheard
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = Lock()
        self._busy = 0
        self._queues: tuple[deque[_Waiting[Job, Result]], ...] = (deque(), deque())

    async def do(self, job: Job, *, first: bool = False) -> Result:
        """The result of a job. Raises what `work` says it failed with."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        with self._lock:
            self._queues[0 if first else 1].append(_Waiting(job, future))
            idle = self._busy < self._threads
            if idle:
                self._busy += 1
        if idle:
            self._pool.submit(self._until_done, loop)
        return await future

    async def close(self) -> None:
        """Returns when what was handed over is done."""
        await asyncio.to_thread(self._pool.shutdown)

    def _until_done(self, loop: asyncio.AbstractEventLoop) -> None:
        while batch := self._next():
            found = outcome_of(partial(self._work, [one.job for one in batch]))
            outcomes = [found] * len(batch) if isinstance(found, Failed) else found
            loop.call_soon_threadsafe(self._tell, batch, outcomes)

    def _next(self) -> list[_Waiting[Job, Result]]:
        """What is next; with nothing left this thread is not busy any more."""
        batch: list[_Waiting[Job, Result]] = []
        with self._lock:
            for queue in self._queues:
                while queue and len(batch) < self._most:
                    one = queue.popleft()
                    if not (self._drop and one.future.cancelled()):
                        batch.append(one)
            if not batch:
                self._busy -= 1
        return batch

    def _tell(
        self, batch: Sequence[_Waiting[Job, Result]], outcomes: Sequence[Outcome[Result]]
    ) -> None:
        for one, outcome in zip(batch, outcomes, strict=True):
            if one.future.cancelled():
                if isinstance(outcome, Failed):
                    self._unheard(outcome.error)
            elif isinstance(outcome, Failed):
                one.future.set_exception(outcome.error)
            else:
                one.future.set_result(outcome)
