"""Time that passes only when a test says so."""

import asyncio


class FakeClock:
    """Satisfies `common.clock.Clock`. `jump` goes to the next moment that somebody waits for."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._waiting: dict[asyncio.Future[None], float | None] = {}

    @property
    def waiting(self) -> int:
        """How many are waiting."""
        return len(self._waiting)

    @property
    def deadline(self) -> float | None:
        """The first moment that somebody waits for."""
        return min((until for until in self._waiting.values() if until is not None), default=None)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Lets time pass; whoever waited for less goes on."""
        self._now += seconds
        for future, until in list(self._waiting.items()):
            if until is not None and until <= self._now:
                del self._waiting[future]  # it waits no longer, even before it gets its turn
                if not future.done():
                    future.set_result(None)

    def jump(self) -> None:
        """Lets time pass until the first deadline."""
        if (first := self.deadline) is not None:
            self.advance(max(0.0, first - self._now))

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Returns when the event is set or the time has come."""
        if until is not None and until <= self._now:
            return
        come = asyncio.get_running_loop().create_future()
        self._waiting[come] = until
        told = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({come, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.pop(come, None)
            come.cancel()
            told.cancel()
