"""The WebSocket at /api/stream: who is let in, and sending until either side leaves."""

import asyncio
from contextlib import AsyncExitStack, suppress

from aiohttp import WSMessageTypeError, web
from pydantic import ValidationError

from adapters.http_guard import has_bearer, token_matches
from adapters.web.http import storage_at_work
from adapters.web.stream import Outbox, StreamHub, TooManyStreams
from adapters.web.types import StreamQuery, StreamToken, parse_query

HEARTBEAT_S = 20.0
TOKEN_TIMEOUT_S = 10.0
GOODBYE_TIMEOUT_S = 2.0
MAX_CLIENT_MESSAGE_BYTES = 4096
WRONG_TOKEN = 4401
"""Close code where the token is missing or wrong; the page then asks for it."""
GOING_AWAY = 1001


async def serve_stream(request: web.Request, hub: StreamHub, token: str) -> web.StreamResponse:
    """Sends what happens in `?group=` as JSON texts until the client or the bot leaves.

    Raises HTTPBadRequest for a bad group, HTTPServiceUnavailable when there are too many.
    """
    group = parse_query(StreamQuery, request.query).group
    socket = web.WebSocketResponse(
        heartbeat=HEARTBEAT_S,
        max_msg_size=MAX_CLIENT_MESSAGE_BYTES,
        timeout=GOODBYE_TIMEOUT_S,
        compress=False,
    )

    def cut() -> None:
        if request.transport is not None:
            request.transport.abort()

    async with AsyncExitStack() as stack:
        # Listening starts before the handshake ends: between what a client reads from the
        # history once it is connected and what the stream brings there is no gap.
        try:
            with storage_at_work():
                outbox = await stack.enter_async_context(hub.listen(group, cut))
        except TooManyStreams:
            raise web.HTTPServiceUnavailable(text="too many open pages; try again later") from None
        await socket.prepare(request)
        if await _admit(request, socket, token):
            await _exchange(socket, outbox)
    return socket


async def _admit(request: web.Request, socket: web.WebSocketResponse, token: str) -> bool:
    """A browser can't send headers with a WebSocket: its token is the first message."""
    if not token or has_bearer(request, token):
        return True
    with suppress(TimeoutError, WSMessageTypeError, ValidationError):
        first = StreamToken.model_validate_json(await socket.receive_str(timeout=TOKEN_TIMEOUT_S))
        if token_matches(token, first.token):
            return True
    await socket.close(code=WRONG_TOKEN, message=b"wrong or missing token")
    return False


async def _exchange(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    async with asyncio.TaskGroup() as tasks:
        sender = tasks.create_task(_send_all(socket, outbox))
        async for _ in socket:
            pass  # a client has nothing to say here; reading keeps the heartbeat going
        sender.cancel()


async def _send_all(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    with suppress(ConnectionError):  # the client left; the reader sees that too
        while (text := await outbox.get()) is not None:
            await socket.send_str(text)
        await socket.close(code=GOING_AWAY, message=b"the bot is stopping")
