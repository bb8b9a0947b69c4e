"""The circuit breaker of one server: after failures it is left alone, then probed."""

from bot.llm.types import (
    AuthError,
    BadRequest,
    ContextTooLong,
    LlmError,
    ModelMissing,
    RateLimited,
    Unavailable,
    Unreachable,
)
from common.clock import Clock

LEFT_ALONE_S = 30.0
"""How long a failed server gets no requests; then it is probed before it gets another."""

FAILURES = 3
"""Different requests that fail, with none answered between, until a server is left alone."""

REFUSALS = 2
"""Connections refused in a row until then: nobody listens there."""


class Breaker:
    """Closed (asked), open (left alone until a time) or half-open: the time has passed, and a
    probe decides."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: set[int] = set()
        self._refused = 0
        self._retry_at: float | None = None
        self.problem = ""
        self.answered = 0
        self.needs_chat = False

    @property
    def closed(self) -> bool:
        """May it be asked without a probe?"""
        return self._retry_at is None

    def due(self) -> bool:
        """Has it been left alone long enough for a probe?"""
        return self._retry_at is not None and self._clock.now() >= self._retry_at

    def failed(self, error: LlmError, call: int) -> bool:
        """Counts a failure of the request with this number; a retry of the same request counts
        once. True when the server is left alone from now on."""
        if isinstance(error, RateLimited | BadRequest | ContextTooLong):
            return False  # it is alive, and said what it wants
        self._failed.add(call)
        self._refused = self._refused + 1 if isinstance(error, Unreachable) else 0
        hopeless = isinstance(error, AuthError | ModelMissing)
        many = self._refused >= REFUSALS or len(self._failed) >= FAILURES
        if not self.closed or not (hopeless or many):
            return False
        self.open(error)
        # What lists its models in good health while it fails to answer is asked for an answer.
        self.needs_chat = not isinstance(error, Unreachable)
        return True

    def worked(self) -> None:
        """It answered a request: all is well."""
        self.answered += 1
        self.close()

    def open(self, error: LlmError) -> None:
        """Leaves it alone for a while. What is wrong is kept unless it passes by itself."""
        self._retry_at = self._clock.now() + LEFT_ALONE_S
        self.problem = "" if isinstance(error, Unavailable) else str(error)

    def close(self) -> None:
        """It can be asked again."""
        self._failed.clear()
        self._refused, self._retry_at = 0, None
        self.problem, self.needs_chat = "", False
