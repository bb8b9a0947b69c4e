"""How a search engine is doing: may it be asked, and what should the operator know?"""

import logging
import math
import time

from common.clock import Clock
from knowledge.web.types import EngineError, Faulty, Refused, Rejected, Throttled, Unusable

log = logging.getLogger(__name__)

FAILURES, FAILED_PAUSE_S = 3, 300.0
"""Queries in a row that fail, until it is left alone for a while."""

REFUSED_PAUSE_S = 3600.0

BARREN = 5
"""Queries in a row without a result from which on a scraped engine is suspected to refuse us."""


class EngineHealth:
    """Counts what an engine's queries come to, and tells of a change once."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name, self._clock = name, clock
        self._failed = self._barren = 0
        self._paused_until = 0.0
        self._problem = self._told = ""

    @property
    def usable(self) -> bool:
        """May it be asked now?"""
        return self._clock.now() >= self._paused_until

    @property
    def note(self) -> str:
        """What is wrong; "" where nothing is."""
        if not self._problem:
            return ""
        left = self._paused_until - self._clock.now()
        if left == math.inf:
            return f"web search is off: {self._problem}"
        if left > 0:
            until = time.strftime("%H:%M", time.localtime(self._paused_until))
            return f"web search is off until {until}: {self._problem}"
        return f"web search: {self._problem}"

    def failed(self, error: EngineError) -> None:
        """A query was not answered."""
        pause = 0.0
        if isinstance(error, Faulty | Throttled):
            self._failed += 1
            pause = FAILED_PAUSE_S if self._failed >= FAILURES else 0.0
        elif isinstance(error, Refused | Unusable):
            pause = math.inf if isinstance(error, Unusable) else REFUSED_PAUSE_S
        if pause:
            self._paused_until = max(self._paused_until, self._clock.now() + pause)
        if pause or isinstance(error, Rejected):
            self._tell(str(error))

    def worked(self, results: int) -> None:
        """A query was answered."""
        self._failed = 0
        self._barren = 0 if results else self._barren + 1
        if self._barren >= BARREN and self._name == "ddgs":
            self._tell(
                f"ddgs found nothing {BARREN} times in a row; "
                "the search engines may refuse this machine"
            )
        elif self._problem and results:
            log.info("web search works again")
            self._problem = self._told = ""

    def _tell(self, problem: str) -> None:
        self._problem = problem
        if self._told != problem:
            self._told = problem
            log.warning("%s", self.note)
