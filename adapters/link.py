"""The books of one connection: is it up, since when, what came and what was asked over it?"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.base import LinkStatus
from common.clock import Clock

MAX_RESULTS = 200
"""Kinds of (call, result) that are counted apart; a platform's codes are many."""


class Link:
    """Kept by an adapter, read by whoever asks for its `status`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._up = False
        self._since = self._heard = self._event = 0.0
        self._connections = self._recovered = 0
        self._problem = ""
        self._calls: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Marks the connection as up for as long as the context is open."""
        self._up, self._problem = True, ""
        self._since = self._heard = self._clock.now()
        self._connections += 1
        try:
            yield
        finally:
            self._up, self._since = False, self._clock.now()

    def failed(self, problem: str) -> None:
        """Why the connection can't be made, or was lost."""
        self._problem = problem

    def heard(self, *, event: bool = False) -> None:
        """The platform sent something."""
        self._heard = self._clock.now()
        if event:
            self._event = self._heard

    def recovered(self, messages: int) -> None:
        """So many messages were missed and have been fetched from the history."""
        self._recovered += messages

    def called(self, name: str, result: str) -> None:
        """An API call was made; `result` is "ok" or the platform's code."""
        if (name, result) not in self._calls and len(self._calls) >= MAX_RESULTS:
            result = "other"
        self._calls[name, result] += 1

    async def silent(self, seconds: float) -> float:
        """Returns once the platform has sent nothing for so many seconds: how many it were.

        What looks like an open connection may be half-open: a cut cable, a sleeping laptop, a
        router that forgot it. Only silence beyond the platform's ping interval tells.
        """
        while (left := self._heard + seconds - self._clock.now()) > 0:
            await self._clock.wait(asyncio.Event(), self._clock.now() + left)
        return self._clock.now() - self._heard

    def status(self) -> LinkStatus:
        """A copy of the books."""
        return LinkStatus(
            self._up,
            self._since,
            self._heard,
            self._event,
            max(0, self._connections - 1),
            self._recovered,
            self._problem,
            dict(self._calls),
        )
