"""Reading the groups in rounds, for apps that are told only of what mentions them."""

import asyncio
import logging
import sqlite3

from adapters.base import AdapterError, NetworkError, RateLimited
from adapters.contract import Context
from adapters.lark.codes import ScopeMissing
from adapters.lark.history import Reader, Stretch
from adapters.lark.intake import Intake

log = logging.getLogger(__name__)

OVERLAP_S = 60.0
"""So far back each round looks: edits and recalls of the last moments are noticed."""
GROUPS_S = 60.0
"""How long the list of the bot's groups is taken to be right."""


class Poll:
    """One round every `interval_s` seconds."""

    def __init__(self, name: str, interval_s: float, context: Context, reader: Reader) -> None:
        self._name, self._interval_s = name, interval_s
        self._context, self._clock = context, context.clock
        self._reader = reader
        self._groups: set[str] = set()
        self._listed_at = 0.0
        self._newest: dict[str, float] = {}

    async def run(self, intake: Intake) -> None:
        """Reads until a permission turns out to be missing."""
        try:
            while True:
                await self._round(intake)
                until = self._clock.now() + self._interval_s
                await self._clock.wait(asyncio.Event(), until)
        except ScopeMissing as error:
            log.warning("%s: poll_history_s is off until the next reconnect: %s", self._name, error)

    async def _round(self, intake: Intake) -> None:
        try:
            if self._clock.now() - self._listed_at >= GROUPS_S:
                self._groups = await self._reader.groups()
                self._listed_at = self._clock.now()
            for group in sorted(self._groups):
                await self._read(intake, group)
        except (NetworkError, RateLimited, OSError, sqlite3.Error) as error:
            log.info("%s: this round of reading ends early: %s", self._name, error)

    async def _read(self, intake: Intake, group: str) -> None:
        now = self._clock.now()
        newest = self._newest.setdefault(group, now)
        since = max(newest - OVERLAP_S, now - self._context.max_age_s)
        stretch = Stretch(group, since)
        try:
            await self._reader.read(intake, stretch)
        except ScopeMissing:
            raise
        except (NetworkError, RateLimited):
            raise
        except AdapterError as error:
            log.debug("%s: %s can't be read: %s", self._name, group, error)
        self._newest[group] = max(newest, stretch.newest)
