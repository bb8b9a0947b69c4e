"""One connection to WeCom: signing in, commands and their acks, pings, and what arrives.

A connection that has ended stays ended; the adapter opens another one.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import aiohttp

from adapters.base import LoginRefused, NetworkError
from adapters.link import Link
from adapters.wecom.protocol import (
    NOT_SUBSCRIBED,
    PING,
    SUBSCRIBE,
    WRONG_SECRET,
    Frame,
    new_id,
    read,
    refusal,
    write,
)
from adapters.wecom.settings import Settings
from common.clock import Clock

log = logging.getLogger(__name__)

CONNECT_S = 15.0
ACK_S = 5.0
"""An ack that has not come by then says nothing any more: the outcome is unknown."""
MISSED_PINGS = 2
CLOSE_S = 0.5
MAX_FRAME_BYTES = 4 << 20


class NoAck(NetworkError):
    """A command went out, and nobody knows whether it was obeyed."""


class Ack:
    """What has become of a command: `code` is None while nobody knows."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.code: int | None = None

    def tell(self, code: int) -> None:
        """0 for obeyed, or why it was not."""
        self.code = code
        self.told.set()


class Socket:
    """Call `open` first and `close` last, whatever happens in between."""

    def __init__(self, settings: Settings, clock: Clock, link: Link) -> None:
        self._settings, self._clock, self._link = settings, clock, link
        self._session: aiohttp.ClientSession | None = None
        self._websocket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pending: dict[str, Ack] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._happened: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._listening = True
        self._problem: BaseException | None = None
        self.ready = False

    async def open(self) -> None:
        """Connects and signs in. Raises LoginRefused or NetworkError."""
        await self.connect()
        await self.sign_in()

    async def connect(self) -> None:
        """Only connects, which disturbs nobody. Raises NetworkError."""
        # No proxy from the environment: some break this very connection, see `proxy`.
        self._session = aiohttp.ClientSession(trust_env=False)
        try:
            async with asyncio.timeout(CONNECT_S):
                self._websocket = await self._session.ws_connect(
                    self._settings.ws_url,
                    proxy=self._settings.proxy.get_secret_value() or None,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                    max_msg_size=MAX_FRAME_BYTES,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise NetworkError(f"WeCom refuses a connection with HTTP {error.status}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # From None: these errors may quote the proxy's address and its password.
            raise NetworkError(f"WeCom can't be reached: {type(error).__name__}") from None
        self._start(self._receive(self._websocket))

    async def sign_in(self) -> None:
        """Makes this the bot's one connection; one that another process has is ended by it."""
        secret = self._settings.secret.get_secret_value()
        try:
            body = {"bot_id": self._settings.bot_id, "secret": secret}
            code = await self.request(SUBSCRIBE, body)
        except NoAck as error:
            raise self._problem or error from None
        if code == WRONG_SECRET:
            raise refusal(code)
        if code:
            raise NetworkError(f"WeCom does not let the bot sign in: code {code}")
        self.ready = True
        self._start(self._keep_alive())

    async def close(self) -> None:
        """Ends the connection."""
        self._end(NetworkError("the connection to WeCom is closed"))
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._websocket:
                # Whatever is wrong with a connection, it is over now.
                with suppress(aiohttp.ClientError, OSError):
                    await self._websocket.close()
        finally:
            if self._session:
                await self._session.close()

    async def request(
        self, command: str, body: Mapping[str, Any] | None = None, req_id: str = ""
    ) -> int:
        """Sends a command and returns the code of its ack, 0 for obeyed.

        Those with one `req_id` go one at a time, since only that tells their acks apart. Raises
        NetworkError where nothing was sent, NoAck where that is not known.
        """
        req_id = req_id or new_id(command)
        turn = self._turns.setdefault(req_id, asyncio.Lock())
        async with turn:
            code = await self._exchange(req_id, write(command, req_id, body))
        self._link.called(command, "no ack" if code is None else str(code) if code else "ok")
        if code is None:
            raise NoAck(f"WeCom did not acknowledge {command}")
        if code == NOT_SUBSCRIBED:
            self._end(NetworkError("WeCom has forgotten that this connection is signed in"))
        return code

    async def next(self) -> Frame:
        """What happened next; all that has arrived before the connection ended comes first.
        Raises NetworkError or LoginRefused at its end."""
        frame = await self._happened.get()
        if frame is None:
            self._happened.put_nowait(None)  # for whoever asks again
            raise self._problem or NetworkError("the connection to WeCom is closed")
        return frame

    def stop_listening(self) -> list[Frame]:
        """Commands go on; what happens from now on is left out. Returns what has arrived."""
        self._listening = False
        frames = []
        while not self._happened.empty():
            if frame := self._happened.get_nowait():
                frames.append(frame)
        return frames

    async def _exchange(self, req_id: str, text: str) -> int | None:
        if self._problem or self._websocket is None:
            raise NetworkError("there is no connection to WeCom")
        ack = self._pending[req_id] = Ack()
        try:
            await self._websocket.send_str(text)
            await self._clock.wait(ack.told, self._clock.now() + ACK_S)
        except aiohttp.ClientConnectionResetError:
            raise NetworkError("the connection to WeCom is lost") from None
        except (aiohttp.ClientError, OSError):
            return None  # lost while the rest of it waited for its turn
        finally:
            self._pending.pop(req_id, None)
        return ack.code

    async def _receive(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            message = await websocket.receive()
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                code = websocket.close_code
                raise NetworkError(f"WeCom ended the connection (close code {code or 'none'})")
            self._link.heard()
            frame = read(message.data)
            if frame is None:
                log.warning("WeCom sent a frame that can't be read; it is left out")
            elif frame.code is None:
                self._take(frame)
            elif ack := self._pending.get(frame.req_id):
                ack.tell(frame.code)

    def _take(self, frame: Frame) -> None:
        self._link.heard(event=True)
        if frame.event == "disconnected_event":
            error = LoginRefused(
                "another process has signed in with the same bot_id, and WeCom allows one "
                "connection per bot: stop the other one, or give each a bot of its own"
            )
            error.zh = (
                "另一个进程用同一个 bot_id 登录了，企业微信只允许一个连接："
                "请停掉另一个，或各用一个机器人"
            )
            raise error
        if self._listening:
            self._happened.put_nowait(frame)
        else:
            log.warning("a message that came while the bot was stopping is lost")

    async def _keep_alive(self) -> None:
        """Raises NetworkError when pings are not answered: the connection is half-open."""
        missed = 0
        while missed < MISSED_PINGS:
            if not missed:
                await self._clock.wait(asyncio.Event(), self._clock.now() + self._settings.ping_s)
            try:
                await self.request(PING)
                missed = 0
            except NoAck:
                missed += 1
        raise NetworkError(f"WeCom is silent: {MISSED_PINGS} pings were not answered")

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._end(error)

    def _end(self, problem: BaseException) -> None:
        if self._problem is None:
            self._problem, self.ready = problem, False
            self._happened.put_nowait(None)
            for ack in self._pending.values():
                ack.told.set()
