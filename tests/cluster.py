"""Processes of the real bot that share a store, each in its role, with Lark's fake in front."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.daemon import ROOT, arguments, run
from tests.fakes.lark_server import APP_ID, SECRET, FakeLark

READY = {
    "receiver": "the long connection is up",
    **dict.fromkeys(("worker", "scheduler", "all"), "is ready"),
}
START_S, STOP_S = 240.0, 120.0


@dataclass
class Member:
    """A process: `log` is what it wrote so far."""

    name: str
    role: str
    process: asyncio.subprocess.Process
    log: list[str] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    reading: "asyncio.Task[None] | None" = None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if it still runs."""
        if self.process.returncode is None:
            os.kill(self.process.pid, number)


@dataclass
class Cluster:
    """What runs. Made by `cluster`. With `store` "" a process has one of its own."""

    folder: Path
    store: str
    lark: FakeLark
    flood: dict[str, Any]
    program: tuple[str, ...] = (str(ROOT / "run_bot.py"),)
    members: dict[str, Member] = field(default_factory=dict)

    async def build(self) -> None:
        """Builds the index once; each process gets a copy."""
        status, _, errors = await run(self.folder / "first", "index")
        assert status == 0, errors

    async def start(self, name: str) -> Member:
        """Starts a process named by its role and a number ("worker-1"), again where it was killed;
        it is ready when this returns."""
        role, folder = name.partition("-")[0], self.folder / name
        if not (folder / "config.yaml").exists():
            folder.mkdir(exist_ok=True)
            self._configure(folder)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self.program,
            *("--config", str(folder / "config.yaml"), "run", "--role", role),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        member = self.members[name] = Member(name, role, process)
        member.reading = asyncio.create_task(_read(member))
        async with asyncio.timeout(START_S):
            await member.ready.wait()
        assert process.returncode is None, "".join(member.log)
        return member

    async def kill(self, name: str) -> None:
        """Ends a process as a power cut does."""
        member = self.members[name]
        member.signal(signal.SIGKILL)
        await member.process.wait()

    async def stop(self, name: str) -> int:
        """Ends a process as an upgrade does; its exit status."""
        member = self.members[name]
        member.signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            return await member.process.wait()

    async def end(self) -> None:
        """Ends all that still run."""
        for member in self.members.values():
            member.signal(signal.SIGCONT)
            member.signal(signal.SIGKILL)
        for member in self.members.values():
            await member.process.wait()
            if member.reading:
                await member.reading

    def _configure(self, folder: Path) -> None:
        tree: dict[str, Any] = {}
        for line in arguments(self.folder / "first")[1::2]:
            key, _, value = line.partition("=")
            section, name = key.split(".")
            tree.setdefault(section, {})[name] = yaml.safe_load(value)
        tree["bot"]["data_dir"] = str(folder / "data")
        if self.store:
            tree["store"] = {"url": self.store}
            tree["knowledge"]["share"] = str(self.folder / "share")
        tree["flood"] |= self.flood
        app = {"app_id": APP_ID, "app_secret": SECRET, "domain": self.lark.url}
        tree["adapters"] = [{"kind": "lark", **app}]
        (folder / "config.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True))


async def _read(member: Member) -> None:
    assert member.process.stderr
    while line := (await member.process.stderr.readline()).decode():
        member.log.append(line)
        if found := re.search(r"page +(http://\S+)", line):
            member.url = found.group(1)
        if READY[member.role] in line:
            member.ready.set()
    member.ready.set()


@asynccontextmanager
async def cluster(folder: Path, store: str, lark: FakeLark, **flood: Any) -> AsyncIterator[Cluster]:
    """Processes can be started, whose index is built; all of them end with the context."""
    made = Cluster(folder, store, lark, flood)
    await made.build()
    try:
        yield made
    finally:
        with suppress(ProcessLookupError):
            await made.end()
