"""Child processes: they answer, keep within their limits, and none outlives what started it."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from common.process import (
    CANNOT_START,
    LAST_BYTES,
    NO_LIMITS,
    ROOT,
    Child,
    ChildFailed,
    Command,
    Limits,
    environment,
    module,
    resident_bytes,
    run,
)
from common.process_async import AsyncChild
from tests.knowledge.processes import is_alive, listed, running, started, wait_until

ECHO = """
import subprocess, sys, time
from common.process_child import serve

def start(settings):
    print("a library greets", flush=True)
    def answer(message):
        if "start" in message:
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        if "say" in message:
            sys.stderr.write(message["say"])
        if "sleep" in message:
            time.sleep(message["sleep"])
        if "leave" in message:
            sys.exit(message["leave"])
        return {"settings": settings, "message": message}
    return answer

serve(start)
"""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """A child that runs the program above: python finds it by its path."""
    (tmp_path / "echoing.py").write_text(ECHO)
    return module("echoing", environment(PYTHONPATH=str(tmp_path)))


@pytest.fixture
def echo(command: Command) -> Iterator[Child]:
    with Child.start(command, {"answer": "to all"}) as child:
        yield child


def python(program: str, limits: Limits = NO_LIMITS) -> Command:
    return Command((sys.executable, "-c", program), environment(), limits)


def test_each_message_is_answered_in_its_turn(echo: Child) -> None:
    texts = ["one", "zwei 二", "x" * 1_000_000]
    for text in texts:
        echo.send({"text": text})
        assert echo.receive(60) == {"settings": {"answer": "to all"}, "message": {"text": text}}
    for text in ("first", "second"):
        echo.send({"text": text})
    assert [echo.receive(60)["message"]["text"] for _ in range(2)] == ["first", "second"]


def test_no_answer_in_time_is_an_error(echo: Child) -> None:
    echo.send({"sleep": 30})
    with pytest.raises(TimeoutError):
        echo.receive(0.3)


def test_one_that_ended_says_how_and_what_it_said_last(echo: Child) -> None:
    echo.send({"leave": 3, "say": "x" * 2 * LAST_BYTES + " the tank is empty\n"})
    with pytest.raises(ChildFailed, match="status 3") as caught:
        echo.receive(60)
    assert caught.value.last_words.endswith("x the tank is empty")
    assert len(caught.value.last_words) < LAST_BYTES
    echo.send({"text": "nobody hears this"})
    assert running("echoing") == []


def test_one_that_was_killed_says_so(echo: Child) -> None:
    echo.send({})
    echo.receive(60)
    process = started("echoing")
    process.kill()
    with pytest.raises(ChildFailed, match="signal 9"):
        echo.receive(60)


def test_it_ends_with_all_that_it_started_even_when_it_is_stopped(command: Command) -> None:
    with Child.start(command, {}) as echo:
        echo.send({"start": True})
        echo.receive(60)
        process = started("echoing")
        (below,) = listed(process.children)
        process.send_signal(signal.SIGSTOP)
    assert not is_alive(process)
    wait_until(lambda: not is_alive(below))


PARENT = """
import sys, time
from common.process import Child, environment, module
with Child.start(module("echoing", environment(PYTHONPATH=sys.argv[1])), {}) as echo:
    echo.send({})
    echo.receive(60)
    echo.send({"sleep": 1000})
    print("started", flush=True)
    time.sleep(1000)
"""


def test_it_ends_with_its_parent_even_when_that_is_killed_and_it_is_busy(
    tmp_path: Path, command: Command
) -> None:
    assert command.words[-1] == "echoing"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout and parent.stdout.readline() == "started\n"
    below = [started("echoing", parent.pid)]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not is_alive(below[0]))


def test_a_child_whose_parent_ended_before_it_began_does_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = python(f"open({str(mark)!r}, 'w')").line()
    parent = line.index(str(os.getpid()))
    line[parent] = "1"
    assert subprocess.run(line).returncode == CANNOT_START
    assert not mark.exists()


def test_a_command_is_run_to_its_end() -> None:
    done = run(python("import sys; print('out'); sys.exit('that was all')"), 60)
    assert (done.status, done.output, done.last_words) == (1, b"out\n", "that was all")


def test_a_command_that_cannot_be_started_says_why() -> None:
    done = run(Command(("no-such-program",), environment()), 60)
    assert done.status == CANNOT_START
    assert done.last_words == "can't start no-such-program: No such file or directory"


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    program = f"""
import os, subprocess, sys, time
below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{below.pid}}\\n")
time.sleep(1000)
"""
    for limit_s in (1, 5, 25):  # the first that leaves the program the time to begin
        with pytest.raises(TimeoutError):
            run(python(program), limit_s)
        if (tmp_path / "pids").exists():
            break
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    wait_until(lambda: not any(psutil.pid_exists(pid) and _lives(pid) for pid in pids))


def _lives(pid: int) -> bool:
    try:
        return is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


LIMITED = {
    "memory": (Limits(memory_bytes=1 << 28), "b'x' * (1 << 29)", 1, "MemoryError"),
    "time": (Limits(cpu_s=1), "while True: pass", -signal.SIGKILL, ""),
    "file": (
        Limits(file_bytes=1000),
        "for _ in 1, 2, 3: open('a', 'ab', 0).write(b'x' * 900)",
        1,
        "File too large",
    ),
}


@pytest.mark.parametrize("kind", LIMITED)
def test_limits_are_kept(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    limits, program, status, said = LIMITED[kind]
    done = run(python(program, limits), 60)
    assert done.status == status
    assert said in done.last_words


def test_what_has_no_limits_gives_way_and_leaves_no_core() -> None:
    program = "import os, resource; print(os.nice(0), resource.getrlimit(resource.RLIMIT_CORE))"
    before = os.nice(0)
    assert run(python(program, Limits(nice=3)), 60).output == f"{before + 3} (0, 0)\n".encode()
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def test_only_what_is_named_is_known_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KIMI_API_KEY", "HF_HOME", "HF_TOKEN", "NOT_HF_HOME"):
        monkeypatch.setenv(name, "secret")
    assert "secret" not in environment().values()
    named = environment("HF_*", "HOME", more="1")
    assert {name for name, value in named.items() if value == "secret"} == {"HF_HOME", "HF_TOKEN"}
    assert (named["more"], named["HOME"]) == ("1", os.environ["HOME"])
    assert environment()["HOME"] == "/nonexistent"


async def test_a_child_of_the_event_loop_answers_and_ends(command: Command) -> None:
    async with await AsyncChild.start(command) as child:
        await child.send({"answer": "to all"})
        await child.send({"text": "二"})
        assert (await child.receive())["message"] == {"text": "二"}
        process = started("echoing")
    wait_until(lambda: not is_alive(process))
    assert "a library greets" in child.last_words


async def _killed(child: AsyncChild) -> None:
    os.kill(child.pid, signal.SIGKILL)


async def _left(child: AsyncChild) -> None:
    await child.send({"leave": 3, "say": "the tank is empty"})


async def _too_long(child: AsyncChild) -> None:
    await child.send({"text": "x" * 2_000_000})


@pytest.mark.parametrize(
    ("harm", "how"), [(_killed, "signal 9"), (_left, "status 3"), (_too_long, "makes no sense")]
)
async def test_a_child_of_the_event_loop_that_fails_says_how(
    command: Command, harm: Callable[[AsyncChild], Awaitable[None]], how: str
) -> None:
    async with await AsyncChild.start(command) as child:
        await child.send({})
        await child.send({})
        await child.receive()
        await harm(child)
        with pytest.raises(ChildFailed, match=how) as caught:
            async with asyncio.timeout(60):
                await child.receive()
    assert ("tank" in caught.value.last_words) == (how == "status 3")


async def test_one_that_says_no_json_makes_no_sense() -> None:
    async with await AsyncChild.start(python("print('hello')")) as child:
        with pytest.raises(ChildFailed, match="makes no sense"):
            await child.receive()


async def test_each_line_that_it_says_is_heard() -> None:
    heard: list[str] = []
    program = "import sys; sys.stderr.write('one\\ntwo\\n' + 'x' * 300_000 + '\\nthree\\n')"
    child = await AsyncChild.start(python(program), heard=heard.append)
    async with asyncio.timeout(60):
        assert await child.ended == 0
    await child.end()
    assert [heard[0], heard[1], heard[-1]] == ["one", "two", "three"]


async def test_cancelling_ends_what_does_not_want_to_end() -> None:
    program = "import signal, time; signal.signal(15, lambda *_: None)\nwhile 1: time.sleep(1)"

    async def use() -> None:
        async with await AsyncChild.start(python(program), grace_s=0.1) as child:
            pids.append(child.pid)
            await child.receive()

    pids: list[int] = []
    using = asyncio.create_task(use())
    while not pids:
        await asyncio.sleep(0)
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    wait_until(lambda: not _lives(pids[0]))


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 11)", 128 + 11),
        ("import sys; assert sys.stdin.read() == ''", 0),
    ],
)
async def test_a_guard_ends_as_its_command_does(program: str, status: int) -> None:
    command = Command((sys.executable, "-c", program), environment(), guarded=True)
    async with await AsyncChild.start(command) as child, asyncio.timeout(60):
        assert await child.ended == status


GUARDING = """
import asyncio, sys
from common.process import Command, environment
from common.process_async import AsyncChild

async def main():
    command = Command((sys.executable, "-c", sys.argv[1]), environment(), guarded=True)
    child = await AsyncChild.start(command, heard=lambda line: print(line, flush=True))
    await child.ended

asyncio.run(main())
"""


def test_a_guard_ends_what_its_command_started_when_the_parent_is_killed() -> None:
    program = """
import os, subprocess, sys, time
below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print(os.getpid(), below.pid, flush=True)
time.sleep(1000)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", GUARDING, program], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not any(_lives(pid) for pid in pids))


def test_a_start_tells_blas_in_time_and_loads_no_driver_that_it_may_not_need() -> None:
    program = """
import sys
import run_bot
from threadpoolctl import threadpool_info
print([one["num_threads"] for one in threadpool_info() if one["internal_api"] == "openblas"])
print("psycopg" in sys.modules)
"""
    done = run(Command((sys.executable, "-c", program), environment(), folder=ROOT), 60)
    assert done.output.split() == [b"[1]", b"False"]


def test_the_memory_of_what_was_started_counts() -> None:
    ours = psutil.Process().memory_info().rss
    hungry = "import sys; held = bytearray(200 << 20); print(flush=True); sys.stdin.read()"
    words = (sys.executable, "-c", hungry)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdin and child.stdout.readline()
        assert resident_bytes() > ours + (200 << 20)
        child.stdin.close()
