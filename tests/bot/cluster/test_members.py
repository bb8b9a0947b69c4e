"""Processes know of each other, and what only one may have has one holder."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.base import LinkStatus, Refusal
from bot.cluster import members
from bot.cluster.fence import FencedDatabase, LeaseLost
from bot.cluster.holds import Holds
from bot.cluster.members import VERSION, Members, Role, link_fields
from bot.group.status import status_text
from bot.store.cluster.events import add_event
from bot.store.cluster.leases import let_go
from bot.store.cluster.processes import still_admitted
from bot.store.database import Connection, Database
from bot.store.store import StoreError, open_store
from common.tasks import Tasks
from common.texts import Said
from tests.bot.group.posts import post

ROOT = Path(__file__).parents[3]
COUNTS = {"messages": 5, "answers": 2, "unfinished": 0, "helpful": 1, "unhelpful": 0}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_store(tmp_path / "bot.sqlite", durable=False) as store:
        yield store.database


def member(database: Database, name: str, role: Role, **state: Any) -> Members:
    return Members(database=database, id=name, role=role, telling=lambda: state)


def stand_still(db: Connection) -> None:
    db.execute("UPDATE processes SET seen = seen - 3600")


def expire(db: Connection) -> None:
    db.execute("UPDATE holds SET leased_until = 1")


async def test_each_sees_the_others_and_how_their_connections_are(database: Database) -> None:
    refused = Refusal("pin", "1", "no right", "没权限")
    up = LinkStatus(up=True, since=5.0, heard=9.0, refused=(refused,))
    receiver = member(
        database, "host:1:a", Role.RECEIVER, holds=["lark"], links={"lark": link_fields(up)}
    )
    worker = member(database, "host:2:b", Role.WORKER, lanes=3)
    await receiver.beat()
    await database.run(add_event, post("m1"))
    await worker.beat()
    assert worker.link("lark") == up
    assert not worker.link("dingtalk").up and worker.link("dingtalk").problem
    assert worker.missing() == ["scheduler"]
    assert worker.count(Role.WORKER) == 1 and worker.backlog["events"] == 1
    lines = status_text(None, COUNTS, None, {"processes": worker.shown()}, chinese=False)
    assert f"receiver host:1 (version {VERSION}, up " in lines
    assert "0 groups, holds lark" in lines and "3 groups, holds -" in lines
    await receiver.leave()
    await worker.beat()
    assert worker.missing() == ["receiver", "scheduler"]


async def test_many_events_that_wait_are_counted_now_and_then(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "COUNTED_PER_S", 1e-6)  # three of them: in a month
    worker, counted = member(database, "host:1:a", Role.WORKER), []
    for number in range(4):
        await worker.beat()
        counted.append(worker.backlog["events"])
        await database.run(add_event, post(f"m{number}"))
    assert counted == [0, 1, 1, 1]
    await database.run(lambda db: db.execute("UPDATE events SET at = at - 60"))
    await worker.beat()
    assert worker.backlog["events"] == 1 and worker.backlog["age_s"] >= 60
    await database.run(lambda db: db.execute("DELETE FROM events"))
    await worker.beat()
    assert worker.backlog == {"events": 0, "age_s": 0.0}
    await database.run(add_event, post("later"))
    await worker.beat()
    assert worker.backlog["events"] == 1


async def test_one_holds_it_and_the_next_takes_over_from_who_leaves_or_dies(
    database: Database,
) -> None:
    first = Holds(["lark", "wecom"], database, "first")
    second = Holds(["lark", "wecom"], database, "second")
    await first.renew()
    await second.renew()
    assert (first.held, second.held) == (["lark", "wecom"], [])
    before = first.token("lark")
    await first.renew()
    assert first.token("lark") == before, "who goes on has the same token"
    await database.run(let_go, "first")
    await second.renew()
    after = second.token("lark")
    assert before is not None and after is not None and after > before
    await database.run(expire)
    await first.renew()
    await second.renew()
    assert (first.held, second.held) == (["lark", "wecom"], [])


async def test_work_goes_on_only_while_it_is_held(database: Database) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    holds = Holds(["lark"], database, "first", hold_s=0.9)
    async with Tasks() as tasks, asyncio.timeout(60):
        tasks.spawn(holds.run())
        tasks.spawn(holds.while_held("lark", work))
        await begun.wait()
        begun.clear()
        other = Holds(["lark"], database, "second", hold_s=0.9)
        while not other.held:
            await database.run(expire)
            await other.renew()
        await ended.wait()
        await begun.wait()  # the other died, and it is the first one's turn again
        await tasks.drain(0.0)


async def test_who_does_everything_is_alone(database: Database) -> None:
    everything, worker = member(database, "a", Role.ALL), member(database, "b", Role.WORKER)
    await everything.admitted()
    for late in (worker, member(database, "c", Role.ALL)):
        with pytest.raises(StoreError, match="all ") as refused:
            await late.admitted(patience_s=0.05)
        assert refused.value.zh
    await everything.leave()
    await worker.admitted()
    await member(database, "d", Role.RECEIVER).admitted()
    with pytest.raises(StoreError, match=r"receiver .*worker "):
        await everything.admitted(patience_s=0.05)


def test_the_version_is_that_of_the_package() -> None:
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


async def test_who_was_replaced_while_it_stood_still_writes_nothing(database: Database) -> None:
    first = member(database, "first", Role.ALL)
    await first.admitted()
    alone = partial(still_admitted, process="first")
    own = FencedDatabase(database, alone, Said("被接管", "another one uses the store by now"))
    first.database = own
    await first.beat()
    with pytest.raises(StoreError):
        await member(database, "second", Role.ALL).admitted(patience_s=0.05)
    await own.run(add_event, post("m1"))  # to be refused changes nothing
    await database.run(stand_still)
    await member(database, "third", Role.WORKER).admitted()
    with pytest.raises(LeaseLost, match="another one uses") as lost:
        await own.run(add_event, post("m2"))
    assert lost.value.zh == "被接管"
    with pytest.raises(LeaseLost):
        await first.beat()


async def test_a_bug_in_a_lane_is_told_by_every_process(database: Database) -> None:
    worker = member(database, "w", Role.WORKER, failing={"lark:oc_1": "KeyError"})
    receiver = member(database, "r", Role.RECEIVER)
    await worker.beat()
    await receiver.beat()
    assert receiver.failing() == {"lark:oc_1": "KeyError"}
