"""Who waits for news of another process: woken where the database tells, else looking again."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress


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
