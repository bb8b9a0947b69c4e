"""The child's side of `common.process`: JSON lines from and to the process that started it."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from common.process import Message


@dataclass(frozen=True, slots=True)
class Parent:
    """The process that started this one."""

    out: TextIO

    def send(self, message: Message) -> None:
        """Sends a message."""
        self.out.write(json.dumps(message) + "\n")
        self.out.flush()

    def receive(self) -> Message:
        """The next message. Raises EOFError where there will be none."""
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        message: Message = json.loads(line)
        return message


@contextlib.contextmanager
def parent() -> Iterator[Parent]:
    """The parent, alone on standard output: what libraries print goes to standard error. Without a
    parent it ends this process: nobody listens, and there is nothing to complain of."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        sys.stdout.flush()
        os.dup2(2, 1)
        try:
            yield Parent(out)
        except BrokenPipeError:
            os._exit(1)


def serve(start: Callable[[Message], Callable[[Message], Message]]) -> None:
    """Answers messages until there are no more; `start` makes of the first one, the settings, what
    answers the others."""
    with parent() as asking, contextlib.suppress(EOFError):
        answer = start(asking.receive())
        while True:
            asking.send(answer(asking.receive()))
