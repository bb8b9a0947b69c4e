"""An api_server never outlives its bot, however that ends; one that did is ended at the start."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest

from bot.llm.lmdeploy import orphans
from bot.llm.lmdeploy.supervisor import State
from tests.bot.llm.lmdeploy.test_supervisor import (
    ROOT,
    ended,
    home,
    pids,
    running,
    settings,
)
from tests.ports import free_port

__all__ = ["home"]

BOT = """
import asyncio, sys
from common.clock import SystemClock
from bot.llm.lmdeploy.supervisor import Server
from bot.llm.settings import ServeSettings

async def ready():
    print("ready", flush=True)

made = ServeSettings.model_validate_json(sys.argv[1])
asyncio.run(Server(made, SystemClock(), ready).run())
"""


async def test_a_killed_bot_takes_its_server_with_it(home: Path) -> None:
    made = settings(home, "--fake-helper", str(home / "helper"))
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BOT, made.model_dump_json(), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{home}:{ROOT}"},
    )  # fmt: skip
    assert bot.stdout
    async with asyncio.timeout(60):
        assert await bot.stdout.readline() == b"ready\n"
    bot.kill()
    await bot.wait()
    assert await ended(pids(home)[0])
    assert await ended(int((home / "helper").read_text()))
    async with running(settings(home, port=made.port)) as run:
        await run.state(State.READY)


async def test_a_killed_guard_takes_the_server_with_it(home: Path) -> None:
    async with running(settings(home)) as run:
        await run.state(State.READY)
        (pid,) = pids(home)
        os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
        assert await ended(pid)
        await run.state(State.PAUSING)
        assert "SIGKILL" in run.server.problem
        await run.state(State.READY)


@contextmanager
def left_running(port: int, mark: str) -> Iterator[int]:
    """A server from another start, without its guard; gives its process id."""
    words = ["serve", "api_server", "/models/chat", "--server-port", str(port)]
    server = subprocess.Popen(
        [sys.executable, "-m", "lmdeploy", *words], env={**os.environ, orphans.MARK: mark}
    )
    try:
        yield server.pid
    finally:
        server.kill()
        server.wait()


async def listening(port: int) -> None:
    """Waits until a server answers."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"http://127.0.0.1:{port}/health"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)


async def test_what_a_bot_that_is_gone_left_on_the_port_is_ended(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    _, own, started, namespace = orphans.mark(port).split(":", 3)
    with left_running(port, f"{port}:{own}:{int(started) - 1}:{namespace}") as pid:
        await listening(port)
        async with running(settings(home, port=port)) as run:
            await run.state(State.READY)
            assert len(pids(home)) == 1
        assert f"processes [{pid}]" in caplog.text
        assert await ended(pid)


async def test_the_server_of_another_bot_is_left_alone(home: Path) -> None:
    port = free_port()
    ours = orphans.mark(port)
    elsewhere = ours.rsplit(":", 2)[0].rsplit(":", 1)[0] + ":1:pid:[1]"
    for mark in (ours, elsewhere, ours.replace(str(port), str(port + 1), 1), ""):
        with left_running(port, mark) as pid:
            await listening(port)
            async with running(settings(home, port=port)) as run:
                await run.state(State.PAUSING)
                assert "another program" in run.server.problem
            assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
