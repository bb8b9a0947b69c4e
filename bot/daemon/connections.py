"""How many connections the server keeps, and whose goes where there are too many.

A connection at work is left alone. One that waits, for the rest of a request or for the next one,
goes when its place is needed, the one that waits longest first: so half-sent requests keep nobody
out, as many as there may be.
"""

import asyncio
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from adapters.http_guard import PLACE, Place, json_response
from common.hosts import network_of

MOST = 512
FEWEST = 8
MAX_HEAD_BYTES = 32 * 1024

RESERVED_HANDLES = 44
"""Of the process's file handles, for everything but connections: a dozen are open at rest, and the
platforms, models, child processes and a new index take more."""


def most_connections() -> int:
    """As many as there are file handles for."""
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if handles == resource.RLIM_INFINITY:
        return MOST
    return max(FEWEST, min(MOST, handles - RESERVED_HANDLES))


class Connections:
    """Makes the protocols of a server, those of `make` with bounds: `most` in all, half of them for
    one address, unless that is the `proxy`, and half of them for streams."""

    def __init__(
        self, make: Callable[[], asyncio.BaseProtocol], most: int, proxy: str = ""
    ) -> None:
        self._make, self.most = make, most
        self._proxy = network_of(proxy) if proxy else ""
        self._open: dict[_Connection, None] = {}  # those that wait longest come first
        self._by_address: Counter[str] = Counter()
        self.streams = 0

    def __call__(self) -> asyncio.Protocol:
        """A protocol for `loop.create_server`."""
        return _Connection(cast("asyncio.Protocol", self._make()), self)

    def admit(self, new: "_Connection") -> bool:
        """Takes in a connection, for which another one may have to go; False where all work."""
        crowded = self._by_address[new.address] >= self.most // 2 and new.address != self._proxy
        if crowded or len(self._open) >= self.most:
            waiting = (
                other
                for other in self._open
                if not other.requests and (not crowded or other.address == new.address)
            )
            victim = next(waiting, None)
            if victim is None:
                return False
            victim.abort()
        self._open[new] = None
        self._by_address[new.address] += 1
        return True

    def waits(self, connection: "_Connection") -> None:
        """Its request is done: it has waited for the shortest time."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def forget(self, connection: "_Connection") -> None:
        """It is closed."""
        if connection in self._open:
            del self._open[connection]
            self._by_address -= Counter([connection.address])


class _Connection(asyncio.Protocol):
    """Hands everything on to the server's own protocol."""

    def __init__(self, inner: asyncio.Protocol, owner: Connections) -> None:
        self._inner, self._owner = inner, owner
        self._transport: asyncio.Transport | None = None
        self._admitted = False
        self.address, self.requests = "", 0
        # Bytes of a head that is not complete, and the end of them; None once it is.
        self._head: int | None = 0
        self._end = b""

    @property
    def is_full(self) -> bool:
        """Are there as many streams as may be?"""
        return self._owner.streams >= self._owner.most // 2

    @contextmanager
    def at_work(self, request: web.Request, *, stream: bool) -> Iterator[None]:
        """While a request is answered."""
        self.requests += 1
        self._owner.streams += stream
        try:
            yield
        finally:
            self.requests -= 1
            self._owner.streams -= stream
            self._owner.waits(self)
            if request.content.at_eof():
                self._head = 0  # what comes next is the head of the next request

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While a request that is answered waits for the rest of itself."""
        self.requests -= 1
        self._owner.waits(self)
        try:
            yield
        finally:
            self.requests += 1

    def abort(self) -> None:
        """Makes place for another one, at once."""
        self._owner.forget(self)
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = network_of(peer[0]) if peer else ""
        self._admitted = self._owner.admit(self)
        if self._admitted:
            self._inner.connection_made(transport)
        else:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.forget(self)
        if self._admitted:
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._admitted and self._is_too_long(data):
            self.abort()
        elif self._admitted:
            self._inner.data_received(data)

    def _is_too_long(self, data: bytes) -> bool:
        """Is this the head of a request and more than one needs? All of them together must fit into
        memory, however many connections there are."""
        if self._head is None:
            return False
        end = self._end + data
        self._head, self._end = self._head + len(data), end[-3:]
        if b"\r\n\r\n" in end:
            self._head, self._end = None, b""
        return self._head is not None and self._head > MAX_HEAD_BYTES

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._admitted else None

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


@web.middleware
async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """While a request is answered, its connection is at work."""
    connection = request.transport.get_protocol() if request.transport else None
    if not isinstance(connection, _Connection):
        return await handler(request)
    request[PLACE] = Place(connection.waiting)
    stream = hdrs.UPGRADE in request.headers
    if stream and connection.is_full:
        return json_response({"error": "too many open pages; try again later"}, 503)
    with connection.at_work(request, stream=stream):
        return await handler(request)
