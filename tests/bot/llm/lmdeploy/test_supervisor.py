"""The supervisor of lmdeploy against a child process that ends in each of the known ways."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from bot.llm.lmdeploy.supervisor import MEMORY_KEYS, Server, State
from bot.llm.settings import ServeSettings
from bot.llm.types import Down
from tests.bot.llm.models import model
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import llm_api
from tests.ports import free_port

ROOT = Path(__file__).parents[4]
PACKAGE = ROOT / "tests" / "fakes" / "lmdeploy_package.py"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which `python -m lmdeploy` finds the stand-in."""
    (tmp_path / "lmdeploy").mkdir()
    (tmp_path / "lmdeploy" / "__init__.py").touch()
    shutil.copyfile(PACKAGE, tmp_path / "lmdeploy" / "__main__.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


LONG_S = 3600
"""While a test waits for a process, time passes on the clock much faster than it does outside."""


def settings(
    home: Path, *extra: str, port: int = 0, load_timeout_s: float = LONG_S
) -> ServeSettings:
    return ServeSettings(
        model="/models/chat",
        port=port or free_port(),
        python=sys.executable,
        load_timeout_s=load_timeout_s,
        extra_args=("--fake-starts", str(home / "starts"), *extra),
        environment=("PYTHONPATH",),
    )


def pids(home: Path) -> list[int]:
    """The processes that were started."""
    file = home / "starts"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def ended(pid: int) -> bool:
    """Waits until a process has ended, which takes a moment after it was killed."""
    async with asyncio.timeout(60):
        while alive(pid):
            await asyncio.sleep(0.01)
    return True


class Run:
    """A running supervisor, and time that passes while something is waited for."""

    def __init__(self, server: Server, clock: FakeClock) -> None:
        self.server, self.clock, self.told = server, clock, 0

    async def until(self, come: Callable[[], bool], step: float = 0.5) -> None:
        """Lets time pass until something is so; the real one stands still in between."""
        async with asyncio.timeout(60):
            while not come():
                await asyncio.sleep(0.01)
                self.clock.advance(step)

    async def state(self, state: State) -> None:
        await self.until(lambda: self.server.state is state)


@asynccontextmanager
async def running(made: ServeSettings, grace_s: float = 5.0) -> AsyncIterator[Run]:
    clock = FakeClock()

    async def ready() -> None:
        run.told += 1

    run = Run(Server(made, clock, ready, grace_s), clock)
    task = asyncio.create_task(run.server.run())
    try:
        yield run
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_it_loads_serves_and_ends_with_the_bot(home: Path) -> None:
    loaded = home / "loaded"
    async with running(settings(home, "--fake-load-until", str(loaded))) as run:
        await run.until(lambda: bool(pids(home)))
        for _ in range(30):
            await asyncio.sleep(0.01)
            run.clock.advance(1)
        assert (run.server.state, run.told) == (State.LOADING, 0)
        loaded.touch()
        await run.state(State.READY)
        assert run.told == 1
        (pid,) = pids(home)
        assert alive(pid)
    assert await ended(pid)


async def test_a_model_that_never_gets_ready_is_started_again(home: Path) -> None:
    never = settings(home, "--fake-load-until", str(home / "never"), load_timeout_s=600)
    async with running(never) as run:
        await run.until(lambda: len(pids(home)) == 1, step=0)
        await run.until(lambda: run.server.state is State.PAUSING, step=20)
        assert await ended(pids(home)[0])
        await run.until(lambda: len(pids(home)) == 2)


@pytest.mark.parametrize(("code", "said"), [(2, "arguments"), (3, "port")])
async def test_what_another_start_cannot_help_is_given_up(home: Path, code: int, said: str) -> None:
    async with running(settings(home, "--fake-exit", str(code))) as run:
        await run.state(State.GIVEN_UP)
        assert said in run.server.problem
        assert len(pids(home)) == 1


async def test_out_of_memory_names_the_keys_to_turn(home: Path) -> None:
    async with running(settings(home, "--fake-oom")) as run:
        await run.state(State.PAUSING)
        assert run.server.problem == MEMORY_KEYS
        assert "cache_max_entry_count" in MEMORY_KEYS
        assert "quant_policy" in MEMORY_KEYS
        await run.state(State.GIVEN_UP)
        assert len(pids(home)) == 3


async def test_a_crash_is_followed_by_another_start(home: Path) -> None:
    async with running(settings(home)) as run:
        await run.state(State.READY)
        os.kill(pids(home)[0], signal.SIGSEGV)
        await run.state(State.PAUSING)
        assert "SIGSEGV" in run.server.problem
        await run.state(State.READY)
        assert (len(pids(home)), run.told, run.server.problem) == (2, 2, "")


async def test_an_unhealthy_one_is_started_again(home: Path) -> None:
    sick = home / "sick"
    async with running(settings(home, "--fake-sick", str(sick))) as run:
        await run.state(State.READY)
        sick.touch()
        await run.until(lambda: run.server.state is State.PAUSING, step=10)
        assert "unhealthy" in run.server.problem
        sick.unlink()
        await run.state(State.READY)
        assert len(pids(home)) == 2


async def test_a_taken_port_is_found_before_the_model_is_loaded(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        async with running(settings(home, port=port)) as run:
            await run.state(State.PAUSING)
            assert str(port) in run.server.problem
            assert pids(home) == []
            other.close()
            await run.state(State.READY)


async def test_one_that_ignores_sigterm_is_killed(home: Path) -> None:
    async with running(settings(home, "--fake-stubborn"), grace_s=0.2) as run:
        await run.state(State.READY)
    assert await ended(pids(home)[0])


async def test_a_flood_of_output_does_not_block_it(home: Path) -> None:
    async with running(settings(home, "--fake-chatter", "300000")) as run:
        await run.state(State.READY)


async def test_without_lmdeploy_it_says_how_to_get_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = settings(home).model_copy(update={"python": str(home / "none")})
    async with running(missing) as run:
        await run.state(State.GIVEN_UP)
        assert run.server.problem == (
            f"can't start {home}/none: No such file or directory; "
            "run make local-llm, or set llm.local.serve.python"
        )
    monkeypatch.delenv("PYTHONPATH")
    async with running(settings(home)) as run:
        await run.state(State.GIVEN_UP)
        assert run.server.problem == (
            f"{sys.executable} has no lmdeploy; run make local-llm, or set llm.local.serve.python"
        )


def test_the_command_line_says_everything() -> None:
    made = ServeSettings(
        model="/models/qwen", model_name="qwen", quant_policy=8, tp=2, python="/env/python"
    )

    async def ready() -> None:
        """Nothing."""

    command = " ".join(Server(made, FakeClock(), ready).command())
    assert command.startswith("/env/python -m lmdeploy serve api_server /models/qwen")
    for part in (
        "--server-name 127.0.0.1", "--model-name qwen", "--quant-policy 8", "--tp 2",
        "--session-len 16384", "--max-batch-size 16", "--cache-max-entry-count 0.6",
        "--enable-prefix-caching",
    ):  # fmt: skip
        assert part in command


async def test_the_configuration_starts_it_and_the_bot_uses_it(home: Path) -> None:
    port = free_port()
    serve = {
        "model": "/models/chat",
        "model_name": "chat",
        "port": port,
        "load_timeout_s": LONG_S,
        "python": sys.executable,
        "extra_args": ["--fake-starts", str(home / "starts")],
        "environment": ["PYTHONPATH"],
    }
    clock = FakeClock()
    async with model({"local": {"serve": serve}}, clock, watch=True) as llm:
        seen = []
        async with asyncio.timeout(60):
            while not llm.hybrid.up or llm.hybrid.problems():
                seen += llm.hybrid.problems()
                await asyncio.sleep(0.01)
                clock.advance(0.5)
        assert "lmdeploy is loading" in seen
        (pid,) = pids(home)
    assert await ended(pid)


async def test_a_stranger_on_the_port_is_told_nothing() -> None:
    async with llm_api() as stranger:
        port = int(stranger.url.split(":")[2].split("/")[0])
        serve = {"model": "/models/chat", "port": port, "python": sys.executable}
        clock = FakeClock()
        async with model({"local": {"serve": serve}}, clock, watch=True) as llm:
            async with asyncio.timeout(60):
                while not any("taken" in problem for problem in llm.hybrid.problems()):
                    await asyncio.sleep(0.01)
                    clock.advance(0.5)
            assert not llm.hybrid.up
            with pytest.raises(Down):
                await llm.rewrite("and how do I remove it?", "how do I install it?", chinese=False)
        assert (stranger.calls, stranger.probes) == ([], 0)
