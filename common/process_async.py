"""Child processes for the event loop, see `common.process`."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from signal import SIGKILL, SIGTERM
from typing import Any, Self

from common.process import (
    GRACE_S,
    ChildFailed,
    Command,
    LastWords,
    Message,
    parsed,
    signal_all,
)

MOST_BYTES = 1 << 20
"""Of a message, where nothing else is said."""

_PART_BYTES = 1 << 16


def _nobody(_: str) -> None:
    """Hears nothing."""


class AsyncChild:
    """A running child; make it by `start`, and leave it, by `async with`, to end it."""

    def __init__(self, process: Process, heard: Callable[[str], None], grace_s: float) -> None:
        self._process, self._heard, self._grace_s = process, heard, grace_s
        self._words = LastWords()
        self._hearing = asyncio.ensure_future(self._hear())
        self.ended = asyncio.ensure_future(process.wait())
        """Its status, once it has ended."""

    @classmethod
    async def start(
        cls,
        command: Command,
        most_bytes: int = MOST_BYTES,
        heard: Callable[[str], None] = _nobody,
        grace_s: float = GRACE_S,
    ) -> Self:
        """Starts a command; its messages may have so many bytes, and `heard` gets each line of
        its standard error. `grace_s` is what it gets to end by itself. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *command.line(),
            cwd=command.folder,
            env=command.environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=most_bytes,
            start_new_session=True,
        )
        return cls(process, heard, grace_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The end of what it wrote to its standard error."""
        return str(self._words)

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message; a child that is gone says so when it is asked for an answer."""
        assert self._process.stdin  # noqa: S101 - a pipe, as asked for above
        with suppress(ConnectionError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()

    async def receive(self) -> Message:
        """The next message. Raises ChildFailed."""
        assert self._process.stdout  # noqa: S101 - a pipe, as asked for above
        coming = asyncio.ensure_future(self._process.stdout.readline())
        try:
            await asyncio.wait({coming, self.ended}, return_when=asyncio.FIRST_COMPLETED)
            # What it wrote before it ended is still to be had, unless somebody holds the pipe.
            await asyncio.wait({coming}, timeout=GRACE_S)
            line = coming.result() if coming.done() else b""
        except ValueError:  # more than it may say
            raise ChildFailed(None, self.last_words) from None
        finally:
            coming.cancel()
        if line.endswith(b"\n"):
            return parsed(line)
        await asyncio.wait({self.ended}, timeout=GRACE_S)
        await asyncio.wait({self._hearing}, timeout=GRACE_S)
        raise ChildFailed(self.ended.result() if self.ended.done() else None, self.last_words)

    async def end(self) -> None:
        """Asks it and what it started to end, then kills what is left of them."""
        try:
            if not self.ended.done():
                signal_all(self.pid, SIGTERM)
                await asyncio.wait({self.ended}, timeout=self._grace_s)
        finally:
            signal_all(self.pid, SIGKILL)
            if self._process.stdin:
                self._process.stdin.close()
        await asyncio.wait({self.ended, self._hearing}, timeout=GRACE_S)
        self._hearing.cancel()

    async def _hear(self) -> None:
        assert self._process.stderr  # noqa: S101 - a pipe, as asked for above
        rest = b""
        while data := await self._process.stderr.read(_PART_BYTES):
            self._words.add(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._heard(line.decode("utf-8", "replace").rstrip())
            rest = rest[-_PART_BYTES:]
