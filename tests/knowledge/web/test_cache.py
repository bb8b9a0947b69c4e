"""The cache: kept as long as it should be, and never in the way."""

import asyncio
import logging
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from knowledge.web import cache as caching
from knowledge.web.cache import Cache
from tests.fakes.clock import FakeClock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "search.sqlite"


@pytest.fixture
def damaged(file: Path) -> Path:
    file.parent.mkdir()
    file.write_bytes(b"this is no database" * 100)
    return file


async def test_what_is_kept_comes_back_until_its_time_is_over(file: Path) -> None:
    clock = FakeClock()
    async with Cache(file, clock) as cache:
        await cache.put("a", {"text": "水轮"}, 60)
        await cache.put("b", [1], 600)
        await cache.put("c", 1, 0)
        assert await cache.get("a") == {"text": "水轮"}
        assert await cache.get("c") is None
        clock.advance(60)
        assert await cache.get("a") is None
    async with Cache(file, clock) as cache:
        assert await cache.get("b") == [1]
    assert await asyncio.to_thread(lambda: stat.S_IMODE(file.stat().st_mode)) == 0o600


async def test_what_is_over_and_what_is_too_much_is_forgotten(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "MAX_ROWS", 3)
    clock = FakeClock()
    async with Cache(file, clock) as cache:
        await cache.put("old", 0, 10)
        clock.advance(10)
        for n in range(5):
            await cache.put(f"k{n}", n, 100 + n)
        kept = [await cache.get(f"k{n}") for n in range(5)]
    assert kept == [None, None, 2, 3, 4]
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM kept").fetchone() == (3,)


async def test_a_damaged_file_is_made_anew(damaged: Path) -> None:
    async with Cache(damaged, FakeClock()) as cache:
        await cache.put("a", 1, 60)
        assert await cache.get("a") == 1
        assert not cache.problem


@contextmanager
def told() -> Iterator[list[str]]:
    """What the cache logs."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # shorter than a class
    logger = logging.getLogger("knowledge.web.cache")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


async def test_a_file_that_can_not_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with told() as lines:
        async with Cache(tmp_path / "data" / "search.sqlite", FakeClock()) as cache:
            await cache.put("a", 1, 60)
            assert await cache.get("a") is None
            assert "its cache can't be used" in cache.problem
    assert len(lines) == 1


async def test_a_file_that_another_process_holds_is_done_without(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "BUSY_TIMEOUT_S", 0.01)
    with told() as lines:
        async with Cache(file, FakeClock()) as cache:
            await cache.put("a", 1, 60)
            with closing(sqlite3.connect(file, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                for _ in range(3):
                    await cache.put("b", 2, 60)
                assert await cache.get("a") is None
                other.execute("ROLLBACK")
            assert cache.problem
            await cache.put("b", 2, 60)
            assert (await cache.get("a"), await cache.get("b")) == (1, 2)
            assert not cache.problem
    assert len(lines) == 1


async def test_two_caches_share_a_file(file: Path) -> None:
    clock = FakeClock()
    async with Cache(file, clock) as one, Cache(file, clock) as two:
        for n in range(20):
            await asyncio.gather(one.put(f"a{n}", n, 60), two.put(f"b{n}", n, 60))
        assert [await two.get(f"a{n}") for n in range(20)] == list(range(20))


async def test_a_closed_cache_knows_nothing(file: Path) -> None:
    cache = Cache(file, FakeClock())
    assert await cache.get("a") is None
    await cache.put("a", 1, 60)
    async with cache:
        pass
    assert await cache.get("a") is None


async def test_a_cancelled_look_up_is_no_fault(file: Path) -> None:
    async with Cache(file, FakeClock()) as cache:
        looking = asyncio.create_task(cache.get("a"))
        await asyncio.sleep(0)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert await cache.get("a") is None
