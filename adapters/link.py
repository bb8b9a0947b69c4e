"""The books of one connection: is it up, since when, what came and what was asked over it?"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from adapters.base import AdapterError, LinkStatus, LoginRefused, QuotaGone, Refusal, SetupRefused
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
        self._problem = self._problem_zh = ""
        self._calls: Counter[tuple[str, str]] = Counter()
        self._refused: dict[str, Refusal] = {}

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Marks the connection as up for as long as the context is open."""
        self._up, self._problem, self._problem_zh = True, "", ""
        self._since = self._heard = self._clock.now()
        self._connections += 1
        try:
            yield
        finally:
            self._up, self._since = False, self._clock.now()

    def failed(self, error: AdapterError) -> None:
        """Why the connection can't be made, or was lost."""
        self._problem, self._problem_zh = str(error), error.zh

    @contextmanager
    def noting(self, call: str, quota: str = "") -> Iterator[None]:
        """Around a call: what the platform refuses until a person acts is noted until the same
        call is obeyed again. A `quota` that is used up is shared by all calls that name it."""
        try:
            yield
        except (SetupRefused, LoginRefused) as error:
            name = quota if quota and isinstance(error, QuotaGone) else call
            self._refused[name] = Refusal(name, error.code, str(error), error.zh)
            raise
        else:
            for name in (call, quota):
                self._refused.pop(name, None)

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
            up=self._up,
            since=self._since,
            heard=self._heard,
            event=self._event,
            reconnects=max(0, self._connections - 1),
            recovered=self._recovered,
            problem=self._problem,
            problem_zh=self._problem_zh,
            calls=dict(self._calls),
            refused=tuple(self._refused.values()),
        )


async def until_first_ends(*work: Coroutine[Any, Any, None]) -> None:
    """Runs all until one ends, cancels the others, and raises what that one raised."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
