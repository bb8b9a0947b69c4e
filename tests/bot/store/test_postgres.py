"""What only PostgreSQL does: others work beside it, it restarts, connections break."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.store import incoming
from bot.store.database import Connection, Database, StoreError, open_database, server_now
from bot.store.engines import postgres_connection
from bot.store.engines.place import PostgresUrl, parse_place
from bot.store.engines.postgres import open_postgres, probe
from bot.store.store import Store, open_store
from bot.types import Reason
from tests.bot.group.posts import ADAPTER, GROUP, post
from tests.bot.store.stored import NOON, about, decide, reply
from tests.bot.store.test_examples import LABEL
from tests.fakes.cutting_proxy import CuttingProxy, cutting_proxy
from tests.postgres import Server, running_server

PATIENCE_S = 30.0


@pytest.fixture
def url(postgres: Server) -> Iterator[PostgresUrl]:
    with postgres.database() as made:
        yield made


@pytest.fixture
async def proxy(postgres: Server) -> AsyncIterator[CuttingProxy]:
    # A socket's path must be short.
    with TemporaryDirectory(prefix="cut-") as folder:
        async with cutting_proxy(Path(folder), postgres.folder) as made:
            yield made


def through(proxy: CuttingProxy, url: PostgresUrl) -> PostgresUrl:
    return PostgresUrl(f"{url.whole.partition('?')[0]}?host={proxy.folder}")


def note(db: Connection, key: str) -> int:
    """How many there were before."""
    row = db.execute("SELECT COUNT(*) AS n FROM state WHERE key LIKE 'n%'").fetchone()
    db.execute("INSERT INTO state VALUES (?, 1)", (key,))
    return int(row["n"])


def notes(db: Connection) -> list[str]:
    rows = db.execute("SELECT key FROM state WHERE key LIKE 'n%' ORDER BY key")
    return [row["key"] for row in rows]


class BetweenReadAndWrite:
    """Work that has looked at the database and waits, once, before it changes anything."""

    def __init__(self) -> None:
        self.looked, self.may_go_on = threading.Event(), threading.Event()
        self.times = 0

    def __call__(self, db: Connection, key: str) -> bool:
        found = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        self.times += 1
        self.looked.set()
        assert self.may_go_on.wait(PATIENCE_S)
        if found is None:
            db.execute("INSERT INTO state VALUES (?, 1)", (key,))
        else:
            db.execute("UPDATE state SET value = value + 1 WHERE key = ?", (key,))
        return found is None

    async def others_first(self, database: Database, key: str, other: Database) -> bool:
        task = asyncio.create_task(database.run(self, key))
        assert await asyncio.to_thread(self.looked.wait, PATIENCE_S)
        second = BetweenReadAndWrite()
        second.may_go_on.set()
        await other.run(second, key)
        self.may_go_on.set()
        return await task


async def test_who_was_overtaken_does_it_again_and_sees_what_the_other_did(
    url: PostgresUrl,
) -> None:
    async with open_database(url) as one, open_database(url) as other:
        new = BetweenReadAndWrite()
        assert not await new.others_first(one, "n", other), "of two that insert one is first"
        changed = BetweenReadAndWrite()
        await changed.others_first(one, "n", other)
        assert (new.times, changed.times) == (2, 2)
        found = "SELECT value FROM state WHERE key = 'n'"
        (row,) = await one.run(lambda db: db.execute(found).fetchall())
        assert row["value"] == 4, "each of the four is in it"


async def test_of_two_bots_one_takes_a_message_in_and_one_decides_it(url: PostgresUrl) -> None:
    async with open_store(url) as one, open_store(url) as other:
        for number in range(20):
            key = str(number)
            taken = await asyncio.gather(
                *(store.add_message(post(key), NOON) for store in (one, other))
            )
            assert sorted(taken) == [False, True]
            decided = await asyncio.gather(
                *(
                    decide(store, key, reason=Reason.ANSWERED, answer=reply(f"{name}{key}", key))
                    for name, store in (("a", one), ("b", other))
                )
            )
            assert decided.count(None) == 1
        assert len(await one.pending_replies(0)) == 20


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_that_breaks_is_neither_lost_nor_done_twice(
    proxy: CuttingProxy, url: PostgresUrl, cut: str
) -> None:
    async with open_database(through(proxy, url)) as database:
        assert await database.run(note, "n0") == 0
        proxy.cut = "before" if cut == "before" else "after"
        assert await database.run(note, "n1") == 1
        assert await database.run(notes) == ["n0", "n1"]
    assert proxy.cuts == 1


async def test_what_was_under_way_when_the_connection_broke_is_done_again(
    proxy: CuttingProxy, url: PostgresUrl
) -> None:
    slow = BetweenReadAndWrite()
    async with open_database(through(proxy, url)) as database:
        task = asyncio.create_task(database.run(slow, "n"))
        assert await asyncio.to_thread(slow.looked.wait, PATIENCE_S)
        proxy.break_all()
        slow.may_go_on.set()
        assert await task
        assert await database.run(notes) == ["n"]
    assert slow.times == 2


async def test_a_server_that_is_away_is_said_at_once_to_all_but_the_first(
    proxy: CuttingProxy, url: PostgresUrl
) -> None:
    there = through(proxy, url)
    database = Database(
        await asyncio.to_thread(open_postgres, there, upgrade=False, patience_s=0.2)
    )
    try:
        proxy.away = True
        proxy.break_all()
        for together in (1, 50):
            found = await asyncio.gather(
                *(database.run(note, f"n{n}") for n in range(together)), return_exceptions=True
            )
            assert all(isinstance(one, StoreError) for one in found)
        assert database.failures == 2, "a batch fails as a whole"
        assert database.problem
        assert "is PostgreSQL running" in database.problem.en
        assert "PostgreSQL 在运行吗" in database.problem.zh
        proxy.away = False
        await database.run(note, "n")
        assert database.problem is None
        assert await database.run(notes) == ["n"]
    finally:
        await database.close()


@pytest.mark.slow
async def test_messages_arrive_while_the_server_restarts() -> None:
    with running_server() as server, server.database() as url:
        async with open_store(url) as store, asyncio.TaskGroup() as tasks:
            restarting = tasks.create_task(asyncio.to_thread(restart_twice, server))
            number = 0
            while not restarting.done():
                assert await store.add_message(post(str(number)), NOON)
                number += 1
            assert (await store.counts())["messages"] == number
            assert await store.add_message(post("0"), NOON) is False


def restart_twice(server: Server) -> None:
    for _ in range(2):
        server.restart()


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"database": "nowhere"}, "no such database; create it first"),
        ({"user": "nobody"}, "no such user"),
        ({"user": "locked"}, "wants a password"),
        ({"user": "locked:wr0ng"}, "wrong user or password"),
        ({"folder": "/nowhere"}, "is PostgreSQL running"),
        ({"more": "&sslmode=hush"}, "a setting that is wrong"),
        ({"user": "locked:%zz"}, "not well-formed"),
    ],
)
async def test_what_keeps_it_from_being_opened_is_said_without_the_password(
    postgres: Server, url: PostgresUrl, change: dict[str, str], hint: str
) -> None:
    database = change.get("database", url.whole.partition("@/")[2].partition("?")[0])
    folder, user = change.get("folder", postgres.folder), change.get("user", "postgres")
    wrong = PostgresUrl(f"postgresql://{user}@/{database}?host={folder}{change.get('more', '')}")
    with pytest.raises(StoreError, match=hint) as caught:
        open_postgres(wrong, upgrade=True, patience_s=0.1).close()
    said = f"{caught.value} {caught.value.zh} {caught.value!r}"
    assert "wr0ng" not in said
    assert "%zz" not in said


async def test_a_standby_and_a_server_of_old_are_refused(
    postgres: Server, url: PostgresUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = url.whole.partition("@/")[2].partition("?")[0]
    postgres.do(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(StoreError, match="standby, which only reads"):
        open_postgres(url, upgrade=True, patience_s=0.1).close()
    postgres.do(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    monkeypatch.setattr(postgres_connection, "OLDEST", 990_000)
    with pytest.raises(StoreError, match="PostgreSQL 15 or newer is needed, this is"):
        open_postgres(url, upgrade=True, patience_s=0.1).close()


async def test_what_a_database_lacks_is_said_before_the_bot_starts(
    postgres: Server, url: PostgresUrl
) -> None:
    assert int(probe(url).partition(".")[0]) >= 15
    postgres.do("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1'")
    postgres.do("CREATE ROLE guest LOGIN")
    name = url.whole.partition("@/")[2].partition("?")[0]
    for wrong, hint in (
        (postgres.url("narrow"), "encoded as LATIN1"),
        (postgres.url(name, "guest"), "make it the owner"),
        (postgres.url("nowhere"), "create it first"),
    ):
        with pytest.raises(StoreError, match=hint):
            probe(wrong)
    postgres.do("DROP DATABASE narrow")
    postgres.do("DROP ROLE guest")


async def test_bots_that_start_together_lay_the_tables_out_once(postgres: Server) -> None:
    postgres.do("CREATE DATABASE bare TEMPLATE template0")
    url = postgres.url("bare")
    with pytest.raises(StoreError, match="older version; restart it"):
        open_postgres(url, upgrade=False).close()
    opened = await asyncio.gather(
        *(asyncio.to_thread(open_postgres, url, upgrade=True) for _ in range(4))
    )
    for engine in opened:
        engine.close()
    postgres.do("DROP DATABASE bare")


async def test_what_the_databases_see_differently_is_the_same(store: Store) -> None:
    assert await store.add_message(post("1", "Half \ud83d, a \0, 100% Déjà"), NOON)
    await store.add_label(LABEL)
    assert await store.labels_by_origin() == {"command": (1, 0)}
    (shown,) = await store.messages(ADAPTER, GROUP, None, 5)
    assert shown["text"] == "Half ?, a , 100% Déjà"
    assert (shown["mention"], shown["recalled"]) == (False, False)
    assert (await about(store, "1"))["state"] == "pending"
    assert [await store.add_message(post("odd\0id"), NOON) for _ in range(2)] == [True, False]
    now = await store.database.run(server_now)
    later = await store.database.run(server_now)
    assert 0 <= later - now < PATIENCE_S


def test_numbers_do_not_wait_for_each_other(url: PostgresUrl) -> None:
    one, other = open_postgres(url, upgrade=False), open_postgres(url, upgrade=False)
    seen = []

    def number(db: Connection) -> int:
        found = db.execute(f"SELECT {incoming.next_seq(db)} AS seq").fetchone()
        return int(found["seq"])

    def outer(db: Connection) -> None:
        seen.append(number(db))
        seen.append(other.transact(number)[0])

    one.transact(outer)
    one.close()
    other.close()
    assert seen == [1, 2]


@pytest.mark.parametrize(
    "text", ["", "x", "sqlite://", "sqlite:///", "mysql://a/b", "postgres://h"]
)
def test_what_is_no_place_of_a_store_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be sqlite:///"):
        parse_place(text)


@pytest.mark.parametrize("read", [True, False], ids=["read later", "never read"])
def test_what_goes_wrong_on_the_way_is_told_and_leaves_nothing(
    url: PostgresUrl, *, read: bool
) -> None:
    engine = open_postgres(url, upgrade=False)

    def count(db: Connection) -> int:
        return int(db.execute("SELECT COUNT(*) AS n FROM state").fetchone()["n"])

    def wrong(db: Connection) -> None:
        for value in (1, 2):  # sent without waiting for what comes of it
            db.execute("INSERT INTO state VALUES ('twice', ?)", (value,))
        db.execute("INSERT INTO state VALUES ('after', 1)")
        if read:
            count(db)

    before = engine.transact(count)
    with pytest.raises(StoreError, match="duplicate key"):
        engine.transact(wrong)
    assert engine.transact(count) == before
    engine.close()
