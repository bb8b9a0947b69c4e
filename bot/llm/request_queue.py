"""Who may send next: so many requests at a time, so many a minute, the most urgent first.

Waiting costs nothing here, before anything is sent: under load it is the order that matters, and
that no answer which is nearly done is thrown away because others came before its last check.
"""

import asyncio
from bisect import insort
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf

from bot.llm.types import Busy, Priority
from common.clock import Clock
from common.rate_limit import Pace


@dataclass(order=True, slots=True)
class _Ticket:
    """A place in the line; `owed` are the units it has not got from the limits per minute yet."""

    priority: Priority
    number: int
    owed: list[tuple[Pace, int]] = field(compare=False)
    called: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


class RequestQueue:
    """The line in front of one backend. `rpm` and `tpm` 0 are no limit; of several processes
    (`sharers`) that are held to the same limits each has its share."""

    def __init__(
        self,
        clock: Clock,
        at_once: int,
        rpm: int,
        tpm: int,
        sharers: Callable[[], int] = lambda: 1,
    ) -> None:
        self._clock, self._free, self._sharers = clock, at_once, sharers
        # Some APIs count by the second: a tenth of a minute's requests may come at once.
        self._requests = Pace(clock, rpm, burst=rpm // 10)
        self._tokens = Pace(clock, tpm)
        self._line: list[_Ticket] = []

    @asynccontextmanager
    async def turn(
        self, priority: Priority, number: int, tokens: int, until: float
    ) -> AsyncIterator[None]:
        """Waits for a turn and holds it. Equals go by their number. Raises Busy when the turn
        doesn't come, or is known not to come, by `until`."""
        owed = [(self._requests, 1), (self._tokens, tokens)]
        began = self._clock.now()
        try:
            await self._admitted(_Ticket(priority, number, owed), until)
        except TimeoutError as error:
            raise Busy(f"no turn came within {max(0.0, until - began):.0f} s") from error
        try:
            yield
        finally:
            self._free += 1
            self._call_first()

    async def _admitted(self, ticket: _Ticket, until: float) -> None:
        insort(self._line, ticket)
        try:
            async with asyncio.timeout(max(0.0, until - self._clock.now())):
                while pause := self._pause(ticket):
                    ticket.called.clear()
                    if pause == inf:
                        await ticket.called.wait()
                        continue
                    again = self._clock.now() + pause
                    if again > until:
                        raise TimeoutError
                    await self._clock.wait(ticket.called, again)
            self._free -= 1
        finally:
            self._line.remove(ticket)
            self._call_first()

    def _pause(self, ticket: _Ticket) -> float:
        """Seconds until the ticket should try again; 0 when it is its turn, endless when somebody
        must call it."""
        if self._line[0] is not ticket or not self._free:
            return inf
        while ticket.owed:
            pace, units = ticket.owed[0]
            # Who has a half of the limit takes twice of the whole.
            if pause := pace.take(units=units * self._sharers()):
                return pause
            ticket.owed.pop(0)
        return 0.0

    def _call_first(self) -> None:
        if self._line:
            self._line[0].called.set()
