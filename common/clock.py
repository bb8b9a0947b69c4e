"""The real time; what satisfies `adapters.contract.Clock` can stand in for it."""

import asyncio
import time
from typing import Protocol


class SystemClock:
    """The real time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Returns when the event is set or the time has come."""
        try:
            async with asyncio.timeout(None if until is None else max(0.0, until - self.now())):
                await event.wait()
        except TimeoutError:
            return


class Clock(Protocol):
    """Time, passed in so that tests can let hours go by in a moment."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Returns when the event is set or the time has come; None waits for the event only."""
        ...
