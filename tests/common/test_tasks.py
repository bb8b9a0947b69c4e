"""Tasks: what is under way at the end gets its time."""

import asyncio
import sys
from pathlib import Path

import pytest

from common.tasks import Off, Tasks

ROOT = Path(__file__).parents[2]


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


async def test_what_is_called_off_is_cancelled_and_brings_nothing() -> None:
    off, begun, ended = Off(), asyncio.Event(), list[str]()

    async def work() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "done"

    working = asyncio.create_task(off.unless(work()))
    await begun.wait()
    off.set()
    assert await working is None
    assert ended == ["cancelled"]
    assert off.is_set()
    assert await off.unless(work()) is None  # it does not even begin
    assert ended == ["cancelled"]


async def test_what_is_not_called_off_brings_its_result_or_its_own_error() -> None:
    off = Off()
    assert await off.unless(asyncio.sleep(0, "done")) == "done"

    async def fail() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await off.unless(fail())
    off.set()  # with nobody at work


async def test_who_works_can_be_cancelled_all_the_same() -> None:
    off, begun = Off(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    working = asyncio.create_task(off.unless(work()))
    await begun.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


HANGING = """
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor

from common.tasks import leave, run_to_end

async def main():
    begun = threading.Semaphore(0)

    def hang():
        begun.release()
        threading.Event().wait()

    blocked = [
        asyncio.create_task(asyncio.to_thread(hang)),
        asyncio.get_running_loop().run_in_executor(ThreadPoolExecutor(1), hang),
    ]
    for _ in blocked:
        await asyncio.to_thread(begun.acquire)
    print("done")
    return 3

leave(run_to_end(main()))
"""
ENDING = """
import asyncio, atexit

from common import tasks

async def main():
    await asyncio.to_thread(print, "done")
    return 3

tasks.LEAVE_S = 100
atexit.register(print, "at the exit")
tasks.leave(tasks.run_to_end(main()))
"""


@pytest.mark.parametrize(
    ("program", "said"), [(HANGING, "done\n"), (ENDING, "done\nat the exit\n")]
)
async def test_what_hangs_in_a_thread_holds_nobody_up_and_what_ends_is_waited_for(
    program: str, said: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    assert (process.returncode, out.decode()) == (3, said)
