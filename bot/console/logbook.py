"""The newest lines of the log, for the console."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

KEPT = 500
LINE_CHARS = 2000


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the log; `at` is in seconds since the epoch."""

    at: float
    level: str
    name: str
    text: str


class LogBook(logging.Handler):
    """Keeps the newest lines of the log in memory, from INFO on."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[LogLine] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a line; of one whose values don't fit its words, the words alone: who logs must not
        fail by it."""
        try:
            text = self.format(record)
        except (TypeError, ValueError, KeyError):
            text = str(record.msg)
        line = LogLine(record.created, record.levelname, record.name, text[:LINE_CHARS])
        self._lines.append(line)

    def newest(self) -> list[LogLine]:
        """What is kept, the newest first; other threads may log meanwhile."""
        self.acquire()
        try:
            return list(reversed(self._lines))
        finally:
            self.release()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps what is logged while the context is open."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)
