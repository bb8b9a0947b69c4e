"""Time, passed in: the real one, and one that passes only when told to."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from common.tasks import Tasks

DAY_S = 86400
WEEK_S = 7 * DAY_S


class Clock(Protocol):
    """What satisfies `adapters.contract.Clock` too."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Returns when the event is set or the time has come; None waits for the event only."""
        ...


SLEWED_S = 600.0
"""A clock that is set back by no more than this is followed slowly: who waits for a moment would
else wait for it a second time."""


class SystemClock:
    """The real time, but it never goes back by a little: set back, it goes on at half the speed
    until the real one has caught up. Whoever sets it back by more than `SLEWED_S` means it."""

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._steady = wall, steady
        self._last = self._last_steady = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        now, steady = self._wall(), self._steady()
        if self._last - SLEWED_S <= now < self._last:
            now = self._last + max(0.0, steady - self._last_steady) / 2
        self._last, self._last_steady = now, steady
        return now

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Returns when the event is set or the time has come."""
        try:
            async with asyncio.timeout(None if until is None else max(0.0, until - self.now())):
                await event.wait()
        except TimeoutError:
            return


class SimulatedClock:
    """Stands still until it is moved, so that days go by in seconds and work takes no time."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._waiting: dict[asyncio.Future[None], tuple[float | None, asyncio.Event]] = {}
        self._moved_on = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many are waiting, for a time or for an event that is not set."""
        return sum(not event.is_set() for _, event in self._waiting.values())

    @property
    def deadline(self) -> float | None:
        """The first moment that somebody waits for."""
        times = (until for until, _ in self._waiting.values() if until is not None)
        return min(times, default=None)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def move_to(self, moment: float) -> None:
        """It is this moment now; who waited for it or an earlier one goes on. Never goes back."""
        self._now = max(self._now, moment)
        for future, (until, _) in list(self._waiting.items()):
            if until is not None and until <= self._now:
                del self._waiting[future]  # it waits no longer, even before it gets its turn
                if not future.done():
                    future.set_result(None)

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Returns when the event is set or the time has come."""
        if event.is_set() or (until is not None and until <= self._now):
            return
        come = asyncio.get_running_loop().create_future()
        self._waiting[come] = (until, event)
        self._moved_on.set()
        told = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({come, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.pop(come, None)
            come.cancel()
            told.cancel()

    async def settle(self, tasks: Tasks) -> None:
        """Returns when each of the tasks waits for this clock to move, or is done."""
        tasks.on_end = self._moved_on.set
        while tasks.active > self.waiting:
            self._moved_on.clear()
            await self._moved_on.wait()
