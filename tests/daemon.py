"""Runs the real `run_bot.py` on the documents of Kettle, as a process of its own."""

import asyncio
import gc
import io
import json
import logging
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import run_bot
from tests.knowledge.library import gate_options, write_pages

ROOT = Path(__file__).parent.parent
START_TIMEOUT_S = 200


def arguments(folder: Path) -> list[str]:
    """Options that point the bot at Kettle's documents, with short waits; writes them where there
    are none, see `indexed` in `tests.conftest`."""
    documents = folder / "docs"
    if not documents.exists():
        write_pages(documents)
    gate_options(folder)
    source = f"{{name: kettle, path: {documents.resolve()}, link_base: 'https://docs.test/'}}"
    values = (
        f"bot.data_dir={folder / 'data'}",
        f"knowledge.sources=[{source}]",
        f"gate.examples=[{folder / 'examples.json'}]",
        "gate.neighbours=2",
        "http.port=0",
        "bot.quiet_s=0.3",
        "bot.mention_wait_s=0.1",
        "flood.wait_for_humans_s=0.3",
    )
    return [part for value in values for part in ("--set", value)]


async def run(
    folder: Path, *command: str, stdin: str = "", more: Sequence[str] = ()
) -> tuple[int, str, str]:
    """Runs one command to its end, here, in a thread of its own; returns its status, output and
    errors. One at a time: what it writes is caught for the whole process."""
    argv = [*arguments(folder), *more, *command]
    return await asyncio.to_thread(_main, argv, stdin)


def _main(argv: list[str], stdin: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # the command sets up its own, on its standard error
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", ["run_bot.py", *argv])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            try:
                status = run_bot.main()
            except SystemExit as end:
                status = int(end.code or 0)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        gc.unfreeze()
    return status, out.getvalue(), err.getvalue()


async def run_process(
    folder: Path, *command: str, stdin: str = "", more: Sequence[str] = ()
) -> tuple[int, str, str]:
    """As `run`, but as a user does it: in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "run_bot.py"),
        *arguments(folder),
        *more,
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    async with asyncio.timeout(START_TIMEOUT_S):
        out, err = await process.communicate(stdin.encode())
    return process.returncode or 0, out.decode(), err.decode()


@dataclass
class Daemon:
    """A running bot. `log` is what it wrote so far."""

    process: asyncio.subprocess.Process
    url: str
    log: list[str]
    http: aiohttp.ClientSession

    async def post(self, user: str, text: str, **fields: Any) -> int:
        """Posts a message in the group "g"; returns the HTTP status."""
        body = {"group": "g", "user": user, "text": text, "mention": False, **fields}
        async with self.http.post(f"{self.url}api/messages", json=body) as response:
            return response.status

    async def go_on_without_logins(self) -> None:
        """The choice of the first start by which whoever uses this machine is admin."""
        async with self.http.post(f"{self.url}api/setup", json={"choice": "open"}) as response:
            assert response.status == 200

    async def get(self, path: str) -> Any:
        """The JSON at a path."""
        async with self.http.get(f"{self.url}{path}") as response:
            return await response.json()

    async def rows(self, kind: str) -> list[dict[str, Any]]:
        """Messages of a kind in the group's history."""
        found = await self.get("api/groups/g/messages?after=0&limit=500")
        return [row for row in found["messages"] if row["kind"] == kind]

    async def decided(self, message_id: str) -> dict[str, Any]:
        """Waits until a message is decided."""
        async with asyncio.timeout(60):
            while True:
                found: dict[str, Any] = await self.get(f"api/decisions/{message_id}")
                if found["state"] != "pending":
                    return found
                await asyncio.sleep(0.02)

    async def stop(self, sign: int = signal.SIGTERM) -> int:
        """Sends a signal and returns the exit status."""
        if self.process.returncode is None:
            os.kill(self.process.pid, sign)
        async with asyncio.timeout(60):
            return await self.process.wait()


@asynccontextmanager
async def daemon(
    folder: Path, more: Sequence[str] = (), until: str = "is ready", handles: int = 1024
) -> AsyncIterator[Daemon]:
    """Starts the bot with so many file handles, waits until it has said so, and kills it at the end
    if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", f'ulimit -n {handles}; exec "$@"', "sh"),
        sys.executable,
        str(ROOT / "run_bot.py"),
        *arguments(folder),
        *more,
        "run",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stderr
    log: list[str] = []
    reading: asyncio.Task[None] | None = None
    try:
        url = ""
        async with asyncio.timeout(START_TIMEOUT_S):
            while until not in "".join(log[-1:]):
                line = (await process.stderr.readline()).decode()
                assert line, f"the bot ended: {''.join(log)}"
                log.append(line)
                if found := re.search(r"page +(http://\S+)", line):
                    url = found.group(1)
        reading = asyncio.create_task(_keep_reading(process.stderr, log))
        async with aiohttp.ClientSession() as http:
            yield Daemon(process, url, log, http)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if reading:
            await reading


async def _keep_reading(stream: asyncio.StreamReader, log: list[str]) -> None:
    while line := await stream.readline():
        log.append(line.decode())


def lines_of_json(text: str) -> list[Any]:
    """One value per line."""
    return [json.loads(line) for line in text.splitlines()]
