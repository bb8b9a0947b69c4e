"""Processes that work for this one: each JSON line sent to them is answered by one.

They do what may take all memory or time, or crash. They end with the process that started them,
however that ends, and know nothing of its environment.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, TypeAlias

Message: TypeAlias = dict[str, Any]

_PR_SET_PDEATHSIG = 1
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
    # Each of numpy's threads would take memory, on a big machine more than there may be.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class ChildEnded(Exception):
    """A child process is gone; says how it ended."""


class Child:
    """A module run in a process of its own. `settings` are the first line that it reads."""

    def __init__(self, module: str, settings: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", module, str(os.getpid())],
            cwd=Path(__file__).parent.parent,
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._read = b""
        self.send(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def fileno(self) -> int:
        """What becomes readable when an answer comes, for `select`."""
        assert self._process.stdout  # noqa: S101 - a pipe, as asked for above
        return self._process.stdout.fileno()

    @property
    def has_read(self) -> bool:
        """Has an answer come in already, together with the one before?"""
        return b"\n" in self._read

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends a job; one that is gone says so when it is asked for the answer."""
        assert self._process.stdin  # noqa: S101 - a pipe, as asked for above
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self, timeout_s: float) -> Message:
        """The next answer. Raises ChildEnded, or TimeoutError."""
        until = time.monotonic() + timeout_s
        parts = [self._read]
        while b"\n" not in parts[-1]:
            ready, _, _ = select.select([self], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(self.fileno(), 1 << 20)
            if not part:
                raise ChildEnded(_ending(self._process.wait()))
            parts.append(part)
        line, self._read = b"".join(parts).split(b"\n", 1)
        answer: Message = json.loads(line)
        return answer

    def end(self) -> None:
        """Ends the process; what it was at is lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                # What was still to be written is for nobody any more.
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def serve(start: Callable[[Message], Callable[[Message], Message]]) -> None:
    """The child's side: `start` makes of the settings what answers each message."""
    _end_with(int(sys.argv[1]))
    with private_output() as out:
        answer = start(json.loads(sys.stdin.readline()))
        for line in sys.stdin:
            out.write(json.dumps(answer(json.loads(line))) + "\n")
            out.flush()


@contextlib.contextmanager
def private_output() -> Iterator[TextIO]:
    """Standard output for the caller alone: what libraries print, and what processes started
    from here would hold open, goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        sys.stdout.flush()
        os.dup2(2, 1)
        yield out


def _end_with(parent: int) -> None:
    """Linux kills this process when its parent ends, even when it is too busy to notice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended a moment ago
            sys.exit(1)
