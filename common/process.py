"""Child processes: the one way to start, limit, hear and end them.

Each is started by `process_launch`: it leads a session of its own, gets the environment that is
named for it and nothing else, keeps within its limits, and ends with the process that started it,
however that ends. The last words of its standard error go with the error that tells of its end.

`run` waits for a command; `Child` here, for threads, and `AsyncChild` in `process_async` exchange
JSON lines with a module of ours, whose side is in `process_child`.
"""

import contextlib
import errno
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Thread
from typing import IO, Any, Self, TypeAlias

from common import process_launch
from common.process_launch import CANNOT_START as CANNOT_START

Message: TypeAlias = dict[str, Any]

ROOT = Path(__file__).parent.parent
"""The project's folder, where its modules are found."""

GRACE_S = 2.0
"""What a process gets to end by itself before it is killed."""

LAST_BYTES = 4000
"""Of the standard error, what is kept."""

_EVERYWHERE = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
NETWORK = (
    "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip
"""Variables of what goes through the network."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Each of numpy's threads would take memory, on a big machine more than there may be."""


def environment(*names: str, **more: str) -> dict[str, str]:
    """All that a child knows of this process' environment: what programs need to run at all, the
    variables of these names ("HF_*" is a pattern), and `more`."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if any(fnmatchcase(name, pattern) for pattern in (*_EVERYWHERE, *names))
    }
    return {"PATH": os.defpath, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **passed, **more}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take, 0 for as much as it likes: bytes of address space, seconds of CPU
    time, bytes of a file that it writes. `nice` is how much it gives way to others."""

    memory_bytes: int = 0
    cpu_s: int = 0
    file_bytes: int = 0
    nice: int = 0


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, with the whole environment that it gets. `guarded` is for what starts others
    that don't end with it, see `process_launch`."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    limits: Limits = NO_LIMITS
    folder: Path | None = None
    guarded: bool = False

    def line(self) -> list[str]:
        """The whole command line."""
        numbers = (os.getpid(), int(self.guarded), *astuple(self.limits))
        launcher = (sys.executable, "-I", "-S", process_launch.__file__)
        return [*launcher, *map(str, numbers), *self.words]


def module(name: str, variables: Mapping[str, str], limits: Limits = NO_LIMITS) -> Command:
    """A module of ours, run by this interpreter with these variables."""
    return Command((sys.executable, "-m", name), variables, limits, folder=ROOT)


class ChildFailed(Exception):
    """A child process is gone, or makes no sense; the message says how. `status` is what it ended
    with, negative for a signal, None while it runs; `last_words` are for the log."""

    def __init__(self, status: int | None, last_words: str = "") -> None:
        how = "makes no sense" if status is None else f"status {status}"
        super().__init__(f"signal {-status}" if status is not None and status < 0 else how)
        self.status, self.last_words = status, last_words


class LastWords:
    """The end of what a process wrote to its standard error."""

    def __init__(self) -> None:
        self._kept = b""

    def add(self, data: bytes) -> None:
        """Takes up what was written."""
        self._kept = (self._kept + data)[-LAST_BYTES:]

    def __str__(self) -> str:
        return self._kept.decode("utf-8", "replace").strip()


def parsed(line: bytes) -> Message:
    """A message that came as a line. Raises ChildFailed."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if isinstance(message, dict):
        return message
    raise ChildFailed(None, line.decode("utf-8", "replace")[:200])


def signal_all(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a child and what is in its session; nothing where they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def resident_bytes() -> int:
    """Memory of this process and all that it has started, in bytes; 0 where the system does not
    tell in /proc."""
    pages, waiting = 0, [os.getpid()]
    while waiting:
        place = Path(f"/proc/{waiting.pop()}")
        with contextlib.suppress(OSError):  # it has just ended
            pages += int((place / "statm").read_text().split()[1])
            for thread in (place / "task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
    return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to; `status` is CANNOT_START where it was not even started."""

    status: int
    output: bytes
    last_words: str


def run(command: Command, timeout_s: float) -> Done:
    """Runs a command to its end. Raises OSError, and TimeoutError after ending it."""
    process = _started(command, subprocess.DEVNULL)
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    finally:
        _end(process)
    words = LastWords()
    words.add(errors)
    return Done(process.returncode, output, str(words))


class Child:
    """A module that answers each message by one; make it by `start`. For threads: the one that
    starts it must live as long as it does."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._read = b""
        self._words = LastWords()
        self._hearing = Thread(target=self._hear, args=(process.stderr,), daemon=True)
        self._heard: Callable[[str], None] | None = None

    @classmethod
    def start(
        cls,
        command: Command,
        settings: Mapping[str, Any],
        files: Sequence[int] = (),
        heard: Callable[[str], None] | None = None,
    ) -> Self:
        """Starts a module that hears by `process_child`; it has these open files, too, and `heard`
        gets what it writes to its standard error, some lines at a time. Raises OSError."""
        process = _started(command, subprocess.PIPE, files)
        child = cls(process)
        child._heard = heard
        try:
            child._hearing.start()
        except RuntimeError as error:
            _end(process)
            raise OSError(errno.EAGAIN, str(error)) from error
        child.send(settings)
        return child

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def fileno(self) -> int:
        """What becomes readable when an answer comes, for `select`."""
        assert self._process.stdout  # noqa: S101 - a pipe, see _started
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
        """The next answer. Raises ChildFailed, or TimeoutError."""
        until = time.monotonic() + timeout_s
        parts = [self._read]
        while b"\n" not in parts[-1]:
            ready, _, _ = select.select([self], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(self.fileno(), 1 << 20)
            if not part:
                raise self.failed()
            parts.append(part)
        line, self._read = b"".join(parts).split(b"\n", 1)
        return parsed(line)

    def failed(self) -> ChildFailed:
        """What became of one that has hung up."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        self._hearing.join(GRACE_S)
        return ChildFailed(self._process.poll(), str(self._words))

    def end(self) -> None:
        """Ends the process; what it was at is lost."""
        assert self._process.stdout  # noqa: S101 - a pipe, see _started
        if not self._process.stdout.closed:  # its number may be another's once it was ended
            _end(self._process, self._hearing)

    def kill(self) -> None:
        """Kills the process, from any thread: who waits for its answer gets a ChildFailed."""
        if self._process.poll() is None:
            signal_all(self._process.pid, signal.SIGKILL)

    def _hear(self, pipe: IO[bytes]) -> None:
        while data := os.read(pipe.fileno(), 1 << 16):
            self._words.add(data)
            if self._heard:
                self._heard(data.decode("utf-8", "replace").rstrip())


def _started(command: Command, stdin: int, files: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own commands
        command.line(),
        cwd=command.folder,
        env=command.environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=files,
    )


def _end(process: "subprocess.Popen[bytes]", hearing: Thread | None = None) -> None:
    """Asks the process and what it started to end, then kills what is left of them."""
    if process.poll() is None:
        signal_all(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    signal_all(process.pid, signal.SIGKILL)
    process.wait()
    if hearing:
        hearing.join(GRACE_S)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            # What was still to be written is for nobody any more.
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
