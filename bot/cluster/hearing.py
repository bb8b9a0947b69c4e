"""Hears what PostgreSQL tells those who listen, on a connection of its own: NOTIFY reaches them
once the transaction that sent it is done."""

import asyncio
import logging

import psycopg

from bot.cluster.wakes import Wakes
from bot.store.cluster.calls import CALLS, RESULTS
from bot.store.cluster.events import EVENTS
from bot.store.cluster.published import PUBLISHED
from bot.store.engines.place import PostgresUrl

log = logging.getLogger(__name__)

AGAIN_S = 1.0


async def hear(place: PostgresUrl, wakes: Wakes) -> None:
    """Wakes who waits for what is told, until cancelled. While the server is away nobody is told
    anything, and all look again by themselves."""
    while True:
        try:
            await _hear(place, wakes)
        except psycopg.OperationalError as error:
            log.warning("the database tells nothing for the moment: %s", type(error).__name__)
        await asyncio.sleep(AGAIN_S)


async def _hear(place: PostgresUrl, wakes: Wakes) -> None:
    connecting = psycopg.AsyncConnection.connect(
        place.whole,
        autocommit=True,
        connect_timeout=5,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
    )
    async with await connecting as connection:
        for topic in (EVENTS, CALLS, RESULTS, PUBLISHED):
            await connection.execute(f"LISTEN {topic}".encode())
        wakes.tell_all()  # what was told before nobody heard
        async for told in connection.notifies():
            if told.payload:
                wakes.tell(told.channel, told.payload)
            else:
                wakes.tell_all()
