"""Watching the processes that a build starts."""

import os
import time
from collections.abc import Callable

import psutil


def descendants(of: int | None = None) -> list[psutil.Process]:
    """Living processes below one, by default below this one; without the database that tests of
    the store have started, which stays as long as they run."""
    below: list[psutil.Process] = []
    try:
        for child in psutil.Process(of or os.getpid()).children():
            if not _is_database(child):
                below += [child, *_below(child)]
    except psutil.NoSuchProcess:
        return []
    return [process for process in below if is_alive(process)]


def _is_database(process: psutil.Process) -> bool:
    try:
        return any(word.endswith("/postgres") for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def is_alive(process: psutil.Process) -> bool:
    """Is it running, and no zombie?"""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def running(module: str, of: int | None = None) -> list[psutil.Process]:
    """Those of the descendants that run a module."""
    found = []
    for process in descendants(of):
        try:
            if module in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def started(module: str, of: int | None = None) -> psutil.Process:
    """One that runs a module, waited for: a listing leaves a process out now and then that the
    one before held."""
    return listed(lambda: running(module, of))[0]


def listed(look: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    """What a listing holds as soon as it holds any."""
    found: list[psutil.Process] = []

    def look_again() -> bool:
        found[:] = look()
        return bool(found)

    wait_until(look_again)
    return found


def wait_until(true: Callable[[], object]) -> None:
    """Looks again and again; fails after a while, which is long enough for a busy machine."""
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "it has not happened"
        time.sleep(0.02)
