"""The live stream of the web page: who listens to which group, and what they are sent.

Messages are read back from the history, never passed around it: so a stream's order is the
order of the history's `seq`, and an event that came first is sent first.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from adapters.base import StoreFailed
from adapters.contract import History

log = logging.getLogger(__name__)

PAGE = 200
"""Messages read from the history at a time."""

MAX_WAITING = 256
"""Messages that a client has not taken yet."""

Outbox: TypeAlias = asyncio.Queue[str | None]
"""JSON texts for one client; None tells it to say goodbye."""


class TooManyStreams(Exception):
    """As many clients listen as are allowed."""


@dataclass(slots=True, eq=False)
class _Listener:
    outbox: Outbox
    drop: Callable[[], None]


@dataclass(slots=True, eq=False)
class _Channel:
    """One group: its listeners, and the `seq` up to which they have been sent its messages."""

    listeners: set[_Listener] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sent: int | None = None


class StreamHub:
    """Distributes what happens in a group to the clients that listen to it."""

    def __init__(self, history: History, adapter: str, *, max_streams: int = 200) -> None:
        self._history = history
        self._adapter = adapter
        self._max_streams = max_streams
        self._channels: dict[str, _Channel] = {}

    @asynccontextmanager
    async def listen(self, group: str, drop: Callable[[], None]) -> AsyncIterator[Outbox]:
        """Everything that happens in a group from now on.

        `drop` must cut the connection at once; it is called when the client is too slow.
        Raises TooManyStreams, and OSError or StoreFailed when the history can't be read.
        """
        if sum(len(channel.listeners) for channel in self._channels.values()) >= self._max_streams:
            raise TooManyStreams
        channel = self._channels.setdefault(group, _Channel())
        listener = _Listener(asyncio.Queue(MAX_WAITING), drop)
        channel.listeners.add(listener)
        try:
            async with channel.lock:
                if channel.sent is None:
                    channel.sent = await self._newest(group)
            yield listener.outbox
        finally:
            channel.listeners.discard(listener)
            if not channel.listeners and self._channels.get(group) is channel:
                del self._channels[group]

    async def push_messages(self, group: str) -> None:
        """Sends what the history of a group has gained since the last time."""
        channel = self._channels.get(group)
        if channel is None:
            return
        async with channel.lock:
            try:
                await self._send_new(group, channel)
            except (OSError, StoreFailed) as error:
                # They reconnect and catch up by themselves, which is better than a silent gap.
                log.warning("stream of a group is cut, its history can't be read: %s", error)
                for listener in list(channel.listeners):
                    self._drop(channel, listener)

    async def push_all(self) -> None:
        """The same in all groups that somebody listens to."""
        for group in list(self._channels):
            await self.push_messages(group)

    async def push(self, group: str, event: Mapping[str, Any]) -> None:
        """Sends one event, after the messages that came before it."""
        await self.push_messages(group)
        if channel := self._channels.get(group):
            self._broadcast(channel, event)

    def has_listeners(self, group: str) -> bool:
        """Is anybody listening to this group?"""
        return group in self._channels

    def close(self) -> None:
        """Tells all clients goodbye."""
        for channel in self._channels.values():
            for listener in list(channel.listeners):
                self._put(channel, listener, None)

    async def _newest(self, group: str) -> int:
        newest = await self._history.messages(self._adapter, group, None, 1)
        return int(newest[-1]["seq"]) if newest else 0

    async def _send_new(self, group: str, channel: _Channel) -> None:
        while channel.sent is not None:
            rows = await self._history.messages(self._adapter, group, channel.sent, PAGE)
            for row in rows:
                self._broadcast(channel, {"type": "message", "group": group, **row})
                channel.sent = int(row["seq"])
            if len(rows) < PAGE:
                return

    def _broadcast(self, channel: _Channel, event: Mapping[str, Any]) -> None:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        for listener in list(channel.listeners):
            self._put(channel, listener, text)

    def _put(self, channel: _Channel, listener: _Listener, text: str | None) -> None:
        try:
            listener.outbox.put_nowait(text)
        except asyncio.QueueFull:
            log.info("a stream's client is too slow and was dropped")
            self._drop(channel, listener)

    def _drop(self, channel: _Channel, listener: _Listener) -> None:
        channel.listeners.discard(listener)
        listener.drop()
