"""The daemon with the whole corpus: time until it is ready, and memory when idle."""

import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import Figure, against, at_most
from bench.setup import ROOT, Bench

LANGBOT_START_S, LANGBOT_MB = 8.0, 557.0
"""LangBot 4.11 with nothing loaded, measured on the same kind of machine."""

IDLE_AFTER_S = 5.0
PATIENCE_S = 60.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Starts it with its index in place."""
    with started(bench.command, bench.work / "daemon.log") as daemon:
        time.sleep(IDLE_AFTER_S)
        memory = daemon.megabytes()
    ready = daemon.ready_s
    yield at_most("daemon: start to ready, index in place", ready, 2.0, "s")
    yield against("daemon: start to ready", ready, LANGBOT_START_S, "s", "LangBot")
    yield at_most("daemon: memory when idle (PSS, with children)", memory, 400.0, "MB")
    yield against("daemon: memory when idle", memory, LANGBOT_MB, "MB", "LangBot")


@dataclass(frozen=True, slots=True)
class Daemon:
    """One that is ready, `ready_s` seconds after its start."""

    port: int
    process: psutil.Process
    ready_s: float

    @property
    def every(self) -> list[psutil.Process]:
        """The process and its children."""
        return [self.process, *self.process.children(recursive=True)]

    def megabytes(self) -> float:
        """Proportional memory of all of them."""
        return float(sum(one.memory_full_info().pss for one in self.every) / 2**20)

    def cpu_s(self) -> float:
        """Seconds of CPU that they have taken."""
        return float(sum(sum(one.cpu_times()[:2]) for one in self.every))


@contextmanager
def started(command: Sequence[str], log: Path, patience_s: float = PATIENCE_S) -> Iterator[Daemon]:
    """The daemon of a command line while the context is open. Raises RuntimeError where it ends by
    itself, and TimeoutError."""
    began = time.perf_counter()
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said)
    try:
        while not (found := re.search(r"page +http://\S+:(\d+)", log.read_text("utf-8"))):
            if process.poll() is not None:
                raise RuntimeError(f"the daemon ended with status {process.returncode}, see {log}")
            time.sleep(0.01)
        _wait_ready(f"http://127.0.0.1:{found[1]}/readyz", patience_s)
        ready = time.perf_counter() - began
        yield Daemon(int(found[1]), psutil.Process(process.pid), ready)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _wait_ready(url: str, patience_s: float) -> None:
    until = time.perf_counter() + patience_s
    while time.perf_counter() < until:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except urllib.error.URLError:
            time.sleep(0.02)
    raise TimeoutError(f"{url} did not become ready in {patience_s:.0f} s")
