"""Batches: what waits together is done together, what is first goes first, each has its own end."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from common.batches import Batches

PATIENCE_S = 60.0


class Work:
    """Doubles numbers when it may; a negative one spoils its batch."""

    def __init__(self) -> None:
        self.done: list[list[int]] = []
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, jobs: Sequence[int]) -> list[int]:
        self.begun.set()
        assert self.may_go_on.wait(PATIENCE_S)
        self.done.append(list(jobs))
        if min(jobs) < 0:
            raise ValueError("negative")
        return [2 * job for job in jobs]


@asynccontextmanager
async def at_work(batches: Batches[int, int], work: Work) -> AsyncIterator[None]:
    """While the thread is held at a first job."""
    first = asyncio.create_task(batches.do(0))
    await asyncio.to_thread(work.begun.wait, PATIENCE_S)
    yield
    await asyncio.sleep(0)  # what was started in here has been handed over
    work.may_go_on.set()
    assert await first == 0


async def test_what_waits_is_done_together_and_in_order_and_the_urgent_before_it() -> None:
    work = Work()
    batches = Batches[int, int]("test", work, most=3)
    async with at_work(batches, work):
        waiting = [asyncio.create_task(batches.do(number)) for number in (1, 2, 3)]
        urgent = asyncio.create_task(batches.do(4, first=True))
    assert await asyncio.gather(*waiting, urgent) == [2, 4, 6, 8]
    assert work.done == [[0], [4, 1, 2], [3]]
    await batches.close()


async def test_one_that_fails_does_not_spoil_the_others() -> None:
    work = Work()
    batches = Batches[int, int]("test", work, most=3)
    async with at_work(batches, work):
        good = [asyncio.create_task(batches.do(number)) for number in (1, 2)]
        bad = asyncio.create_task(batches.do(-1))
    assert await asyncio.gather(*good) == [2, 4]
    with pytest.raises(ValueError, match="negative"):
        await bad
    await batches.close()


@pytest.mark.parametrize(("drop", "done"), [(True, [[0], [2]]), (False, [[0], [1, 2]])])
async def test_nobody_waits_any_more(drop: bool, done: list[list[int]]) -> None:
    work = Work()
    batches = Batches[int, int]("test", work, most=3, drop=drop)
    async with at_work(batches, work):
        gone = asyncio.create_task(batches.do(1))
        other = asyncio.create_task(batches.do(2))
        await asyncio.sleep(0)
        gone.cancel()
    assert await other == 4
    assert work.done == done
    await batches.close()


async def test_an_end_of_an_iterator_holds_nobody_up() -> None:
    def first_of(jobs: Sequence[list[int]]) -> list[int]:
        return [next(iter(job)) for job in jobs]

    batches = Batches[list[int], int]("test", first_of, most=3)
    waiting = [asyncio.create_task(batches.do(job)) for job in ([1], [], [2])]
    ends = asyncio.gather(*waiting, return_exceptions=True)
    one, failed, two = await asyncio.wait_for(ends, PATIENCE_S)
    assert (one, two) == (1, 2)
    assert isinstance(failed, RuntimeError)
    await batches.close()


async def test_who_comes_after_the_end_is_refused_and_does_not_wait() -> None:
    batches = Batches[int, int]("test", list, most=3)
    await batches.close()
    for number in (1, 2):
        with pytest.raises(RuntimeError, match="shutdown"):
            await asyncio.wait_for(batches.do(number), PATIENCE_S)


async def test_what_is_in_no_hurry_waits_for_company_and_the_urgent_for_nobody() -> None:
    work = Work()
    work.may_go_on.set()
    patient = Batches[int, int]("test", work, most=3, patience_s=PATIENCE_S)
    waiting = [asyncio.create_task(patient.do(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    assert not work.done
    assert await asyncio.gather(*waiting, patient.do(3)) == [2, 4, 6]
    alone = asyncio.create_task(patient.do(4))
    await asyncio.sleep(0)
    assert (await patient.do(5, first=True), await alone) == (10, 8)
    assert work.done == [[1, 2, 3], [5, 4]]
    await patient.close()
    hasty = Batches[int, int]("test", work, most=3, patience_s=0.01)
    assert await hasty.do(6) == 12, "not for ever"
    await hasty.close()
