"""A worker's lanes: whatever the database does, no group is left with a holder that does nothing
for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.base import Event, IncomingMessage
from bot.cluster.fence import FencedDatabase
from bot.cluster.lanes import Lanes
from bot.cluster.wakes import Wakes
from bot.group import dispatcher
from bot.store.cluster.events import add_event
from bot.store.database import Database
from bot.store.engines.sqlite import open_sqlite
from bot.types import Group
from common.tasks import Tasks
from tests.bot.group.posts import post
from tests.fakes.failing_engine import Failing


class Taking:
    """Remembers what each lane took in."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[str] = asyncio.Queue()
        self.ended = asyncio.Event()
        self.broken = True

    async def receive(self, event: Event) -> bool:
        assert isinstance(event, IncomingMessage)
        if event.text == "trouble" and self.broken:
            raise ZeroDivisionError
        self.taken.put_nowait(event.message_id)
        return True

    async def stop(self) -> None:
        """There is nothing under way."""

    @asynccontextmanager
    async def opened(
        self, group: Group, database: FencedDatabase, tasks: Tasks
    ) -> AsyncIterator["Taking"]:
        del group, database, tasks
        try:
            yield self
        finally:
            self.ended.set()


async def test_a_group_is_served_again_after_its_lane_failed_and_could_not_be_given_back(
    tmp_path: Path,
) -> None:
    engine = Failing(open_sqlite(tmp_path / "s", 5.0, durable=False, upgrade=True))
    database, group = Database(engine), Taking()
    lanes = Lanes(
        database=database,
        holder="w1",
        opening=group.opened,
        wakes=Wakes(0.01),
        lease_s=0.05,
        idle_s=60.0,
    )
    async with Tasks() as tasks, asyncio.timeout(60):
        tasks.spawn(lanes.run())
        await database.run(add_event, post("m1", group="g"))
        assert await group.taken.get() == "m1"
        engine.away = True
        lanes.wakes.tell_all()
        await group.ended.wait()
        enough = engine.failures + 20
        while engine.failures < enough:  # to give it back fails as well
            await asyncio.sleep(0.01)
        engine.away = False
        await database.run(add_event, post("m2", group="g"))
        while await group.taken.get() != "m2":
            pass  # what was not taken in to its end comes again
        lanes.stop()
    await database.close()


async def test_a_bug_in_one_lane_ends_no_other_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LAST_PAUSE_S", 0.01)
    database = Database(open_sqlite(tmp_path / "s", 5.0, durable=False, upgrade=True))
    group = Taking()
    lanes = Lanes(database=database, holder="w1", opening=group.opened, wakes=Wakes(0.01))
    async with Tasks() as tasks, asyncio.timeout(60):
        tasks.spawn(lanes.run())
        await database.run(add_event, post("m1", "trouble", group="g"))
        while not lanes.failing.named():
            await asyncio.sleep(0.01)
        assert lanes.failing.named() == {"web:g": "ZeroDivisionError"}
        await database.run(add_event, post("m2", group="h"))
        assert await group.taken.get() == "m2"
        group.broken = False  # another version, say
        assert await group.taken.get() == "m1"
        lanes.stop()
    await database.close()
