"""Receiving: DingTalk's stream, by the parts of the official client that read and answer frames.

The client's own loop is not used: it knows one endpoint per process, blocks while it registers,
says nothing of refused credentials, and reconnects without back-off. What is used of it does not
block, so it needs no thread.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, TypeAlias
from urllib.parse import quote_plus

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from adapters.base import NetworkError, StoreFailed
from adapters.dingtalk.api import Api
from adapters.link import Link, until_first_ends
from adapters.payload import Json, clean, parsed
from adapters.rest import proxy_to
from common.clock import Clock

log = logging.getLogger(__name__)

SDK_LOG = logging.getLogger(f"{__name__}.sdk")
"""For the client and the socket: what they say below ERROR holds tickets and messages."""

PING_S = 10.0
SILENCE_S = 30.0
"""A connection on which nothing was heard for so long, not even answers to pings, is dead."""

SHORT_LIFE_S = 60.0
"""A connection that ends sooner is not replaced at once: the supervisor's back-off is due."""

LINGER_S = 10.0
"""DingTalk cuts a connection so long after it has asked for a new one."""

CLOSE_S = 0.5
OK = 200

MALFORMED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What the client raises for a malformed frame."""

Take: TypeAlias = Callable[[Json], Awaitable[Any]]
"""Takes what was pushed for one topic; what it returns goes back with the acknowledgement. It
raises OSError or StoreFailed where nothing should be acknowledged."""


class Mishandled(Exception):
    """A fault of ours, not of the frame."""


@dataclass(frozen=True, slots=True)
class Line:
    """One connection, with a client of its own that answers on it."""

    client: Any
    socket: ClientConnection


class Stream:
    """The connection of one app."""

    def __init__(self, api: Api, link: Link, clock: Clock, topics: Mapping[str, Take]) -> None:
        self._api, self._link, self._clock = api, link, clock
        self._topics = topics

    async def run(self) -> None:
        """Connects and receives until the connection is lost. Raises AdapterError.

        DingTalk asks for a new connection now and then, and soon delivers nothing over the old
        one. As what is not delivered is lost, the new one is opened while the old one is read.
        """
        SDK_LOG.setLevel(logging.ERROR)
        sdk = await asyncio.to_thread(import_module, "dingtalk_stream")
        line = await self._open(sdk)
        old: asyncio.Task[None] | None = None
        try:
            while True:
                began = self._clock.now()
                with self._link.connected():
                    await self._receive(line)
                if self._clock.now() - began < SHORT_LIFE_S:
                    raise NetworkError("DingTalk asked for a new connection")
                old = asyncio.create_task(self._linger(line))
                line = await self._open(sdk)
        finally:
            await line.socket.close()
            if old:
                old.cancel()
                await asyncio.wait({old})

    async def _open(self, sdk: Any) -> Line:
        client = self._client(sdk)
        agent = f"dingtalk-sdk-python/v{sdk.stream.VERSION_STRING}-union"
        ticket = await self._api.register(self._topics, client.get_host_ip(), agent)
        try:
            socket = await connect(
                f"{ticket.endpoint}?ticket={quote_plus(ticket.ticket)}",
                logger=SDK_LOG,
                proxy=proxy_to(ticket.endpoint),
                ping_interval=None,  # `_ping` does it, on our clock
                close_timeout=CLOSE_S,
            )
        except InvalidURI:
            # From None, here and below: the address holds the ticket.
            raise NetworkError("DingTalk's address for events makes no sense") from None
        except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
            raise NetworkError(f"no connection for events: {type(error).__name__}") from None
        client.websocket = socket
        return Line(client, socket)

    def _client(self, sdk: Any) -> Any:
        # The client does not need the secret: it is not what registers.
        client = sdk.DingTalkStreamClient(sdk.Credential("", ""), logger=SDK_LOG)
        for topic, take in self._topics.items():
            handler = sdk.CallbackHandler()
            handler.process = partial(self._process, take)
            client.register_callback_handler(topic, handler)
        return client

    async def _process(self, take: Take, message: Any) -> tuple[int, Any]:
        self._link.heard(event=True)
        try:
            return OK, await take(clean(message.data) if isinstance(message.data, dict) else {})
        except MALFORMED as error:
            raise Mishandled from error

    async def _receive(self, line: Line) -> None:
        """Returns when DingTalk asks for a new connection; raises NetworkError when it is lost."""
        await until_first_ends(self._read(line), self._ping(line), self._watch())

    async def _linger(self, line: Line) -> None:
        """Takes what still comes over a connection that is to be left."""
        left = self._clock.wait(asyncio.Event(), self._clock.now() + LINGER_S)
        try:
            await until_first_ends(self._read(line), left)
        except NetworkError as error:
            log.debug("the old connection ended: %s", error)
        finally:
            await line.socket.close()

    async def _read(self, line: Line) -> None:
        """Takes one frame after the other, so that their order is kept."""
        try:
            async for frame in line.socket:
                self._link.heard()
                if await self._take(line.client, frame) == line.client.TAG_DISCONNECT:
                    return
        except ConnectionClosed as error:
            raise NetworkError(f"the connection broke: {type(error).__name__}") from None
        raise NetworkError("DingTalk closed the connection")

    async def _take(self, client: Any, frame: str | bytes) -> str:
        """Lets the client read, hand over and acknowledge a frame."""
        try:
            return str(await client.route_message(parsed(frame)))
        except (OSError, StoreFailed) as error:
            log.error("an event could not be stored, and is not acknowledged: %s", error)
        except Mishandled:
            log.exception("an event was lost, and is not acknowledged")
        except MALFORMED as error:
            # The error's text might quote the frame.
            log.warning("a malformed frame was dropped: %s", type(error).__name__)
        return ""

    async def _ping(self, line: Line) -> None:
        while True:
            await self._clock.wait(asyncio.Event(), self._clock.now() + PING_S)
            try:
                await (await line.socket.ping())
            except ConnectionClosed:
                raise NetworkError("the connection broke") from None
            self._link.heard()

    async def _watch(self) -> None:
        seconds = await self._link.silent(SILENCE_S)
        raise NetworkError(f"nothing was heard for {seconds:.0f} s: the connection is half-open")
