"""Tasks: what is under way at the end gets its time."""

import asyncio

from common.tasks import Tasks


async def test_what_the_last_work_sets_about_gets_its_time_too() -> None:
    done = []

    async def copy() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        done.append("copy")

    async with Tasks() as tasks:

        async def answer() -> None:
            await asyncio.sleep(0)
            tasks.spawn(copy())
            done.append("answer")

        tasks.spawn(answer())
        await tasks.drain(10.0)
    assert done == ["answer", "copy"]


async def test_after_its_time_it_is_cancelled() -> None:
    async with Tasks() as tasks:
        endless = tasks.spawn(asyncio.Event().wait())
        await tasks.drain(0.0)
    assert endless.cancelled()
