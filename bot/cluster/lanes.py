"""The groups that a worker has: claimed while they have work, fed in order, given back when idle.

All that is remembered of a group beyond the store begins with the claim and ends with the lane. A
lane that fails, or is lost, leaves everything in the store, where its next holder finds it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from adapters.base import Event
from bot.cluster.fence import FencedDatabase, LeaseLost
from bot.cluster.wakes import Wakes
from bot.group.dispatcher import Failing
from bot.store.cluster.events import EVENTS, drop_events, lane_name, next_events
from bot.store.cluster.leases import Held, Lane, busy_lanes, look, release, renew
from bot.store.database import Database, StoreError
from bot.types import Group
from common.tasks import Tasks
from common.texts import Said

log = logging.getLogger(__name__)

LEASE_S = 15.0
"""A worker that was not heard of for so long has lost its lanes."""

IDLE_S = 20.0
"""So long a lane without work is kept: what is remembered of it need not be read again."""

TAKEN = 50
"""Events that a lane takes in before it says so."""

CLAIMED, SPARE = 16, 8
"""So many lanes are claimed at once, and so many more than its share a worker may have."""

COUNT_S = 1.0
"""So often it is counted how many lanes there are to share, and looked for those that are due."""

GAP_S = 0.03
"""Between two looks: of many events that come in one after the other all are found together."""


class OpenLane(Protocol):
    """A group with its parts, ready for what comes in."""

    async def receive(self, event: Event) -> bool:
        """Takes in an event."""
        ...

    async def stop(self) -> None:
        """Ends what is under way as a stopping daemon does."""
        ...


Opening = Callable[[Group, FencedDatabase, Tasks], AbstractAsyncContextManager[OpenLane]]
"""Makes a group's parts on the lane's own database, and takes up what was left there."""


@dataclass(slots=True, eq=False)
class _Held:
    """A lane at work."""

    lane: Lane
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Something has come in, or ended."""
    task: "asyncio.Task[None] | None" = None


@dataclass(slots=True, kw_only=True, eq=False)
class Lanes:
    """The lanes of one worker, whose name is `holder`; `workers` is how many there are."""

    database: Database
    holder: str
    opening: Opening
    wakes: Wakes
    workers: Callable[[], int] = lambda: 1
    lease_s: float = LEASE_S
    idle_s: float = IDLE_S
    failing: Failing = field(default_factory=Failing)
    _held: dict[Group, _Held] = field(default_factory=dict, init=False)
    _share: int = field(default=SPARE, init=False)
    """So many lanes this worker may have, as of its last count."""
    _counted_at: float = field(default=-COUNT_S, init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def groups(self) -> list[Group]:
        """Those that are held now."""
        return list(self._held)

    async def run(self) -> None:
        """Claims and works until `stop`; then returns when all lanes are given back."""
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(self._keep_renewing())
            with self.wakes.listening(EVENTS) as news:
                while not self._stopping.is_set():
                    try:
                        more = await self._look(group)
                    except StoreError as error:
                        log.error("no lanes can be claimed: %s", error)
                        more = False
                    if not more:
                        await asyncio.sleep(GAP_S)
                        await self.wakes.until(news)
            while tasks := [held.task for held in self._held.values() if held.task]:
                await asyncio.wait(tasks)
            renewing.cancel()

    def stop(self) -> None:
        """Takes no more, and ends each lane after what it is at."""
        self._stopping.set()
        self.wakes.tell_all()
        for held in self._held.values():
            held.news.set()

    async def _look(self, group: asyncio.TaskGroup) -> bool:
        """Wakes its own lanes, and claims others; True where there may be more to claim."""
        thorough = time.monotonic() >= self._counted_at + COUNT_S
        if thorough:
            busy = await self.database.run(busy_lanes)
            self._share = -(-busy // max(1, self.workers())) + SPARE
            self._counted_at = time.monotonic()
        room = min(CLAIMED, self._share - len(self._held))
        found = await self.database.run(look, self.holder, self.lease_s, room, thorough=thorough)
        for one in found.waiting:
            if held := self._held.get(one):
                held.news.set()
        for lane in found.claimed:
            before = self._held.get(lane.group)
            if before and before.task:  # it was lost, and is found again before it has ended
                before.task.cancel()
                await asyncio.wait({before.task})
            held = self._held[lane.group] = _Held(lane)
            held.task = group.create_task(self._work(held))
        return found.more

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(self.lease_s / 5)
            before = list(self._held.values())
            try:
                kept = set(await self.database.run(renew, self.holder, self.lease_s))
            except StoreError as error:
                log.error("the lanes could not be prolonged: %s", error)
                continue
            for held in before:
                if held.lane not in kept and held.task:
                    held.task.cancel()

    async def _work(self, held: _Held) -> None:
        lane, done = held.lane, False
        try:
            with suppress(asyncio.CancelledError):
                done = await self._fed(held)
                self.failing.well(lane.group)
        except LeaseLost as error:
            log.warning("%s", error)
        except StoreError as error:
            log.error("the group %s is left for the moment: %s", ":".join(lane.group), error)
            await asyncio.sleep(self.wakes.poll_s)
        except Exception as error:  # noqa: BLE001 - `failed` logs where it happened
            # One of the few places for a broad except: the other groups must go on. The lane is
            # kept meanwhile, or it would be due again at once.
            await _within(self._stopping, self.failing.failed(lane.group, error))
        finally:
            try:
                # What this worker seems to have, it goes on prolonging; at its end the lease ends.
                giving = partial(self.database.run, release, lane, self.holder, done=done)
                problem = f"the group {':'.join(lane.group)} can't be given back"
                await self.wakes.until_stored(giving, problem, self._stopping.is_set)
            finally:
                if self._held.get(lane.group) is held:
                    del self._held[lane.group]

    async def _fed(self, held: _Held) -> bool:
        """Feeds a lane until it is idle or the worker stops; is nothing left in it?"""
        group = held.lane.group
        database = fenced(self.database, held.lane, self.holder)
        with self.wakes.listening(EVENTS, lane_name(group)) as held.news:
            return await self._fed_from(held, database)

    async def _fed_from(self, held: _Held, database: FencedDatabase) -> bool:
        group = held.lane.group
        async with (
            Tasks(tolerated=StoreError) as tasks,
            self.opening(group, database, tasks) as opened,
        ):
            tasks.on_end = held.news.set
            while not self._stopping.is_set():
                held.news.clear()
                if taken := await database.run(next_events, group, TAKEN):
                    for one in taken:
                        await opened.receive(one.event)
                    await database.run(drop_events, taken)
                elif tasks.active:
                    await held.news.wait()
                elif not await _within(held.news, self.idle_s):
                    return True
            await opened.stop()
        return False


def fenced(database: Database, lane: Lane, holder: str) -> FencedDatabase:
    """The database of a lane's holder."""
    name = ":".join(lane.group)
    lost = Said(f"群 {name} 已由另一个进程接管", f"the group {name} has another holder by now")
    return FencedDatabase(database, Held(lane, holder), lost)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Is it set within so many seconds?"""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
