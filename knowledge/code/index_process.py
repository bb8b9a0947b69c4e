"""Indexing code in a process of its own: neither its work nor its memory is the daemon's, and a
file that breaks it breaks only it.

The child (`python -m knowledge.code.index_process`) reads one JSON line, the plans, from its
standard input and writes a JSON line per repository as soon as it is done.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from knowledge.code.build import RepoPlan, RepoReport, build

TIMEOUT_S = 900.0
_END_S = 5.0
_ROOT = Path(__file__).parents[2]


async def build_apart(plans: Sequence[RepoPlan], timeout_s: float = TIMEOUT_S) -> list[RepoReport]:
    """Builds the indexes one after the other in a child process, and reports on each. What the
    child could not do is a report's problem; cancelling ends it."""
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "knowledge.code.index_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return _failed(plans, f"its index can't be built: {error.strerror}")
    done: list[RepoReport] = []
    try:
        async with asyncio.timeout(timeout_s):
            await _converse(child, plans, done)
            problem = f"building its index ended with status {await child.wait()}"
    except TimeoutError:
        problem = f"building its index took more than {timeout_s:g} s"
    finally:
        await _end(child)
    names = {report.name for report in done}
    return done + _failed([plan for plan in plans if plan.name not in names], problem)


async def _converse(
    child: asyncio.subprocess.Process, plans: Sequence[RepoPlan], done: list[RepoReport]
) -> None:
    assert child.stdin and child.stdout  # noqa: S101 - both are pipes, as asked for above
    try:
        child.stdin.write(json.dumps([asdict(plan) for plan in plans]).encode() + b"\n")
        await child.stdin.drain()
        while line := await child.stdout.readline():
            done.append(RepoReport(**json.loads(line)))
    except (ConnectionError, ValueError, TypeError):
        return  # it broke down; its status is reported


def _failed(plans: Sequence[RepoPlan], problem: str) -> list[RepoReport]:
    return [RepoReport(plan.name, problem=problem) for plan in plans]


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    try:
        os.killpg(child.pid, signal.SIGKILL)  # it has nothing to put in order
        await asyncio.wait_for(child.wait(), _END_S)
    except (ProcessLookupError, TimeoutError):
        return


def plans_from(line: str) -> list[RepoPlan]:
    """Plans from their JSON form."""
    return [
        RepoPlan(**item | {name: tuple(item[name]) for name in ("include", "exclude")})
        for item in json.loads(line)
    ]


def _main() -> None:
    out = sys.stdout
    sys.stdout = sys.stderr  # what a library prints must not get into the protocol
    os.nice(5)
    try:
        for plan in plans_from(sys.stdin.readline()):
            out.write(json.dumps(asdict(build(plan))) + "\n")
            out.flush()
    except BrokenPipeError:
        os._exit(1)  # the bot was stopped: nobody listens, and there is nothing to complain of


if __name__ == "__main__":
    _main()
