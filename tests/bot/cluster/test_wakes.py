"""Who waits for news is woken by PostgreSQL, whatever becomes of the server meanwhile."""

import asyncio

import psycopg
import pytest

from bot.cluster.wakes import Wakes, hear
from bot.store.cluster.events import EVENTS
from common.tasks import Tasks
from tests.postgres import Server


@pytest.mark.slow
async def test_a_standby_is_not_listened_to_and_ends_nothing(
    postgres: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with postgres.database() as url:
        wakes = Wakes(60.0)
        async with Tasks() as tasks, asyncio.timeout(120):
            with postgres.standing_by():
                hearing = tasks.spawn(hear(url, wakes))
                while "tells nothing for the moment" not in caplog.text:
                    await asyncio.sleep(0.01)
            with wakes.listening(EVENTS, "g") as news:
                await news.wait()  # it listens again, and what was told before nobody heard
                news.clear()
                with psycopg.connect(url.whole, autocommit=True) as teller:
                    teller.execute("SELECT pg_notify(%s, 'g')", (EVENTS,))
                await news.wait()
            hearing.cancel()
