"""The WebSocket at /api/stream: sending until either side leaves.

Who may listen is known before the handshake, as with every request: by the session's cookie, which
browsers send along, or by a token in a header. So who has no login takes no place.
"""

import asyncio
from contextlib import AsyncExitStack, suppress

from aiohttp import web

from adapters.web.http import storage_at_work
from adapters.web.stream import Outbox, StreamHub, TooManyStreams
from adapters.web.types import StreamQuery, parse_query

HEARTBEAT_S = 20.0
LONGEST_S = 3600.0
"""Then the client comes again, and whether it still may is seen."""
GOODBYE_TIMEOUT_S = 2.0
MAX_CLIENT_MESSAGE_BYTES = 4096
GOING_AWAY = 1001


async def serve_stream(request: web.Request, hub: StreamHub) -> web.StreamResponse:
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
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                await _exchange(socket, outbox)
        await socket.close(code=GOING_AWAY)
    return socket


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
