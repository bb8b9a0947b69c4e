"""Time that passes only when a test says so."""

from common.clock import SimulatedClock


class FakeClock(SimulatedClock):
    """Begins anywhere; `jump` goes to the next moment that somebody waits for."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        super().__init__(now)

    def advance(self, seconds: float) -> None:
        """Lets time pass; whoever waited for less goes on."""
        self.move_to(self.now() + seconds)

    def jump(self) -> None:
        """Lets time pass until the first deadline."""
        if (first := self.deadline) is not None:
            self.move_to(first)
