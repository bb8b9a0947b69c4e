"""A reader in a process of its own, so that looking things up does not compete with what takes
messages in for the interpreter's lock. Texts are embedded here all the same: the model is loaded
once."""

import logging
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from signal import SIGKILL
from threading import Lock
from typing import Any, TypeAlias, TypeVar

from common.process import ONE_THREAD, Child, environment, module
from knowledge.gate.curve import CurvePoint
from knowledge.gate.examples import Example, Examples
from knowledge.gate.refit import Refit
from knowledge.gate.state import FittedGate
from knowledge.plan import BuildPlan
from knowledge.reading.looks import Look
from knowledge.reading.reader import Reader
from knowledge.settings import GateSettings
from knowledge.types import (
    Embedder,
    Found,
    GateState,
    KnowledgeError,
    Passage,
    Point,
    Status,
    Vectors,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

_one_thread = partial(ThreadPoolExecutor, 1, thread_name_prefix="lending")

LOOKING = 2
"""Batches of looks at a time: while one is under way the results of another come back."""

OTHERS = 2
"""Other calls at a time: one that changes what serves, one that assesses a web page."""

LOOK_S, OTHER_S = 60.0, 3600.0
"""A batch of looks takes some 50 ms; a gate is fitted in seconds, with labels by the thousand and
an embedder far away in minutes."""

PAUSE_S = 10.0
"""After a start that failed no look tries another for so long: each costs a second of a core."""

Pool: TypeAlias = "SimpleQueue[Connection]"


@dataclass(frozen=True, slots=True)
class _Running:
    """The process, with the connections that nobody uses at the moment."""

    child: Child
    looking: Pool
    others: Pool


class ReaderProcess:
    """A `Reader` elsewhere, started by `open`. One that ends by itself, for want of memory, say, is
    started again, and looks are done once more."""

    def __init__(self, plan: BuildPlan, gate: GateSettings, embedder: Embedder) -> None:
        self._plan, self._gate, self._embedder = plan, gate, embedder
        self._running: _Running | None = None
        self._starting, self._closed = Lock(), False
        self._latest: Child | None = None
        self._failed_at, self.failure = 0.0, ""
        # One thread for good: the embedder may start a process in it, which ends with it.
        self._lending = _one_thread()

    def open(self) -> Status:
        """See `Reader.open`."""
        with self._starting:
            self._closed = False
            self._running, status = self._started()
        return status

    def close(self) -> None:
        """See `Reader.close`. A process that is still loading is not waited for."""
        self._closed = True
        if self._latest:
            self._latest.kill()
        with self._starting:
            running, self._running = self._running, None
            if running:
                running.child.end()
            self._lending.shutdown(wait=False)
            self._lending = _one_thread()

    def look(self, looks: Sequence[Look[Any]]) -> list[Any]:
        """See `Reader.look`."""
        running = self._now()
        try:
            return list(_asked(running, running.looking, LOOK_S, "look", looks))
        except _HungUp as error:
            running = self._again(running, error, PAUSE_S)
        return list(_asked(running, running.looking, LOOK_S, "look", looks))

    def assess(self, text: str, others: Sequence[Passage], k: int) -> Found:
        """See `Reader.assess`."""
        return self._other(Reader.assess, text, others, k)

    def reopen(self, gate: GateSettings | None = None) -> Status:
        """See `Reader.reopen`."""
        status = self._twice(Reader.reopen, gate)
        self._gate = gate or self._gate
        return status

    def renew(self) -> Status:
        """See `Reader.renew`."""
        return self._twice(Reader.renew)

    def calibrate(self) -> tuple[Status, FittedGate]:
        """See `Reader.calibrate`."""
        return self._other(Reader.calibrate)

    def refit(self, labels: Sequence[Example]) -> tuple[Status | None, Refit]:
        """See `Reader.refit`."""
        return self._other(Reader.refit, labels)

    def undo_refit(self) -> Status | None:
        """See `Reader.undo_refit`."""
        return self._other(Reader.undo_refit)

    def forget(self, texts: Collection[str], person: str) -> Status:
        """See `Reader.forget`."""
        return self._other(Reader.forget, texts, person)

    def aimed(self, options: Sequence[GateSettings]) -> list[Point]:
        """See `Reader.aimed`."""
        return self._other(Reader.aimed, options)

    def examined(self) -> tuple[FittedGate, list[CurvePoint]]:
        """See `Reader.examined`."""
        return self._other(Reader.examined)

    def preview(self, labels: Sequence[Example], texts: Sequence[str]) -> tuple[Refit, list[float]]:
        """See `Reader.preview`."""
        return self._other(Reader.preview, labels, texts)

    def scores(
        self, asked: Sequence[tuple[str, Vectors]], train: Examples | None
    ) -> tuple[GateState, list[float]]:
        """See `Reader.scores`."""
        return self._other(Reader.scores, asked, train)

    def learning_curve(self, examples: Examples) -> list[CurvePoint]:
        """See `Reader.learning_curve`."""
        return self._other(Reader.learning_curve, examples)

    def _now(self) -> _Running:
        if self._running is None:
            raise KnowledgeError("the knowledge base is not open")
        return self._running

    def _twice(self, method: Callable[..., T], *arguments: Any) -> T:
        try:
            return self._other(method, *arguments)
        except _HungUp:  # for want of memory for two, say: the next process has opened the new one
            return self._other(method, *arguments)

    def _other(self, method: Callable[..., T], *arguments: Any) -> T:
        running = self._now()
        try:
            found: T = _asked(running, running.others, OTHER_S, method.__name__, *arguments)
        except _HungUp as error:
            self._again(running, error)
            raise
        return found

    def _again(self, ended: _Running, error: "_HungUp", pause_s: float = 0.0) -> _Running:
        """One in place of another that has ended, `pause_s` after a start that failed."""
        with self._starting:
            if self._now() is ended:
                if self.failure and time.monotonic() < self._failed_at + pause_s:
                    raise KnowledgeError(self.failure)
                log.error("%s; it is started again", error)
                ended.child.end()
                try:
                    self._running, _ = self._started()
                except (KnowledgeError, RuntimeError) as failure:
                    self._failed_at, self.failure = time.monotonic(), str(failure)
                    raise
                self.failure = ""
            return self._now()

    def _started(self) -> tuple[_Running, Status]:
        first = (self._plan, self._gate, self._embedder.id, self._embedder.dim)
        try:
            child, lent, asked = _launched()
        except OSError as error:
            raise KnowledgeError(f"can't start a process to search in: {error}") from error
        self._latest = child
        try:
            if self._closed:
                child.kill()
            with suppress(OSError):  # gone already, which shows next
                lent.send(first)
            self._lending.submit(_lend, lent, self._embedder)
            running = _Running(child, _pool(asked[:LOOKING]), _pool(asked[LOOKING:]))
            return running, _asked(running, running.others, OTHER_S, "open")
        except BaseException:
            child.end()
            for connection in asked:  # an error that somebody keeps would keep them
                connection.close()
            raise


class _HungUp(KnowledgeError):
    """The process is gone, or doesn't answer."""


def _launched() -> tuple[Child, Connection, Sequence[Connection]]:
    """The process, where it asks, and where it is asked. Raises OSError."""
    (lent, asking), *pairs = [_pair(), *(_pair(LOOK_S) for _ in range(LOOKING + OTHERS))]
    theirs = [asking, *(other for _, other in pairs)]
    try:
        command = module("knowledge.reading.process_main", environment(**ONE_THREAD))
        files = [connection.fileno() for connection in theirs]
        heard = partial(log.warning, "the process that searches the documents: %s")
        child = Child.start(command, {"files": files}, files, heard)
    finally:
        for connection in theirs:
            connection.close()
    return child, lent, [own for own, _ in pairs]


def _pair(patience_s: float = 0.0) -> tuple[Connection, Connection]:
    """Two ends; the first one raises BlockingIOError where the other does not go on for so long
    with a message that is under way."""
    own, other = socket.socketpair()
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        own.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(patience_s), 0))
    return Connection(own.detach()), Connection(other.detach())


def _pool(connections: Sequence[Connection]) -> Pool:
    free: Pool = SimpleQueue()
    for connection in connections:
        free.put(connection)
    return free


@contextmanager
def _taken(free: Pool) -> Iterator[Connection]:
    connection = free.get()
    try:
        yield connection
    finally:
        free.put(connection)


def _asked(running: _Running, free: Pool, timeout_s: float, method: str, *arguments: Any) -> Any:
    """What a method of the other reader returns. Raises what it raises, and _HungUp."""
    with _taken(free) as connection:
        try:
            connection.send((method, arguments))
            if not connection.poll(timeout_s):
                raise TimeoutError  # noqa: TRY301 - as a socket does that waits too long
            failed, result = connection.recv()
        except (BlockingIOError, TimeoutError) as error:
            running.child.kill()
            raise _HungUp("the process that searches the documents did not answer") from error
        except (EOFError, OSError) as error:
            raise _HungUp(_ending(running.child)) from error
    if failed:
        raise result
    return result


def _ending(child: Child) -> str:
    ended = child.failed()
    why = "perhaps for want of memory" if ended.status == -SIGKILL else "see the log"
    return f"the process that searches the documents was ended ({ended}), {why}"


def _lend(connection: Connection, embedder: Embedder) -> None:
    """Embeds what is asked for until the other side hangs up."""
    with connection, suppress(EOFError, OSError):
        while True:
            texts = connection.recv()
            try:
                answer: tuple[bool, Any] = (False, embedder.encode(texts))
            except Exception as error:  # noqa: BLE001 - raised where it was asked for
                answer = (True, KnowledgeError(str(error)))
            connection.send(answer)
