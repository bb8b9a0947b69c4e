"""Who waits for news of another process: woken where the database tells, else looking again.

PostgreSQL tells by NOTIFY those who listen on a connection of their own, once the transaction that
sent it is done.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from bot.store.cluster.calls import CALLS, RESULTS
from bot.store.cluster.events import EVENTS
from bot.store.cluster.published import PUBLISHED
from bot.store.database import StoreError
from bot.store.engines.place import PostgresUrl

log = logging.getLogger(__name__)

AGAIN_S = 1.0


class Wakes:
    """`poll_s` is how long anybody waits without having been woken. What is told is a topic and
    what it is about; "" is about anything."""

    def __init__(self, poll_s: float) -> None:
        self.poll_s = poll_s
        self._events: dict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def listening(self, topic: str, about: str = "") -> Iterator[asyncio.Event]:
        """An event that is set whenever there is something new."""
        event = asyncio.Event()
        self._events[topic, about].add(event)
        try:
            yield event
        finally:
            events = self._events[topic, about]
            events.discard(event)
            if not events:
                del self._events[topic, about]

    def tell(self, topic: str, about: str) -> None:
        """There is something new."""
        for key in {(topic, about), (topic, "")}:
            for event in self._events.get(key, ()):
                event.set()

    def tell_all(self) -> None:
        """There may be something new everywhere: nobody could be told for a while."""
        for events in self._events.values():
            for event in events:
                event.set()

    async def until(self, event: asyncio.Event, most_s: float | None = None) -> None:
        """Waits for an event, at most `most_s` or `poll_s`, and clears it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.poll_s if most_s is None else most_s):
                await event.wait()
        event.clear()

    async def until_stored(
        self,
        store: Callable[[], Awaitable[object]],
        problem: str,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """Has something stored, and where that fails says so and tries again every `poll_s`, until
        it is done or `enough` says that nobody needs it any more."""
        while True:
            try:
                await store()
            except StoreError as error:
                log.error("%s: %s", problem, error)
            else:
                return
            if enough():
                return
            await asyncio.sleep(self.poll_s)


async def hear(place: PostgresUrl, wakes: Wakes) -> None:
    """Wakes who waits for what is told, until cancelled. While the server is away nobody is told
    anything, and all look again by themselves."""
    import psycopg  # 8 MB and a tenth of a second that a bot with SQLite needn't pay

    while True:
        try:
            await _hear(place, wakes)
        except psycopg.Error as error:  # a server that is just becoming another, for instance
            log.warning("the database tells nothing for the moment: %s", type(error).__name__)
        await asyncio.sleep(AGAIN_S)


async def _hear(place: PostgresUrl, wakes: Wakes) -> None:
    import psycopg

    connecting = psycopg.AsyncConnection.connect(
        place.whole,
        autocommit=True,
        application_name="huixiangdou",
        connect_timeout=5,
        target_session_attrs="read-write",  # a standby tells nothing
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
