"""The official SDK's long connection, made fit to live beside others.

Importing this module takes seconds and 170 MB: only `adapters.lark.socket` does, in a thread. It
leans on names of the SDK that are not public, so the SDK's version is pinned; whatever is odd here
goes round a trap of that version:

- The SDK keeps one event loop in a name of its module, for all its clients. Here every client has
  a loop of its own, and the name holds something that means the loop that is running.
- It asks for the connection's address without a time limit.
- A setting that the server leaves out becomes None and ends its pings, so pings are sent by us.
- It logs addresses with tickets, to standard output.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import Any

import lark_oapi.ws.client as ws
import requests
from lark_oapi.core.enum import LogLevel
from lark_oapi.event.dispatcher_handler import EventDispatcherHandler
from lark_oapi.ws.exception import ClientException, ConnectionClosedException, ServerException
from websockets.exceptions import ConnectionClosed, WebSocketException

from adapters.base import AdapterError, LoginRefused, NetworkError, StoreFailed
from adapters.lark.settings import Settings
from adapters.payload import parsed
from adapters.rest import proxy_to

log = logging.getLogger(__name__)

DISCOVERY_TIMEOUT_S = 10.0
CLOSE_S = 1.0
"""A peer that is gone does not answer the goodbye: it is not waited for longer than this."""
TOO_MANY_CONNECTIONS = 1000040350

EVENTS = (
    "im.message.receive_v1",
    "im.message.recalled_v1",
    "im.message.message_read_v1",
    "im.message.reaction.created_v1",
    "im.message.reaction.deleted_v1",
    "im.chat.updated_v1",
    "im.chat.disbanded_v1",
    "im.chat.access_event.bot_p2p_chat_entered_v1",
    "im.chat.member.bot.added_v1",
    "im.chat.member.bot.deleted_v1",
    "im.chat.member.user.added_v1",
    "im.chat.member.user.deleted_v1",
    "im.chat.member.user.withdrawn_v1",
)
"""An event of a type that is not registered is refused, and pushed again four times."""

_TAMING = threading.Lock()

Answer = Mapping[str, Any] | None
Handle = Callable[[Mapping[str, Any]], Coroutine[Any, Any, Answer]]
"""Takes an event; what it returns goes back to the platform. Raises OSError or StoreFailed
when it should be pushed again."""


class _RunningLoop:
    """Stands where the SDK keeps its one loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def create_task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        """The end of the SDK's tasks is noticed elsewhere; nobody else asks for their errors."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()


def tame() -> None:
    """Replaces what the SDK keeps in names of its modules. May be called again, by any thread."""
    with _TAMING:
        if isinstance(ws.loop, _RunningLoop):
            return
        if not ws.loop.is_running():  # the SDK made one while it was imported
            ws.loop.close()
            asyncio.set_event_loop(None)
        ws.loop = _RunningLoop()
        ws.requests = SimpleNamespace(post=_post)
        ws.logger.addFilter(_says_something)
        ws.logger.handlers.clear()
        for name in (ws.logger.name, "websockets"):
            logging.getLogger(name).setLevel(logging.ERROR)


def _says_something(_: logging.LogRecord) -> bool:
    """That a connection is lost, we say ourselves; the SDK says it once for every event."""
    return not isinstance(sys.exc_info()[1], ConnectionClosed | ConnectionClosedException)


def _post(url: str, **more: Any) -> Any:
    """By the proxy that other calls take. Raises NetworkError."""
    proxies = dict.fromkeys(("http", "https", "all"), proxy_to(url) or "")
    return requests.post(url, timeout=DISCOVERY_TIMEOUT_S, proxies=proxies, **more)


class Client(ws.Client):  # type: ignore[misc]  # the base class has no types
    """One connection, until it is lost. Everything here runs on the loop it was built on."""

    def __init__(self, settings: Settings, handle: Handle, heard: Callable[[], None]) -> None:
        super().__init__(
            settings.app_id,
            settings.app_secret.get_secret_value(),
            log_level=LogLevel.ERROR,
            event_handler=_dispatcher(self._taken),
            domain=settings.domain,
            auto_reconnect=False,
        )
        self._heard, self._handle = heard, handle
        self._answer: Answer = None
        self._problem: Exception | None = None
        self._whole: bytes | None = None
        self._lost = asyncio.Event()
        self._receiving: asyncio.Task[Any] | None = None

    @property
    def ping_interval_s(self) -> float:
        """How often the platform wants to hear from us."""
        return float(self._ping_interval)

    async def connect(self) -> None:
        """Raises AdapterError."""
        try:
            await self._connect()
        except (ClientException, ServerException) as error:
            raise _refusal(error) from None
        except OSError as error:
            raise NetworkError(f"the platform can't be reached: {type(error).__name__}") from None
        except (WebSocketException, ValueError, LookupError, AttributeError, TypeError) as error:
            # Whatever a strange answer leads the SDK to; texts of these may quote the address.
            raise NetworkError(f"no long connection: {type(error).__name__}") from None

    async def lost(self) -> None:
        """Returns when the connection is lost."""
        await self._lost.wait()

    async def ping(self) -> None:
        """Sends a ping; that the connection is lost is noticed elsewhere."""
        try:
            frame = ws._new_ping_frame(int(self._service_id))
            await self._write_message(frame.SerializeToString())
        except (ConnectionClosedException, WebSocketException, OSError, ValueError) as error:
            log.debug("ping failed: %s", type(error).__name__)

    async def close(self) -> None:
        """Ends the connection without a word in the log."""
        connection = self._conn
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.wait({self._receiving})
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._disconnect()
        except (TimeoutError, WebSocketException, OSError, RuntimeError) as error:
            log.debug("the connection did not end properly: %s", type(error).__name__)
        if connection is not None:
            connection.transport.abort()

    async def _receive_message_loop(self) -> None:
        self._receiving = asyncio.current_task()
        try:
            await super()._receive_message_loop()
        finally:
            self._lost.set()

    async def _handle_message(self, msg: bytes) -> None:
        self._heard()
        await super()._handle_message(msg)

    async def _handle_data_frame(self, frame: Any) -> None:
        """The SDK would take one event at a time, and read nothing meanwhile: so it is taken here
        first, and the SDK is told what came of it. Of an event in parts, which is a long one, the
        last part tells all."""
        headers, payload = frame.headers, frame.payload
        parts = int(ws._get_by_key(headers, ws.HEADER_SUM))
        if parts > 1:
            message_id = ws._get_by_key(headers, ws.HEADER_MESSAGE_ID)
            payload = self._combine(
                message_id, parts, int(ws._get_by_key(headers, ws.HEADER_SEQ)), payload
            )
            if payload is None:
                return
        answer, problem = None, None
        try:
            answer = await self._handle(parsed(payload))
        except (OSError, StoreFailed) as error:
            problem = error
        # From here to the SDK's dispatcher nothing is awaited.
        self._answer, self._problem = answer, problem
        self._whole = payload if parts > 1 else None
        await super()._handle_data_frame(frame)

    def _combine(self, msg_id: str, sum_: int, seq: int, bs: bytes) -> bytes | None:
        """The parts together, once all are there; when the SDK asks, they were already."""
        whole, self._whole = self._whole, None
        return whole or super()._combine(msg_id, sum_, seq, bs)

    def _taken(self) -> Answer:
        if self._problem:
            raise self._problem
        return self._answer

    def _configure(self, conf: Any) -> None:
        if isinstance(conf.PingInterval, int | float) and conf.PingInterval > 0:
            self._ping_interval = conf.PingInterval


def _refusal(error: Any) -> AdapterError:
    said = f"the platform refuses the long connection: {str(error)[:200]}"
    if isinstance(error, ServerException):
        return NetworkError(said)
    if error.code == TOO_MANY_CONNECTIONS:
        return NetworkError(f"{said}; the app has too many connections, is the bot started twice?")
    return LoginRefused(
        f"{said}; look at app_id, app_secret and domain, and in the developer console under Events "
        "and callbacks whether the long connection is chosen"
    )


def _dispatcher(taken: Callable[[], Answer]) -> Any:
    """The SDK's dispatcher, which knows what is subscribed; `taken` says what came of the event
    that it is given, or raises."""
    builder = EventDispatcherHandler.builder("", "", LogLevel.ERROR)

    def on_event(_: Any) -> None:
        taken()

    def on_card_action(_: Any) -> Any:
        return taken() or {}

    for kind in EVENTS:
        builder.register_p2_customized_event(kind, on_event)
    return builder.register_p2_card_action_trigger(on_card_action).build()
