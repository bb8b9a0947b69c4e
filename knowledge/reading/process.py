"""A reader in a process of its own, so that looking things up does not compete with what takes
messages in for the interpreter's lock. Texts are embedded here all the same: the model is loaded
once."""

import logging
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from signal import SIGKILL
from threading import Lock, Thread
from typing import Any, TypeAlias

from common.process import GRACE_S, ONE_THREAD, Child, environment, module
from knowledge.gate.curve import CurvePoint
from knowledge.gate.examples import Example, Examples
from knowledge.gate.refit import Refit
from knowledge.gate.state import FittedGate
from knowledge.plan import BuildPlan
from knowledge.reading.looks import Look
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

LOOKING = 2
"""Batches of looks at a time: while one is under way the results of another come back."""

OTHERS = 2
"""Other calls at a time: one that changes what serves, one that assesses a web page."""

LOOK_S, OTHER_S = 60.0, 3600.0
"""A batch of looks takes some 50 ms; a gate is fitted in seconds, with labels by the thousand and
an embedder far away in minutes."""

Pool: TypeAlias = "SimpleQueue[Connection]"


@dataclass(frozen=True, slots=True)
class _Running:
    """The process, with the connections that nobody uses at the moment."""

    child: Child
    looking: Pool
    others: Pool
    lending: Thread

    def end(self) -> None:
        self.child.end()
        self.lending.join(GRACE_S)


class ReaderProcess:
    """A `Reader` elsewhere, started by `open`. One that ends by itself, for want of memory, say, is
    started again, and looks are done once more."""

    def __init__(self, plan: BuildPlan, gate: GateSettings, embedder: Embedder) -> None:
        self._plan, self._gate, self._embedder = plan, gate, embedder
        self._running: _Running | None = None
        self._starting = Lock()

    def open(self) -> Status:
        """See `Reader.open`."""
        with self._starting:
            self._running, status = self._started()
        return status

    def close(self) -> None:
        """See `Reader.close`."""
        with self._starting:
            running, self._running = self._running, None
            if running:
                running.end()

    def look(self, looks: Sequence[Look[Any]]) -> list[Any]:
        """See `Reader.look`."""
        running = self._now()
        try:
            return list(_asked(running, running.looking, LOOK_S, "look", looks))
        except _HungUp as error:
            running = self._again(running, error)
        return list(_asked(running, running.looking, LOOK_S, "look", looks))

    def assess(self, text: str, others: Sequence[Passage], k: int) -> Found:
        """See `Reader.assess`."""
        found: Found = self._other("assess", text, others, k)
        return found

    def reopen(self, gate: GateSettings | None = None) -> Status:
        """See `Reader.reopen`."""
        status: Status = self._other("reopen", gate)
        self._gate = gate or self._gate
        return status

    def renew(self) -> Status:
        """See `Reader.renew`."""
        status: Status = self._other("renew")
        return status

    def calibrate(self) -> tuple[Status, FittedGate]:
        """See `Reader.calibrate`."""
        found: tuple[Status, FittedGate] = self._other("calibrate")
        return found

    def refit(self, labels: Sequence[Example]) -> tuple[Status | None, Refit]:
        """See `Reader.refit`."""
        found: tuple[Status | None, Refit] = self._other("refit", labels)
        return found

    def undo_refit(self) -> Status | None:
        """See `Reader.undo_refit`."""
        status: Status | None = self._other("undo_refit")
        return status

    def forget(self, texts: Collection[str], person: str) -> Status:
        """See `Reader.forget`."""
        status: Status = self._other("forget", texts, person)
        return status

    def aimed(self, options: Sequence[GateSettings]) -> list[Point]:
        """See `Reader.aimed`."""
        return list(self._other("aimed", options))

    def examined(self) -> tuple[FittedGate, list[CurvePoint]]:
        """See `Reader.examined`."""
        found: tuple[FittedGate, list[CurvePoint]] = self._other("examined")
        return found

    def preview(self, labels: Sequence[Example], texts: Sequence[str]) -> tuple[Refit, list[float]]:
        """See `Reader.preview`."""
        found: tuple[Refit, list[float]] = self._other("preview", labels, texts)
        return found

    def scores(
        self, asked: Sequence[tuple[str, Vectors]], train: Examples | None
    ) -> tuple[GateState, list[float]]:
        """See `Reader.scores`."""
        found: tuple[GateState, list[float]] = self._other("scores", asked, train)
        return found

    def learning_curve(self, examples: Examples) -> list[CurvePoint]:
        """See `Reader.learning_curve`."""
        return list(self._other("learning_curve", examples))

    def _now(self) -> _Running:
        if self._running is None:
            raise KnowledgeError("the knowledge base is not open")
        return self._running

    def _other(self, method: str, *arguments: Any) -> Any:
        running = self._now()
        try:
            return _asked(running, running.others, OTHER_S, method, *arguments)
        except _HungUp as error:
            self._again(running, error)
            raise

    def _again(self, ended: _Running, error: "_HungUp") -> _Running:
        """One in place of another that has ended."""
        with self._starting:
            if self._now() is ended:
                log.error("%s; it is started again", error)
                ended.end()
                self._running, _ = self._started()
            return self._now()

    def _started(self) -> tuple[_Running, Status]:
        dim = self._embedder.dim
        own, theirs = zip(*(_pair() for _ in range(LOOKING + OTHERS + 1)), strict=True)
        try:
            command = module("knowledge.reading.process_main", environment(**ONE_THREAD))
            files = [connection.fileno() for connection in theirs]
            child = Child.start(command, {"files": files}, files, _heard)
        except OSError as error:
            raise KnowledgeError(f"can't start a process to search in: {error}") from error
        finally:
            for connection in theirs:
                connection.close()
        lent, looking, others = own[0], _pool(own[1 : 1 + LOOKING]), _pool(own[1 + LOOKING :])
        lending = Thread(target=_lend, args=(lent, self._embedder), name="lending", daemon=True)
        lending.start()
        running = _Running(child, looking, others, lending)
        try:
            with suppress(OSError):  # gone already, which shows next
                lent.send((self._plan, self._gate, self._embedder.id, dim))
            return running, _asked(running, running.others, OTHER_S, "open")
        except BaseException:
            running.end()
            raise


class _HungUp(KnowledgeError):
    """The process is gone, or doesn't answer."""


def _pair() -> tuple[Connection, Connection]:
    one, other = socket.socketpair()
    return Connection(one.detach()), Connection(other.detach())


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
                running.child.end()  # which shows next
            failed, result = connection.recv()
        except (EOFError, OSError) as error:
            raise _HungUp(_ending(running.child)) from error
    if failed:
        raise result
    return result


def _ending(child: Child) -> str:
    ended = child.failed()
    why = "perhaps for want of memory" if ended.status == -SIGKILL else "see the log"
    return f"the process that searches the documents was ended ({ended}), {why}"


def _heard(lines: str) -> None:
    log.warning("the process that searches the documents: %s", lines)


def _lend(connection: Connection, embedder: Embedder) -> None:
    """Embeds what is asked for until the other side hangs up."""
    with connection, suppress(EOFError, OSError):
        while True:
            texts = connection.recv()
            try:
                answer: tuple[bool, Any] = (False, embedder.encode(texts))
            except (KnowledgeError, RuntimeError, ValueError) as error:  # of a model's library
                answer = (True, KnowledgeError(str(error)))
            connection.send(answer)
