"""What was learned about a backend's servers by asking them. Servers change: it is forgotten
after a while, and found out again."""

from collections.abc import Collection

from common.clock import Clock

KEPT_S = 3600.0


class Capabilities:
    """Which fields they refuse, and whether their model thinks though it was told not to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left_out: tuple[frozenset[str], float] = (frozenset(), 0.0)
        self._thinks: tuple[bool | None, float] = (None, 0.0)

    @property
    def left_out(self) -> frozenset[str]:
        """Fields that are not sent."""
        names, until = self._left_out
        return names if self._clock.now() < until else frozenset()

    @property
    def thinks(self) -> bool | None:
        """Does the model think all the same? None where nobody tried lately."""
        thinks, until = self._thinks
        return thinks if self._clock.now() < until else None

    def leave_out(self, names: Collection[str]) -> None:
        """A request was taken without these fields, not with them."""
        self._left_out = (self.left_out | frozenset(names), self._clock.now() + KEPT_S)

    def note_thinking(self, *, thinks: bool) -> None:
        """It was tried whether it answers when it has room for thoughts."""
        self._thinks = (thinks, self._clock.now() + KEPT_S)
