"""The embedder `use` in single-threaded processes, one per core."""

import logging
import os
import select
from base64 import b64decode
from collections import deque
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Self

import numpy as np

from common.process import ONE_THREAD, Child, ChildFailed, environment, module
from knowledge.types import EmbedderError, Vectors

log = logging.getLogger(__name__)

USE_ID, USE_DIM = "use-multilingual-3", 512

BATCH = 16
"""Texts per call: measured best for `use` on two cores, when sorted by length."""

POOL_FROM = 256
"""For fewer texts than this one process has to do: starting others takes longer."""

MOST_PROCESSES = 8
"""Each takes 150 MB."""

AHEAD = 2
"""Batches that each process has, so that it need not wait for the next one."""

ANSWER_S = 300.0
"""A batch takes a tenth of a second, loading the model a few on a very busy machine."""


class UseWorkers:
    """The embedder `use` in processes of its own, which end with `end`."""

    id = USE_ID
    dim = USE_DIM

    def __init__(self, running: Child | None = None) -> None:
        self._children = [running] if running else []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @staticmethod
    def start() -> Child:
        """A process that loads the model. Raises EmbedderError."""
        command = module("knowledge.index.embedding_process", environment(**ONE_THREAD))
        try:
            return Child.start(command, {})
        except OSError as error:
            raise EmbedderError(f"can't start a process of the embedder: {error}") from error

    def kill(self) -> None:
        """Kills the processes, from any thread: who waits for vectors gets an EmbedderError."""
        for child in tuple(self._children):
            child.kill()

    def end(self) -> None:
        """Ends the processes."""
        while self._children:
            self._children.pop().end()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts, shape (len(texts), 512). Raises EmbedderError."""
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        found = dict(self.stream(batches))
        empty = np.zeros((0, self.dim), np.float32)
        return np.concatenate([empty, *(found[number] for number in range(len(batches)))])

    def stream(self, batches: Sequence[Sequence[str]]) -> Iterator[tuple[int, Vectors]]:
        """Embeds batches; yields (number of the batch, its vectors) as they are done. Raises
        EmbedderError."""
        wanted = min(len(batches), cores()) if len(batches) * BATCH >= POOL_FROM else 1
        while len(self._children) < wanted:
            self._children.append(self.start())
        held: dict[Child, deque[int]] = {child: deque() for child in self._children}
        coming = iter(enumerate(batches))
        for _ in range(AHEAD):
            for child in held:
                _hand(child, held[child], coming)
        while busy := [child for child in held if held[child]]:
            for child in _with_answers(busy):
                yield held[child].popleft(), self._answer(child)
                _hand(child, held[child], coming)

    def _answer(self, child: Child) -> Vectors:
        try:
            answer = child.receive(ANSWER_S)
        except ChildFailed as error:
            raise EmbedderError(
                f"a process of the embedder was ended ({error}), perhaps for want of memory; "
                "try again"
            ) from error
        return np.frombuffer(b64decode(answer["vectors"]), np.float32).reshape(-1, self.dim)


class UseProcess:
    """The embedder `use` in one process that is kept, for threads: computing does not compete for
    the interpreter's lock then. It is started where it is first needed, and again where it has
    ended."""

    id = USE_ID
    dim = USE_DIM

    def __init__(self) -> None:
        self._workers = UseWorkers()
        self._one_at_a_time = Lock()
        self._closing = False

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts, shape (len(texts), 512). Raises EmbedderError."""
        with self._one_at_a_time:
            try:
                return self._encoded(texts)
            except EmbedderError as error:
                if self._closing:
                    raise
                log.error("%s; it is started again", error)
                self._workers.end()
            try:
                return self._encoded(texts)
            except EmbedderError:
                self._workers.end()
                raise

    def close(self) -> None:
        """Ends the process; what it is at is lost, so that nobody waits for one that hangs."""
        self._closing = True
        self._workers.kill()
        with self._one_at_a_time:
            self._workers.end()
            self._closing = False

    def _encoded(self, texts: Sequence[str]) -> Vectors:
        if self._closing:
            raise EmbedderError("the embedder is being closed")
        return self._workers.encode(texts)


def _hand(child: Child, held: deque[int], coming: Iterator[tuple[int, Sequence[str]]]) -> None:
    following = next(coming, None)
    if following:
        held.append(following[0])
        child.send({"texts": following[1]})


def _with_answers(busy: Sequence[Child]) -> Sequence[Child]:
    """Those of which an answer can be had; raises EmbedderError when there is none for long."""
    ready = [child for child in busy if child.has_read]
    if not ready:
        ready, _, _ = select.select(busy, [], [], ANSWER_S)
    if not ready:
        raise EmbedderError(f"the embedder has not answered for {ANSWER_S:g} s")
    return ready


def cores() -> int:
    """Cores that this process may use; of very many some."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, MOST_PROCESSES)
