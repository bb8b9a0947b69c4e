"""Messages that were missed while there was no connection."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from adapters.base import AdapterError, NetworkError, RateLimited, SendRefused, StoreFailed
from adapters.contract import Context
from adapters.lark.codes import ScopeMissing
from adapters.lark.history import HistoryReader, Stretch
from adapters.lark.intake import Intake
from adapters.link import Link

log = logging.getLogger(__name__)

OVERLAP_S, START_OVERLAP_S = 60.0, 600.0
"""So much before the newest stored message is read again, after a reconnect and after a start:
what was stored last need not be what was said last, above all where the bot was killed."""
LATER = (NetworkError, RateLimited, OSError, StoreFailed)
"""What is worth another try."""
DENIED_S = 600.0
"""Where a permission is missing, this long passes before it is tried again."""
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
        self._heard: set[str] = set()
        self._others_since = self._denied_until = 0.0
        self._started = self._warned = False

    async def note(self) -> None:
        """Before a connection comes up: from when on has each group to be read? Raises
        AdapterError."""
        try:
            latest = await self._context.history.latest(self._name)
        except (OSError, StoreFailed) as error:
            raise AdapterError(f"the stored messages can't be read: {error}") from error
        overlap = OVERLAP_S if self._started else START_OVERLAP_S
        down_since = self._link.status().heard or self._clock.now()
        for group, newest in latest.items():
            self._reach_back(group, (newest or down_since) - overlap)
        # Of groups never heard from: after a start the newest message of all tells when the bot
        # was last there; at the very first start nothing was missed.
        last = down_since if self._started else max(latest.values(), default=0.0)
        self._heard, self._others_since = set(latest), last and last - overlap
        self._started = True

    async def close(self, intake: Intake) -> None:
        """Publishes what was missed. What can't be read now is left for the next time; where the
        permission is missing, it is tried again every ten minutes."""
        while not await self._closed(intake):
            await self._clock.wait(asyncio.Event(), self._denied_until)

    async def _closed(self, intake: Intake) -> bool:
        """False where the permission is missing."""
        if self._denied:
            return False
        if not self._since and not self._others_since:
            return True
        listed: set[str] = set()

        async def list_groups() -> None:
            listed.update(await self._reader.groups())

        with suppress(ScopeMissing):
            await self._patiently("the list of groups", list_groups)
        for group in listed - self._heard if self._others_since else ():
            self._reach_back(group, self._others_since)
        waiting = sorted(self._since, key=self._since.__getitem__)
        stretches: list[Stretch] = []

        async def work_off() -> None:
            while waiting and not self._denied:
                stretches.append(await self._read(intake, waiting.pop()))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work_off())
        if new := sum(stretch.new for stretch in stretches):
            log.info("%s: %d missed messages were fetched", self._name, new)
        self._warned = self._denied
        return not self._denied

    @property
    def _denied(self) -> bool:
        return self._clock.now() < self._denied_until

    def _reach_back(self, group: str, begin: float) -> None:
        """A gap that was not closed before the next one began reaches back further."""
        self._since[group] = min(self._since.get(group, begin), begin)

    async def _read(self, intake: Intake, group: str) -> Stretch:
        oldest = self._clock.now() - self._context.max_age_s
        stretch = Stretch(group, max(self._since[group], oldest))

        async def read() -> None:
            counted = stretch.new
            try:
                await self._reader.read(intake, stretch)
            finally:
                self._link.recovered(stretch.new - counted)

        try:
            if await self._patiently(f"the history of {group}", read):
                self._since.pop(group, None)
        except ScopeMissing as error:
            self._denied_until = self._clock.now() + DENIED_S
            if not self._warned:
                self._warned = True
                log.warning("%s: missed messages are not fetched: %s", self._name, error)
        return stretch

    async def _patiently(self, what: str, read: Callable[[], Awaitable[object]]) -> bool:
        """Tries again and again; False when it can't be read for now. Raises ScopeMissing."""
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
            except ScopeMissing:
                raise
            except AdapterError as error:
                log.info("%s: %s can't be read: %s", self._name, what, error)
                return True
            else:
                return True
        log.warning("%s: %s is read after the next reconnect", self._name, what)
        return False


ROUND_OVERLAP_S = 60.0
"""So far back each round looks: edits and recalls of the last moments are noticed."""
GROUPS_S = 10.0
"""How long the list of the bot's groups is taken to be right, unless it comes into one."""


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
        """Never ends by itself. Where a permission is missing, it is tried again after a while."""
        warned = False
        while True:
            pause = self._interval_s
            try:
                await self._round(intake)
            except ScopeMissing as error:
                pause = DENIED_S
                if not warned:
                    log.warning("%s: groups are not read: %s", self._name, error)
                warned = True
            else:
                warned = False
            await self._clock.wait(intake.joined, self._clock.now() + pause)
            if intake.joined.is_set():
                intake.joined.clear()
                self._listed_at = 0.0

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
