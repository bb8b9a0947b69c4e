"""Messages that were missed while there was no connection."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

from adapters.base import AdapterError, NetworkError, RateLimited, SendRefused
from adapters.contract import Context
from adapters.lark.codes import ScopeMissing
from adapters.lark.history import HistoryReader, Stretch
from adapters.lark.intake import Intake
from adapters.link import Link

log = logging.getLogger(__name__)

OVERLAP_S, START_OVERLAP_S = 60.0, 600.0
"""So much before the newest stored message is read again, after a reconnect and after a start:
what was stored last need not be what was said last, above all where the bot was killed."""
LATER = (NetworkError, RateLimited, OSError, sqlite3.Error)
"""What is worth another try."""
AT_ONCE = 4
TRIES = 8
LONGEST_PAUSE_S = 60.0


class Gaps:
    """Knows from when on each group has to be read. Outlives the connections."""

    def __init__(self, name: str, context: Context, reader: HistoryReader, link: Link) -> None:
        self._name, self._context = name, context
        self._clock, self._link = context.clock, link
        self._reader = reader
        self._since: dict[str, float] = {}
        self._started = self._off = False

    async def note(self) -> None:
        """Before a connection comes up: from when on has each group to be read? Raises
        AdapterError."""
        try:
            latest = await self._context.history.latest(self._name)
        except (OSError, sqlite3.Error) as error:
            raise AdapterError(f"the stored messages can't be read: {error}") from error
        overlap = OVERLAP_S if self._started else START_OVERLAP_S
        down_since = self._link.status().heard or self._clock.now()
        for group, newest in latest.items():
            begin = (newest or down_since) - overlap
            # A gap that was not closed before the next one began reaches back further.
            self._since[group] = min(self._since.get(group, begin), begin)
        self._started = True

    async def close(self, intake: Intake) -> None:
        """Publishes what was missed. What can't be read now is left for the next time."""
        if self._off or not self._since:
            return
        await self._patiently("the list of groups", self._reader.groups)
        waiting = sorted(self._since, key=self._since.__getitem__)
        stretches: list[Stretch] = []

        async def work_off() -> None:
            while waiting and not self._off:
                stretches.append(await self._read(intake, waiting.pop()))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work_off())
        if new := sum(stretch.new for stretch in stretches):
            log.info("%s: %d missed messages were fetched", self._name, new)

    async def _read(self, intake: Intake, group: str) -> Stretch:
        oldest = self._clock.now() - self._context.max_age_s
        stretch = Stretch(group, max(self._since[group], oldest))

        async def read() -> None:
            counted = stretch.new
            try:
                await self._reader.read(intake, stretch)
            except ScopeMissing as error:
                self._switch_off(error)
            finally:
                self._link.recovered(stretch.new - counted)

        if await self._patiently(f"the history of {group}", read):
            self._since.pop(group, None)
        return stretch

    def _switch_off(self, error: ScopeMissing) -> None:
        if not self._off:
            self._off = True
            self._since.clear()
            log.warning(
                "%s: missed messages are not fetched until the next start: %s", self._name, error
            )

    async def _patiently(self, what: str, read: Callable[[], Awaitable[object]]) -> bool:
        """Tries again and again; False when it can't be read for now."""
        pause = 0.0
        for attempt in range(TRIES):
            if attempt:
                await self._clock.wait(asyncio.Event(), self._clock.now() + pause)
            try:
                await read()
            except LATER as error:
                log.info("%s: %s can't be read now: %s", self._name, what, error)
                asked = error.retry_after_s if isinstance(error, RateLimited) else 0.0
                pause = min(max(asked, 2.0**attempt), LONGEST_PAUSE_S)
            except AdapterError as error:
                log.info("%s: %s can't be read: %s", self._name, what, error)
                return True
            else:
                return True
        log.warning("%s: %s is read after the next reconnect", self._name, what)
        return False


ROUND_OVERLAP_S = 60.0
"""So far back each round looks: edits and recalls of the last moments are noticed."""
GROUPS_S = 60.0
"""How long the list of the bot's groups is taken to be right."""


class Poll:
    """One round every `interval_s` seconds."""

    def __init__(
        self, name: str, interval_s: float, context: Context, reader: HistoryReader
    ) -> None:
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
        except LATER as error:
            log.info("%s: this round of reading ends early: %s", self._name, error)

    async def _read(self, intake: Intake, group: str) -> None:
        now = self._clock.now()
        newest = self._newest.setdefault(group, now)
        since = max(newest - ROUND_OVERLAP_S, now - self._context.max_age_s)
        stretch = Stretch(group, since)
        try:
            await self._reader.read(intake, stretch)
        except SendRefused as error:
            if isinstance(error, ScopeMissing):
                raise
            log.debug("%s: %s can't be read: %s", self._name, group, error)
        self._newest[group] = max(newest, stretch.newest)
