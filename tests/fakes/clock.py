"""Time that passes only when a test says so."""

import asyncio
from collections import Counter

from common.clock import SimulatedClock


class FakeClock(SimulatedClock):
    """Begins anywhere; `jump` goes to the next moment that somebody waits for."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        super().__init__(now)
        self._spans: Counter[float] = Counter()

    def waits_of(self, seconds: float) -> int:
        """How many wait for something that they give so many seconds to come."""
        return self._spans[seconds]

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """See `SimulatedClock`."""
        span = -1.0 if until is None else round(until - self.now(), 3)
        self._spans[span] += 1
        try:
            await super().wait(event, until)
        finally:
            self._spans[span] -= 1

    def advance(self, seconds: float) -> None:
        """Lets time pass; whoever waited for less goes on."""
        self.move_to(self.now() + seconds)

    def jump(self) -> None:
        """Lets time pass until the first deadline."""
        if (first := self.deadline) is not None:
            self.move_to(first)
