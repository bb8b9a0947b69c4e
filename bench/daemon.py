"""The daemon with the whole corpus: time until it is ready, and memory when idle."""

import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import psutil

from bench.figures import Figure, against, at_most
from bench.setup import ROOT, Bench

LANGBOT_START_S, LANGBOT_MB = 8.0, 557.0
"""LangBot 4.11 with nothing loaded, measured on the same kind of machine."""

IDLE_AFTER_S = 5.0
PATIENCE_S = 60.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Starts it with its index in place."""
    began = time.perf_counter()
    process = subprocess.Popen(
        bench.command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        url = _url(process)
        _wait_ready(url + "readyz")
        ready = time.perf_counter() - began
        time.sleep(IDLE_AFTER_S)
        memory = _megabytes(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    yield at_most("daemon: start to ready, index in place", ready, 2.0, "s")
    yield against("daemon: start to ready", ready, LANGBOT_START_S, "s", "LangBot")
    yield at_most("daemon: memory when idle (PSS, with children)", memory, 400.0, "MB")
    yield against("daemon: memory when idle", memory, LANGBOT_MB, "MB", "LangBot")


def _url(process: "subprocess.Popen[str]") -> str:
    assert process.stderr  # noqa: S101 - a pipe, as asked for
    # What it writes later is little and fits into the pipe.
    for line in process.stderr:
        if found := re.search(r"page +(http://\S+)", line):
            return found.group(1)
    raise RuntimeError(f"the daemon ended with status {process.wait()}")


def _wait_ready(url: str) -> None:
    until = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < until:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except urllib.error.URLError:
            time.sleep(0.02)
    raise TimeoutError(f"{url} did not become ready in {PATIENCE_S:.0f} s")


def _megabytes(pid: int) -> float:
    process = psutil.Process(pid)
    every = [process, *process.children(recursive=True)]
    return float(sum(one.memory_full_info().pss for one in every) / 2**20)
