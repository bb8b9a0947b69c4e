"""The bot of a soak: a process that is killed and started again, and what memory it took."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from bench.setup import ROOT
from tests.daemon import arguments

END_S = 60.0

BURST, REFILL_S = 3, 600.0
"""Unprompted answers in a group: so many at once, and one more each so many seconds."""


class BotProcess:
    """One at a time; what each of them writes goes to the end of the same log. `memory` is what
    was noted, in MB."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._arguments, self.log = arguments, log
        self._process: asyncio.subprocess.Process | None = None
        self.memory: list[float] = []

    async def start(self) -> None:
        """Starts it and does not wait until it is ready."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._arguments, cwd=ROOT, stderr=log, stdout=log
            )

    def demand_life(self) -> None:
        """Raises RuntimeError where it has ended by itself."""
        if self._process is None or self._process.returncode is not None:
            raise RuntimeError(f"the bot does not run; see {self.log}")

    async def end(self, number: signal.Signals) -> int:
        """Sends it a signal; the exit status. Raises TimeoutError, and RuntimeError where it was
        not started."""
        if self._process is None:
            raise RuntimeError("the bot was not started")
        self.note_memory()
        self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), END_S)

    def note_memory(self) -> None:
        """Its proportional memory with that of its child processes, in MB."""
        if self._process:
            with suppress(psutil.NoSuchProcess):  # it may be killed at this moment
                bot = psutil.Process(self._process.pid)
                every = (bot, *bot.children(recursive=True))
                self.memory.append(sum(one.memory_full_info().pss for one in every) / 1e6)


def configuration(folder: Path, port: int) -> dict[str, Any]:
    """Of a bot in a folder that answers from Kettle's documents, each question anew."""
    tree: dict[str, Any] = {"flood": {}}
    for line in arguments(folder)[1::2]:
        key, _, value = line.partition("=")
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = yaml.safe_load(value)
    tree["http"]["port"] = port
    tree["flood"] |= {"burst": BURST, "refill_s": REFILL_S}
    tree["flood"] |= {"person_cooldown_s": 0, "repeat_window_s": 0}
    return tree
