"""What a worker asks of a platform is done by whoever holds the connection, once, whoever dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from adapters.base import (
    AdapterError,
    IncomingMessage,
    LinkStatus,
    LoginRefused,
    NetworkError,
    Picture,
    RateLimited,
    Reply,
    SetupRefused,
    Unconfirmed,
)
from adapters.contract import Adapter
from bot.cluster.asking import asked
from bot.cluster.executing import Executor, methods_of
from bot.cluster.fence import LeaseLost
from bot.cluster.holds import Holds
from bot.cluster.lanes import fenced
from bot.cluster.remote_adapter import RemoteAdapter
from bot.cluster.wakes import Wakes
from bot.store.cluster.calls import Call, ask, take_calls
from bot.store.cluster.events import add_event
from bot.store.cluster.leases import claim, hold
from bot.store.database import Connection, Database
from bot.store.engines.sqlite import open_sqlite
from bot.store.store import StoreError, open_store
from common.tasks import Tasks
from tests.bot.group.posts import post
from tests.fakes.failing_engine import Failing
from tests.fakes.recording_adapter import RecordingAdapter

POLL_S = 0.01
REPLY = Reply("k1", "g", "m1", "an answer", citations=())


class Platform(RecordingAdapter):
    """Reads a message again, which others see changed."""

    async def reread(self, message: IncomingMessage) -> IncomingMessage | None:
        """It was taken back where it says so."""
        return None if "gone" in message.text else message


def remote(platform: Adapter, database: Database, wait_s: float = 60.0) -> RemoteAdapter:
    up = LinkStatus(up=True)
    return RemoteAdapter(platform, database, Wakes(POLL_S), lambda _: up, wait_s)


@asynccontextmanager
async def receiver(platform: Adapter, database: Database, name: str = "r1") -> AsyncIterator[None]:
    """Carries out calls until the context ends, as a process that dies then."""
    holds = Holds([platform.name], database, name, hold_s=0.6)
    async with Tasks(tolerated=StoreError) as tasks:
        targets = {platform.name: methods_of(platform)}
        executor = Executor(targets, database, holds, Wakes(POLL_S), tasks)
        tasks.spawn(holds.run())
        tasks.spawn(executor.run(platform.name))
        yield
        await tasks.drain(0.0)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_store(tmp_path / "bot.sqlite", durable=False) as store:
        yield store.database


async def test_a_reply_is_sent_once_however_often_it_is_asked_for(database: Database) -> None:
    platform = Platform()
    async with receiver(platform, database):
        first, again = remote(platform, database), remote(platform, database)
        ids = await asyncio.gather(first.send(REPLY), again.send(REPLY))
        assert set(ids) == {await first.send(REPLY)} == {"platform-k1"}
        assert platform.sent == [REPLY]
        await first.recall("g", "platform-k1")
        assert platform.recalled == ["g/platform-k1"]


@pytest.mark.parametrize(
    "error",
    [
        NetworkError("down"),
        RateLimited("slower", 7.5),
        LoginRefused("the secret"),
        SetupRefused("no right"),
    ],
)
async def test_an_error_is_told_as_what_it_was_and_the_next_try_is_made(
    database: Database, error: AdapterError
) -> None:
    platform = Platform()
    error.code, error.zh = "99", "说明"
    platform.failures = [error]
    async with receiver(platform, database):
        asking = remote(platform, database)
        with pytest.raises(type(error)) as raised:
            await asking.send(REPLY)
        told = raised.value
        assert (type(told), str(told)) == (type(error), str(error))
        assert (told.code, told.zh) == ("99", "说明")
        if isinstance(error, RateLimited):
            assert isinstance(told, RateLimited) and told.retry_after_s == 7.5
        assert await asking.send(REPLY) == "platform-k1"


@pytest.mark.parametrize(
    "failure", [Unconfirmed("nobody knows"), ZeroDivisionError("a bug of the adapter")]
)
async def test_what_may_have_arrived_is_never_sent_again(
    database: Database, failure: Exception
) -> None:
    platform = Platform()
    platform.failures = [failure]
    async with receiver(platform, database):
        for _ in range(2):
            with pytest.raises(Unconfirmed):
                await remote(platform, database).send(REPLY)
    assert platform.sent == []


@pytest.mark.parametrize(("resend_s", "sent"), [(0.0, 0), (3600.0, 1)])
async def test_a_receiver_that_died_while_it_sent_leaves_it_to_the_next(
    database: Database, resend_s: float, sent: int
) -> None:
    """Where the platform knows a reply by its key it is sent again, else nobody knows."""
    platform = Platform(resend_s=resend_s)
    asking = remote(platform, database)
    working = asyncio.create_task(asking.send(REPLY))
    token = (await database.run(hold, ["fake"], "dead", 0.0))["fake"]
    while not await database.run(take_calls, "fake", token, "dead", 1, within_s=60.0):
        await asyncio.sleep(POLL_S)
    async with receiver(platform, database):
        if sent:
            assert await working == "platform-k1"
        else:
            with pytest.raises(Unconfirmed):
                await working
    assert len(platform.sent) == sent


async def test_without_a_receiver_nothing_is_done_later_behind_the_workers_back(
    database: Database,
) -> None:
    platform = Platform()
    asking = remote(platform, database)
    with pytest.raises(NetworkError):
        await remote(platform, database, wait_s=0.05).send(REPLY)
    async with receiver(platform, database):
        await asking.recall("g", "something else")
        assert platform.sent == []


async def test_what_was_sent_is_told_when_the_database_is_back(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Failing(open_sqlite(tmp_path / "bot.sqlite", 5.0, durable=False, upgrade=True))

    class Sending(RecordingAdapter):
        async def send(self, reply: Reply) -> str:
            engine.away = True
            return await super().send(reply)

    platform, own = Sending(), Database(engine)
    async with receiver(platform, own):
        sending = asyncio.create_task(remote(platform, database).send(REPLY))
        while "what came of send k1 can't be told" not in caplog.text:
            await asyncio.sleep(POLL_S)
        engine.away = False
        assert await sending == "platform-k1"
    assert platform.sent == [REPLY]
    await own.close()


async def test_a_message_is_read_again_where_the_platform_can(database: Database) -> None:
    platform = Platform()
    async with receiver(platform, database):
        asking = remote(platform, database)
        stays, gone = post("m1", "still here"), post("m2", "gone")
        assert await asking.reread(stays) == stays
        assert await asking.reread(gone) is None
        deaf = remote(RecordingAdapter(), database)
        assert await deaf.reread(gone) is gone, "nobody is asked where there is nothing to ask"


async def test_the_pictures_of_a_message_come_over_from_who_holds_the_connection(
    database: Database,
) -> None:
    platform, asked = Platform(), post("m1", "what is this?")
    platform.shown = [Picture(b"\x89PNG\r\n\x1a\n\0\xff", "image/png")]
    async with receiver(platform, database):
        assert await remote(platform, database).pictures(asked) == platform.shown


async def test_without_pictures_it_is_answered_where_they_fail(database: Database) -> None:
    class Broken(RecordingAdapter):
        async def pictures(self, message: IncomingMessage) -> list[Picture]:
            del message
            raise ZeroDivisionError("a bug of the adapter")

    async with receiver(Broken(), database):
        assert await remote(Broken(), database).pictures(post("m1")) == ()


async def test_a_reply_that_this_version_does_not_know_waits_for_one_that_does(
    database: Database,
) -> None:
    platform = Platform()
    later = Call(key="send k9", target="fake", method="send", payload={"reply": {"key": "k9"}})
    async with receiver(platform, database):
        with pytest.raises(NetworkError, match="another version"):
            await asked(database, Wakes(POLL_S), later, 60.0)
        assert platform.sent == []
        again = replace(later, payload={"reply": asdict(REPLY)})
        assert await asked(database, Wakes(POLL_S), again, 60.0) == "platform-k1"


async def test_who_lost_the_lane_writes_nothing_and_asks_for_nothing(database: Database) -> None:
    def note(db: Connection) -> None:
        db.execute("INSERT INTO state VALUES ('noted', 1)")

    await database.run(add_event, post("m1", group="g"))
    (lane,) = await database.run(claim, "w1", 0.0, 1)
    own = fenced(database, lane, "w1")
    await own.run(note)
    (later,) = await database.run(claim, "w2", 60.0, 1)
    assert later.group == lane.group and later.token > lane.token
    with pytest.raises(LeaseLost):
        await own.run(note)
    with pytest.raises(LeaseLost):
        await remote(Platform(), own).send(REPLY)
    call = Call(key="k", target="fake", method="send", payload={})
    assert await fenced(database, later, "w2").run(ask, call) is None
    assert database.problem is None and database.failures == 0, "losing a lane is no fault"
