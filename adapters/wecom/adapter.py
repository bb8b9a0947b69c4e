"""A WeCom AI bot: what it hears over its long connection, and how it answers.

Replies travel over the same connection. A message is answered in place as long as WeCom takes it
(one stream, one bubble); else the reply is pushed into the chat.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Self

from adapters.base import (
    AdapterError,
    Finding,
    IncomingMessage,
    LoginRefused,
    NetworkError,
    NotSupported,
    Picture,
    Publish,
    Reply,
    StoreFailed,
    Unconfirmed,
)
from adapters.budget import Budget
from adapters.contract import Adapter, Context
from adapters.pictures import pictures_at
from adapters.rest import Response, Rest
from adapters.texts import phrase
from adapters.wecom.callbacks import Callback, Callbacks
from adapters.wecom.check import walk_through
from adapters.wecom.events import SINGLE, group_of, message_id, parse, target
from adapters.wecom.pictures import fetch, places_in
from adapters.wecom.protocol import BLOCK_S, GONE, RESPOND, SEND, TOO_MANY, WELCOME, Frame, refusal
from adapters.wecom.settings import Settings
from adapters.wecom.socket import NoAck, Socket
from adapters.wecom.streaming import Bubbles, render
from common.clock import Clock
from common.rate_limit import Pace

log = logging.getLogger(__name__)


def create(settings: Settings, context: Context) -> "WecomAdapter":
    """Builds the adapter; it connects when it runs."""
    return WecomAdapter(settings, context)


def chat_budget(clock: Clock) -> Budget:
    """30 messages a minute and 1000 an hour per chat, drafts included."""
    return Budget(clock, group=(Pace(clock, 20, 60, burst=10), Pace(clock, 900, 3600, burst=100)))


class WecomAdapter(Adapter):
    """Receives while `run` runs. A connection that was up when it was cancelled stays for the
    replies under way, until the adapter is closed."""

    alone = True

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings.name, context.clock)
        self.streams = settings.streaming
        self._settings, self._clock = settings, context.clock
        self._bot_name = settings.bot_name or context.bot_name
        self._budget = chat_budget(context.clock)
        self._callbacks = Callbacks(context.clock)
        self._drafts = Bubbles(self._write, self._budget, context.clock)
        self._rest = Rest(self._link, _status, settings.proxy.get_secret_value() or None)
        self._socket: Socket | None = None
        self._refused: LoginRefused | None = None
        self._greetings: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._rest.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._drafts.close()
        for task in self._greetings:
            task.cancel()
        await self._hang_up()
        await self._rest.__aexit__()

    async def run(self, publish: Publish) -> None:
        """One connection's life. Raises LoginRefused when WeCom refuses the credentials or when
        another process takes the connection over, NetworkError when it is lost."""
        await self._hang_up()
        self._socket = Socket(self._settings, self._clock, self._link)
        try:
            await self._socket.open()
            self._refused = None
            with self._link.connected():
                await self._receive(self._socket, publish)
        except AdapterError as error:
            self._link.failed(error)
            self._refused = error if isinstance(error, LoginRefused) else None
            await self._hang_up()
            raise

    async def send(self, reply: Reply) -> str:
        """Answers in place where that can be done, else pushes."""
        socket = self._ready()
        self._budget.take(reply.group)
        callback = self._callbacks.find(reply.reply_to)
        if callback and (shown := await self._answer(callback, reply)):
            return shown
        if self._callbacks.is_doubtful(reply.key):
            raise Unconfirmed("an answer in place was sent; whether it stands there is not known")
        if callback:
            self._budget.take(reply.group)
        return await self._push(socket, reply)

    async def recall(self, group: str, message_id: str) -> None:
        del group, message_id
        raise NotSupported(phrase.both("cannot_withdraw"))

    async def draft(self, group: str, reply_to: str, text: str) -> None:
        del group
        callback = self._callbacks.find(reply_to)
        if not text.strip():
            await self._drafts.end(reply_to)
        elif self._settings.streaming and callback and self._socket and self._socket.ready:
            self._drafts.begin(reply_to, callback, text)

    async def pictures(self, message: IncomingMessage) -> Sequence[Picture]:
        """Those of a message that came since the bot started, and of what it quotes, while WeCom
        keeps them: five minutes."""
        callback = self._callbacks.find(message.message_id)
        places = callback.pictures if callback else ()
        return await pictures_at(places, partial(fetch, self._rest, self._settings), message)

    async def check(self) -> AsyncIterator[Finding]:
        if self._link.status().up:
            yield Finding("ok", "the long connection is up")
            return
        async for finding in walk_through(self._settings, self._clock):
            yield finding

    async def _receive(self, socket: Socket, publish: Publish) -> None:
        """WeCom sends nothing twice: what has arrived is stored, whatever happens meanwhile."""
        frame: Frame | None = None
        try:
            while True:
                frame = await socket.next()
                await self._take(frame, publish)
                frame = None
        except asyncio.CancelledError:
            for late in [*([frame] if frame else []), *socket.stop_listening()]:
                await self._take(late, publish)
            raise

    async def _take(self, frame: Frame, publish: Publish) -> None:
        if frame.event == "enter_chat":
            self._greet(frame)
            return
        event = parse(frame.body, self.name, self._bot_name, self._clock.now())
        if event is None:
            log.debug("nothing to do with message %s", message_id(frame.body))
            return
        if isinstance(event, IncomingMessage):
            log.debug("message %s of %s in %s", event.message_id, event.user, event.group)
            pictures = places_in(frame.body)
            self._callbacks.remember(event.message_id, frame.req_id, event.group, pictures)
        try:
            await publish(event)
        except (OSError, StoreFailed) as error:
            lost = message_id(frame.body)
            log.error("message %s could not be stored and is lost: %s", lost, error)

    def _greet(self, frame: Frame) -> None:
        group = group_of(frame.body)
        if not self._settings.welcome or not group.startswith(SINGLE) or self._budget.pause(group):
            return
        task = asyncio.create_task(self._welcome(frame.req_id))
        self._greetings.add(task)
        task.add_done_callback(self._greetings.discard)

    async def _welcome(self, req_id: str) -> None:
        body = {"msgtype": "text", "text": {"content": self._settings.welcome}}
        try:
            code = await self._ready().request(WELCOME, body, req_id)
        except NetworkError as error:
            log.warning("a welcome was not sent: %s", error)
            return
        if code:
            log.warning("a welcome was not sent: code %d", code)

    def _ready(self) -> Socket:
        """Raises LoginRefused where it is that which keeps the connection from coming up."""
        if self._socket is None and self._refused:
            raise self._refused.with_traceback(None)
        if self._socket is None or not self._socket.ready:
            raise NetworkError("there is no connection to WeCom")
        return self._socket

    async def _answer(self, callback: Callback, reply: Reply) -> str:
        """The stream in which the answer stands; "" where WeCom takes none for this message any
        more. What is sent again under the same stream is the same bubble."""
        content = await asyncio.to_thread(render, reply)
        bubble = await self._drafts.hold(reply.reply_to)
        stream_id = bubble.stream_id if bubble and bubble.open else ""
        stream: dict[str, object] = {"finish": True, "content": content}
        stream |= {"id": stream_id} if stream_id else _first(reply.key)
        try:
            code = await self._write(callback, stream)
        except NoAck:
            self._callbacks.doubt(reply.key)
            raise
        if code and code not in GONE:
            raise refusal(code)
        self._drafts.done(reply.reply_to)
        if code:
            log.info("a reply in %s is pushed, as it can't stand in place: %d", reply.group, code)
            self._callbacks.forget(reply.reply_to)
            return ""
        self._callbacks.settled(reply.key)
        return stream_id or reply.key

    async def _write(self, callback: Callback, stream: dict[str, object]) -> int:
        body = {"msgtype": "stream", "stream": stream}
        code = await self._ready().request(RESPOND, body, callback.req_id)
        return self._noted(callback.group, code)

    async def _push(self, socket: Socket, reply: Reply) -> str:
        body: dict[str, Any] = target(reply.group) | {
            "msgtype": "markdown",
            "markdown": {"content": await asyncio.to_thread(render, reply)},
        }
        try:
            code = self._noted(reply.group, await socket.request(SEND, body))
        except NoAck:
            raise Unconfirmed("WeCom did not acknowledge a message that was pushed") from None
        if code:
            raise refusal(code)
        return reply.key

    def _noted(self, group: str, code: int) -> int:
        if code == TOO_MANY:
            self._budget.block(BLOCK_S, group)
        return code

    async def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket:
            await socket.close()


def _status(answer: Response) -> str:
    """For the books."""
    return "ok" if answer.status == HTTPStatus.OK else str(answer.status)


def _first(key: str) -> dict[str, object]:
    """A stream's name, which WeCom also gives with the votes on it."""
    return {"id": key, "feedback": {"id": key}}
