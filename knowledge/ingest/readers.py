"""Reading the documents' files in processes of their own, see `knowledge.ingest.reader_process`."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Self

from common.process import ONE_THREAD, Child, ChildFailed, Limits, Message, environment, module
from knowledge.plan import Cut
from knowledge.types import Piece

PROCESSES = 2
"""Reading is the smallest part of a build: more would only take memory."""

LITTLE_BYTES = 100_000
"""What one process has read before a second one would have started."""

LIMITS = Limits(memory_bytes=2_000_000_000, file_bytes=100_000_000)
"""What a file that is made to eat all there is can get."""

AHEAD = 3
"""Files that each process is told of before it is asked for the first one's text."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file of the source in the folder `root`, to be read unless its content has the digest that
    is `known`."""

    path: Path
    root: Path
    known: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a file: text and pieces by view, or the reason why there are none.

    `hash` is its content's digest, empty where that could not be taken; `same` when it was the
    known one; `gone` when the file itself could not be read any more. `has_lines`: line numbers
    are those of the file itself, `lines` the dump of its `LineMap`. `recheck`: what it includes
    may change when the file does not; `notes` say what of it could not be included.
    """

    hash: str = ""
    same: bool = False
    gone: str = ""
    error: str = ""
    text: str = ""
    has_lines: bool = False
    lines: str = ""
    recheck: bool = False
    notes: tuple[str, ...] = ()
    version: str = ""
    language: str = ""
    pieces: Mapping[str, list[Piece]] = field(default_factory=dict)


class DocumentReader:
    """Reads files; blocking. Use it with `with`: it ends its child processes."""

    def __init__(
        self, views: Mapping[str, Cut], timeout_s: float, processes: int = PROCESSES
    ) -> None:
        self._processes = processes
        self._settings = {"views": dict(views)}
        self._timeout_s = timeout_s
        self._children: dict[int, Child] = {}
        self._waiting: deque[tuple[int, Job]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for place in list(self._children):
            self._end(place)

    def read(self, jobs: Iterable[Job]) -> Iterator[Reading]:
        """What became of each file, in their order."""
        coming = zip(cycle(range(self._processes)), jobs, strict=False)
        ahead = self._processes * AHEAD
        while True:
            while len(self._waiting) < ahead and (following := next(coming, None)):
                self._waiting.append(following)
                self._send(*following)
            if not self._waiting:
                return
            reading = self._first()
            self._waiting.popleft()
            yield reading

    def _first(self) -> Reading:
        """The first waiting job's answer; a child that dies over it is given a second try, since
        it may have been killed for others' want of memory."""
        place, job = self._waiting[0]
        for last in (False, True):
            try:
                return _reading(job, self._running(place).receive(self._timeout_s))
            except TimeoutError:
                self._restart(place, skip=1)
                return Reading(error=f"reading it took more than {self._timeout_s:g} s")
            except ChildFailed as error:
                self._restart(place, skip=int(last))
                reason = str(error)
        return Reading(error=f"the reader broke down on it ({reason})")

    def _restart(self, place: int, skip: int) -> None:
        self._end(place)
        for other, job in list(self._waiting)[skip:]:
            if other == place:
                self._send(place, job)

    def _send(self, place: int, job: Job) -> None:
        paths = {"path": os.fsencode(job.path).hex(), "root": os.fsencode(job.root).hex()}
        self._running(place).send(paths | {"known": job.known})

    def _running(self, place: int) -> Child:
        if place not in self._children:
            command = module("knowledge.ingest.reader_process", environment(**ONE_THREAD), LIMITS)
            self._children[place] = Child.start(command, self._settings)
        return self._children[place]

    def _end(self, place: int) -> None:
        child = self._children.pop(place, None)
        if child:
            child.end()


def _reading(job: Job, answer: Message) -> Reading:
    digest, text = answer.get("hash", ""), answer.get("text", "")
    pieces = {
        view: [
            Piece(start, end, line, heading, text[start:end]) for start, end, line, heading in cut
        ]
        for view, cut in answer.get("pieces", {}).items()
    }
    return Reading(
        hash=digest,
        same=bool(digest) and digest == job.known,
        gone=answer.get("gone", ""),
        error=answer.get("error", ""),
        text=text,
        has_lines=answer.get("has_lines", False),
        lines=answer.get("lines", ""),
        recheck=answer.get("recheck", False),
        notes=tuple(answer.get("notes", ())),
        version=answer.get("version", ""),
        language=answer.get("language", ""),
        pieces=pieces,
    )
