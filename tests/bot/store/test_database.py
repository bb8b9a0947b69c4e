"""The file itself: one owner, one thread, whole transactions, errors that say what to do."""

import asyncio
import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.store.database import Connection, Database, StoreError, open_database
from bot.store.engines.sqlite import SqliteConnection
from bot.store.instance import only_instance, running
from bot.store.schema.migrations import MIGRATIONS, UnknownMigration, migrate

PATIENCE_S = 60.0


def note(db: Connection, key: str) -> None:
    db.execute("INSERT INTO state VALUES (?, 1)", (key,))


def notes(db: Connection) -> list[str]:
    rows = db.execute("SELECT key FROM state WHERE key != 'seq' ORDER BY key")
    return [row["key"] for row in rows]


def setting(db: Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def memory() -> SqliteConnection:
    db = sqlite3.connect(":memory:", isolation_level=None, factory=SqliteConnection)
    db.row_factory = sqlite3.Row
    return db


def listen(db: Connection, callback: Callable[[str], None]) -> None:
    assert isinstance(db, SqliteConnection)
    db.set_trace_callback(callback)


def rights_and_neighbours(path: Path) -> tuple[int, list[str]]:
    return stat.S_IMODE(path.stat().st_mode), [file.name for file in path.parent.iterdir()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "bot.sqlite"


async def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    async with open_database(path) as database:
        await database.run(note, "kept")
    async with open_database(path) as database:
        assert await database.run(notes) == ["kept"]


async def test_commits_survive_a_power_cut_and_the_file_is_private(path: Path) -> None:
    async with open_database(path) as database:
        assert await database.run(setting, "journal_mode") == "wal"
        assert await database.run(setting, "synchronous") == 2
        assert await database.run(setting, "foreign_keys") == 1
    assert rights_and_neighbours(path) == (0o600, [path.name]), "the log is folded in"


async def test_a_command_works_beside_the_bot_and_waits_its_turn(path: Path) -> None:
    async with open_database(path) as bot, open_database(path, busy_timeout_s=0.05) as command:
        await command.run(note, "by the command")
        await bot.run(note, "by the bot")
        assert await bot.run(notes) == await command.run(notes) == ["by the bot", "by the command"]
        slow = Slow()
        task = await slow.start(bot, "slow")
        with pytest.raises(StoreError, match="another process has it open"):
            await command.run(note, "too late")
        slow.may_go_on.set()
        await task


async def test_who_waits_together_for_a_busy_store_gives_up_together(path: Path) -> None:
    async with open_database(path) as bot, open_database(path, busy_timeout_s=0.05) as command:
        slow = Slow()
        task = await slow.start(bot, "slow")
        units = [asyncio.create_task(command.run(note, key)) for key in "abcdef"]
        done = await asyncio.gather(*units, return_exceptions=True)
        assert all(isinstance(one, StoreError) and "another process" in str(one) for one in done)
        assert command.failures <= 2, "waited for once, or again by those who came meanwhile"
        slow.may_go_on.set()
        await task
        await command.run(note, "after")


@pytest.fixture
def without_shared_memory(path: Path) -> None:
    """A folder in the way of the file that SQLite shares."""
    path.with_name("bot.sqlite-shm").mkdir(parents=True)


@pytest.mark.usefixtures("without_shared_memory")
async def test_where_there_is_no_shared_memory_the_bot_works_alone(path: Path) -> None:
    async with open_database(path) as bot:
        await bot.run(note, "alone")
        with pytest.raises(StoreError, match="another process has it open"):
            async with open_database(path, busy_timeout_s=0.05):
                pass
        assert await bot.run(notes) == await bot.read(notes) == ["alone"]


async def test_only_a_bot_that_starts_brings_the_file_up_to_date(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="older version; restart it"):
        async with open_database(tmp_path / "bot.sqlite", upgrade=False):
            pass


def test_a_second_bot_is_told_who_has_the_folder(tmp_path: Path) -> None:
    assert running(tmp_path) == ""
    with only_instance(tmp_path):
        assert f"a bot runs here: process {os.getpid()}, since" in running(tmp_path)
        with (
            pytest.raises(StoreError, match=f"process {os.getpid()}, since .*; stop it, or give"),
            only_instance(tmp_path),
        ):
            pass
    assert running(tmp_path) == ""


@pytest.fixture
def shopping_list(tmp_path: Path) -> Path:
    path = tmp_path / "list"
    path.write_bytes(b"vinegar, tea, much longer than the header of a database" * 100)
    return path


async def test_a_file_that_is_no_store_is_refused(shopping_list: Path) -> None:
    with pytest.raises(StoreError, match="no store of the bot"):
        async with open_database(shopping_list):
            pass


def test_a_data_folder_that_is_a_file_is_said_to_be_one(shopping_list: Path) -> None:
    said = pytest.raises(StoreError, match=r"is a file; name a folder in bot\.data_dir")
    with said, only_instance(shopping_list):
        pass


async def test_a_folder_that_cannot_be_made_is_named(shopping_list: Path) -> None:
    with pytest.raises(StoreError, match=r"list/bot\.sqlite"):
        async with open_database(shopping_list / "bot.sqlite"):
            pass


async def test_where_nobody_may_write_is_said_with_what_to_do() -> None:
    with pytest.raises(StoreError, match="can't be written; check its owner and rights") as said:
        async with open_database(Path("/sys/bot.sqlite")):  # nobody, not even root
            pass
    assert "不能写入" in said.value.zh


async def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    async with open_database(path) as database:
        await database.run(lambda db: db.execute("INSERT INTO migrations VALUES ('m999_later')"))
    with pytest.raises(StoreError, match=r"newer version \(m999_later\); update the bot"):
        async with open_database(path):
            pass


def test_a_new_migration_is_applied_once_and_in_order() -> None:
    db = memory()
    migrate(db)
    more = (
        *MIGRATIONS,
        ("m002", ["INSERT INTO state VALUES ('first', 1)"]),
        ("m003", ["INSERT INTO state VALUES ('second', 1)"]),
    )
    migrate(db, more)
    migrate(db, more)
    assert notes(db) == ["first", "second"]
    with pytest.raises(UnknownMigration, match="m002, m003"):
        migrate(db)
    db.close()


async def test_a_full_disk_loses_the_message_but_not_the_store(path: Path) -> None:
    async with open_database(path) as database:
        pages = await database.run(setting, "page_count")
        await database.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(StoreError, match="the disk is full; make room"):
            await database.run(note, "x" * 100_000)
        await database.run(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchone())
        await database.run(note, "after making room")
        assert await database.run(notes) == ["after making room"]


async def test_half_an_emoji_as_an_id_is_a_clear_error(path: Path) -> None:
    async with open_database(path) as database:
        with pytest.raises(StoreError, match="surrogates"):
            await database.run(note, "\ud83d")


async def test_whatever_a_unit_of_work_raises_undoes_it(path: Path) -> None:
    def fails(db: Connection) -> None:
        note(db, "half")
        raise LookupError("of no use")

    async with open_database(path) as database:
        with pytest.raises(LookupError):
            await database.run(fails)
        assert await database.run(notes) == []


class Slow:
    """Work that the test lets go on; `begun` tells that it is at it."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def write(self, db: Connection, key: str) -> None:
        self.begun.set()
        assert self.may_go_on.wait(PATIENCE_S)
        note(db, key)

    async def start(self, database: Database, key: str) -> asyncio.Task[None]:
        task = asyncio.create_task(database.run(self.write, key))
        async with asyncio.timeout(PATIENCE_S):
            assert await asyncio.to_thread(self.begun.wait, PATIENCE_S)
        return task


async def test_a_slow_disk_does_not_stop_the_loop(path: Path) -> None:
    slow = Slow()
    async with open_database(path) as database:
        task = await slow.start(database, "slow")
        for _ in range(100):
            await asyncio.sleep(0)
        assert not task.done()
        slow.may_go_on.set()
        await task


async def test_cancelling_leaves_no_half_transaction(path: Path) -> None:
    slow = Slow()
    async with open_database(path) as database:
        at_work = await slow.start(database, "at work")
        in_line = asyncio.create_task(database.run(note, "in line"))
        await asyncio.sleep(0)
        for task in (at_work, in_line):
            task.cancel()
        for task in (at_work, in_line):
            with pytest.raises(asyncio.CancelledError):
                await task
        slow.may_go_on.set()
        assert await database.run(notes) == ["at work", "in line"]


async def test_a_failure_after_cancelling_is_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow()
    async with open_database(path) as database:
        await database.run(note, "twice")
        task = await slow.start(database, "twice")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with caplog.at_level(logging.ERROR):
            slow.may_go_on.set()
            await database.run(notes)
            await asyncio.sleep(0)
    assert "failed after its task was cancelled" in caplog.text


async def test_closing_waits_for_what_was_handed_over(path: Path) -> None:
    slow = Slow()
    async with open_database(path) as database:
        task = await slow.start(database, "last words")
        task.cancel()
        asyncio.get_running_loop().call_later(0.01, slow.may_go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    async with open_database(path) as database:
        assert await database.run(notes) == ["last words"]


async def test_what_is_looked_at_for_long_keeps_no_message_waiting(path: Path) -> None:
    began, may_end = threading.Event(), threading.Event()

    def slow(db: Connection) -> list[str]:
        found = notes(db)
        began.set()
        assert may_end.wait(PATIENCE_S)
        return found + notes(db)

    async with open_database(path) as database:
        await database.run(note, "before")
        look = asyncio.create_task(database.read(slow))
        assert await asyncio.to_thread(began.wait, PATIENCE_S)
        async with asyncio.timeout(PATIENCE_S):
            await database.run(note, "meanwhile")
        may_end.set()
        assert await look == ["before", "before"], "as it was when it began"
        assert await database.read(notes) == ["before", "meanwhile"]
        with pytest.raises(StoreError, match="can't be written"):
            await database.read(note, "by who only reads")


async def test_what_waits_together_shares_a_commit(path: Path) -> None:
    slow, said = Slow(), list[str]()
    async with open_database(path) as database:
        await database.run(listen, said.append)
        said.clear()
        at_work = await slow.start(database, "first")
        together = [asyncio.create_task(database.run(note, key)) for key in "abc"]
        await asyncio.sleep(0)
        slow.may_go_on.set()
        await asyncio.gather(at_work, *together)
        assert said.count("COMMIT") == 2
        assert await database.run(notes) == ["a", "b", "c", "first"]


async def test_one_that_fails_does_not_spoil_what_waits_with_it(path: Path) -> None:
    slow = Slow()
    async with open_database(path) as database:
        at_work = await slow.start(database, "first")
        good = asyncio.create_task(database.run(note, "good"))
        twice = asyncio.create_task(database.run(note, "first"))
        also_good = asyncio.create_task(database.run(note, "also good"))
        await asyncio.sleep(0)
        slow.may_go_on.set()
        await asyncio.gather(at_work, good, also_good)
        with pytest.raises(StoreError, match="UNIQUE"):
            await twice
        assert await database.run(notes) == ["also good", "first", "good"]


def test_figures_of_the_gate_are_taken_from_traces_of_older_versions() -> None:
    db = memory()
    older = tuple(one for one in MIGRATIONS if one[0] < "m006")
    migrate(db, older)
    near = '[{"stage": "reject", "score": 0.2, "threshold": 0.3}, {"stage": "reject", "score": 0.4,'
    for trace in (f'{near} "threshold": 0.3}}, {{"stage": "check", "score": 9}}]', "[]"):
        db.execute(
            "INSERT INTO decisions (adapter, grp, outcome, reason, trace, created_at)"
            " VALUES ('a', 'g', 'silence', 'off_topic', ?, 0)",
            (trace,),
        )
    migrate(db)
    rows = db.execute("SELECT score, threshold FROM decisions ORDER BY id").fetchall()
    assert [tuple(row) for row in rows] == [(0.4, 0.3), (None, None)]
    db.close()


def delete(path: Path) -> None:
    path.unlink()


def replace_with_nothing(path: Path) -> None:
    path.with_name("other").write_bytes(b"")
    path.with_name("other").rename(path)


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_is_deleted_under_the_bot_takes_nothing_more(
    path: Path, *, replaced: bool
) -> None:
    """What was acknowledged then would be gone with the process."""
    async with open_database(path) as database:
        await database.run(note, "first")
        (replace_with_nothing if replaced else delete)(path)
        with pytest.raises(StoreError, match="deleted or replaced while the bot runs"):
            await database.run(note, "lost")
        assert database.problem and "被删除" in database.problem.zh
        assert await database.run(notes) == ["first"]
