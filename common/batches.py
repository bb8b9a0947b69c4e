"""Work for threads of its own, done in batches: what comes in while they are busy is taken up
together, so that a commit, or the weights of a model, serve many who wait."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Failed:
    """What became of a job, in place of its result."""

    error: BaseException


def _nobody(_: BaseException) -> None:
    """Nobody minds what became of a job whose caller has gone."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Job, Result]):
    job: Job
    future: "asyncio.Future[Result]"


class Batches(Generic[Job, Result]):
    """`work` gets up to `most` jobs at a time, in one of `threads` threads, and returns the results
    in their order. A thread more begins where a whole batch waits: fuller batches cost less. Where
    it raises instead, each job is done again by itself, so that one does not spoil the others,
    unless it fails as all would, with one of `for_all`. Jobs that are `apart` are always done by
    themselves, and only told together: waking the event loop costs as much as a small job. Jobs
    that are `first` go before the rest; among themselves they keep their order.

    Nobody waits for a batch to fill, but for `patience_s` where all that wait are in no hurry.

    A job whose caller was cancelled is done all the same, and `unheard` is told if it failed; with
    `drop` it is left out where it has not begun.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Job]], Sequence[Result]],
        most: int,
        *,
        threads: int = 1,
        apart: bool = False,
        drop: bool = False,
        patience_s: float = 0.0,
        for_all: tuple[type[BaseException], ...] = (),
        unheard: Callable[[BaseException], None] = _nobody,
    ) -> None:
        self._work, self._most, self._threads = work, most, threads
        self._apart, self._drop, self._for_all, self._unheard = apart, drop, for_all, unheard
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock, self._patience_s = Condition(), patience_s
        self._busy = 0
        self._queues: tuple[deque[_Waiting[Job, Result]], ...] = (deque(), deque())

    async def do(self, job: Job, *, first: bool = False) -> Result:
        """The result of a job. Raises what `work` says it failed with, and RuntimeError once it is
        closed."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        with self._lock:
            waiting = sum(map(len, self._queues))
            if not self._busy or (self._busy < self._threads and waiting >= self._most):
                self._pool.submit(self._until_done)  # first of all: it may refuse
                self._busy += 1
            self._queues[0 if first else 1].append(_Waiting(job, future))
            if first or waiting + 1 >= self._most:
                self._lock.notify()
        return await future

    async def close(self) -> None:
        """Returns when what was handed over is done."""
        await asyncio.to_thread(self._pool.shutdown)

    def _until_done(self) -> None:
        while batch := self._next():
            outcomes = self._outcomes([one.job for one in batch])
            loop = batch[0].future.get_loop()
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(self._tell, batch, outcomes)

    def _outcomes(self, jobs: Sequence[Job]) -> Sequence[Result | _Failed]:
        if self._apart and len(jobs) > 1:
            return [outcome for job in jobs for outcome in self._outcomes([job])]
        try:
            return self._work(jobs)
        except self._for_all as error:
            return [_Failed(error)] * len(jobs)
        except BaseException as error:  # noqa: BLE001 - told to who waits, as a future does
            if len(jobs) == 1:
                # A future takes no StopIteration, and who waits behind it would not be told.
                stopped = isinstance(error, StopIteration)
                return [_Failed(RuntimeError(f"{error!r} in a thread") if stopped else error)]
            return [outcome for job in jobs for outcome in self._outcomes([job])]

    def _next(self) -> list[_Waiting[Job, Result]]:
        """What is next; with nothing left this thread is not busy any more."""
        batch: list[_Waiting[Job, Result]] = []
        with self._lock:
            self._lock.wait_for(self._worth_while, self._patience_s)
            for queue in self._queues:
                while queue and len(batch) < self._most:
                    one = queue.popleft()
                    if not (self._drop and one.future.cancelled()):
                        batch.append(one)
            if not batch:
                self._busy -= 1
        return batch

    def _worth_while(self) -> bool:
        first, others = self._queues
        return bool(first) or not others or len(others) >= self._most

    def _tell(
        self, batch: Sequence[_Waiting[Job, Result]], outcomes: Sequence[Result | _Failed]
    ) -> None:
        for one, outcome in zip(batch, outcomes, strict=True):
            if one.future.cancelled():
                if isinstance(outcome, _Failed):
                    self._unheard(outcome.error)
            elif isinstance(outcome, _Failed):
                one.future.set_exception(outcome.error)
            else:
                one.future.set_result(outcome)
