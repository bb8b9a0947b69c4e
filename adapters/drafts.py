"""Answers that are shown while they are written. Each has a task of its own, so that writing never
waits for a platform; the newest text wins, and no faster than the platform takes it."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from adapters.base import AdapterError, NetworkError, RateLimited
from common.clock import Clock

log = logging.getLogger(__name__)


class Draft(ABC):
    """One answer that grows, at most every `pause_s` seconds, until it is stopped."""

    def __init__(self, name: str, clock: Clock, pause_s: float) -> None:
        self.text = self.shown = ""
        self.not_before = 0.0
        self._name, self._clock, self._pause_s = name, clock, pause_s
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def step(self, text: str) -> None:
        """Shows the newest text. Raises NetworkError or RateLimited where that is worth another
        try, another AdapterError to show no more."""

    def due(self) -> float | None:
        """When the next step is; None for not before there is a new text."""
        return None if self.text == self.shown else self.not_before

    def grow(self, text: str) -> None:
        """The newest text; returns at once."""
        self.text = text
        self._woken.set()
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """No more steps; returns once the one under way is through: what became of a request that
        is cancelled would not be known."""
        self._stopping = True
        self._woken.set()
        if self._task:
            await asyncio.wait([self._task])  # a bare await would pass a cancellation on
            self._task.result()

    async def cancel(self) -> None:
        """Stops at once."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        try:
            while not self._stopping:
                due = self.due()
                if due is not None and due <= self._clock.now():
                    await self._step()
                else:
                    await self._clock.wait(self._woken, due)
                    self._woken.clear()
        except AdapterError as error:
            log.info("the draft in reply to %s grows no more: %s", self._name, error)

    async def _step(self) -> None:
        text = self.text
        self.not_before = self._clock.now() + self._pause_s
        try:
            await self.step(text)
        except (NetworkError, RateLimited) as error:
            log.debug("the draft in reply to %s is shown later: %s", self._name, error)
            if isinstance(error, RateLimited):
                self.not_before = max(self.not_before, self._clock.now() + error.retry_after_s)
        else:
            self.shown = text


D = TypeVar("D", bound=Draft)


class Drafts(Generic[D]):
    """The answers that are growing, by the id of the message that they answer."""

    def __init__(self) -> None:
        self.open: dict[str, D] = {}

    def show(self, message_id: str, text: str, make: Callable[[], D]) -> None:
        """Shows a text soon; returns at once."""
        if message_id not in self.open:
            self.open[message_id] = make()
        self.open[message_id].grow(text)

    async def hold(self, message_id: str | None) -> D | None:
        """The draft of an answer, which grows no more."""
        draft = self.open.get(message_id or "")
        if draft:
            await draft.stop()
        return draft

    def done(self, message_id: str | None) -> None:
        """The answer stands in its group, or there will be none."""
        self.open.pop(message_id or "", None)

    async def close(self) -> None:
        """Nothing grows any more."""
        for draft in self.open.values():
            await draft.cancel()
        self.open.clear()
