"""Finds and ends what a bot that is gone left running.

Each server carries a mark of its bot in its environment, which its children inherit. Unlike a
file with its process id the mark can't be stale and can't name somebody else's process.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "HUIXIANGDOU_SERVER"
"""The variable: "port:process id of the bot:when that process started:its PID namespace"."""

_PROC = Path("/proc")


def mark(port: int) -> str:
    """The mark of a server of this bot, for its port."""
    pid = os.getpid()
    return f"{port}:{pid}:{_started(pid)}:{_namespace()}"


def end_orphans(port: int) -> list[int]:
    """Kills servers for this port whose bot is gone, and returns their process ids.

    Finds them where there is a /proc, as on Linux, and leaves those of other users alone.
    """
    ended = []
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or belongs to another user
            # From here on the number can't come to mean another process.
            handle = os.pidfd_open(int(folder.name))
            try:
                if _is_orphan(folder, port):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    ended.append(int(folder.name))
            finally:
                os.close(handle)
    return sorted(ended)


def _is_orphan(folder: Path, port: int) -> bool:
    prefix = f"{MARK}={port}:".encode()
    variables = (folder / "environ").read_bytes().split(b"\0")
    found = next((text for text in variables if text.startswith(prefix)), None)
    if found is None:
        return False
    # Numbers of another namespace, a container's for instance, mean other processes.
    pid, started, namespace = found.removeprefix(prefix).decode().split(":", 2)
    return namespace == _namespace() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process started, in ticks since the machine did; "" when it is gone."""
    try:
        state, *fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]


def _namespace() -> str:
    try:
        return str((_PROC / "self" / "ns" / "pid").readlink())
    except OSError:
        return ""
