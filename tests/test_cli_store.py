"""`run_bot.py store move`: everything comes over, or nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.base import BotMoved, Feedback, Vote
from bot.store.cluster.processes import Process, beat
from bot.store.database import Connection, Place
from bot.store.engines.place import PostgresUrl
from bot.store.instance import only_instance
from bot.store.move import layout
from bot.store.store import open_store
from bot.types import Reason
from tests.bot.group.posts import ADAPTER, GROUP, post
from tests.bot.store.stored import NOON, answered, decide, reply
from tests.bot.store.test_examples import LABEL
from tests.daemon import run
from tests.fakes.s3_server import BUCKET, KEY, REGION, SECRET, s3_server
from tests.postgres import Server

MANY = 1200
"""More than two pages."""


@pytest.fixture
def address(postgres: Server) -> Iterator[str]:
    with postgres.database() as url:
        yield url.whole


async def fill(place: Place) -> None:
    """Something in most tables; some numbers were given and are not used any more."""
    async with open_store(place) as store:
        await answered(store, "1", "r1")
        await store.vote(Feedback(ADAPTER, GROUP, "p-r1", "bob", Vote.HELPFUL, NOON))
        await store.add_label(LABEL)
        await store.bot_moved(BotMoved(ADAPTER, GROUP, joined=False, title="Kettle \U0001f375"))
        await store.add_message(post("2", "still open", mention=True), NOON + 0.125)
        await store.database.run(add_many)
        await store.add_message(post("gone"), NOON - 1e6)
        await decide(store, "gone", reason=Reason.OFF_TOPIC, now=NOON - 1e6)
        assert await store.prune(NOON - 1e5) == 2


def add_many(db: Connection) -> None:
    rows = [(f"d{number:04}", float(number)) for number in range(MANY)]
    db.executemany("INSERT INTO sessions VALUES (?, 'ann', 'proof', ?)", rows)


async def content(place: Place) -> dict[str, list[list[object]]]:
    def everything(db: Connection) -> dict[str, list[list[object]]]:
        found = {}
        for table in layout():
            rows = db.execute(f'SELECT * FROM "{table.name}"').fetchall()  # noqa: S608 - ours
            values = [[row[name] for name in table.columns] for row in rows]
            found[table.name] = sorted((row for row in values if "seq" not in row), key=repr)
        return found

    async with open_store(place, upgrade=False) as store:
        return await store.database.run(everything)


async def test_a_store_goes_to_postgresql_and_back(tmp_path: Path, address: str) -> None:
    first, second = tmp_path / "a/bot.sqlite", tmp_path / "b/bot.sqlite"
    second.parent.mkdir()
    await fill(first)
    for source, target in ((f"sqlite:///{first}", address), (address, f"sqlite:///{second}")):
        status, out, err = await run(tmp_path, "store", "move", "--from", source, "--to", target)
        assert (status, err) == (0, "")
        assert "rows came over" in out
    assert await content(first) == await content(second)
    async with open_store(second) as store:
        await store.add_message(post("later"), NOON)
        decision = await decide(store, "later", answer=reply("r9", "later"))
        assert decision == 3, "numbers are not used again"
        (newest,) = await store.messages(ADAPTER, GROUP, None, 1)
        assert newest["seq"] == 6


async def test_a_store_in_use_or_one_with_something_in_it_is_left_alone(
    tmp_path: Path, address: str
) -> None:
    file = tmp_path / "a/bot.sqlite"
    await fill(file)
    move = ("store", "move", "--from", f"sqlite:///{file}", "--to", address)
    with only_instance(file.parent):
        status, _, err = await run(tmp_path, *move)
        assert (status, "a bot runs here" in err) == (1, True)
    other = Process(id="x", role="worker", host="there", pid=7, version="1", state={})
    async with open_store(PostgresUrl(address)) as store:
        await store.database.run(beat, other)
        status, _, err = await run(tmp_path, *move)
        assert (status, "process 7 on there; stop it first" in err) == (1, True)
        await store.database.run(lambda db: db.execute("DELETE FROM processes"))
        await store.mute(ADAPTER, GROUP, NOON)
        status, _, err = await run(tmp_path, *move)
        assert (status, "something in mutes already" in err) == (1, True)
        assert (await store.counts())["messages"] == 0, "nothing of it came over"
    back = ("store", "move", "--from", address, "--to", f"sqlite:///{file}")
    status, _, err = await run(tmp_path, *back)
    assert (status, "something in" in err) == (1, True)
    status, _, err = await run(tmp_path, "store", "move", "--from", "x", "--to", address)
    assert (status, "must be sqlite:///" in err) == (2, True)


async def test_check_asks_the_bucket_of_the_share(tmp_path: Path) -> None:
    async with s3_server() as server:
        keys = f"access_key_id: {KEY}, secret_access_key: {SECRET}"
        s3 = f"{{endpoint: '{server.url}', region: {REGION}, {keys}, timeout_s: 60}}"
        more = ("--set", f"knowledge.share=s3://{BUCKET}/bot", "--set", f"knowledge.s3={s3}")
        _, told, _ = await run(tmp_path, "check", more=more)
        assert f"ok    knowledge.share: s3://{BUCKET}/bot answers, 0 versions" in told
        server.refusal = "AccessDenied"
        status, told, errors = await run(tmp_path, "check", more=more)
    assert status == 1
    assert f"bad   knowledge.share: s3://{BUCKET}/bot: not allowed" in told
    assert SECRET not in told + errors
