"""The HTTP server: health, readiness, metrics, and the routes that adapters offer."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapters.contract import Adapter
from adapters.http_guard import HEADERS, Identify, json_response, security_middlewares
from bot.config.schema import HttpSettings
from bot.daemon.connections import Connections, counted, most_connections
from bot.metrics import CONTENT_TYPE, Metrics

MAX_BODY_BYTES = 1 << 20

QUEUE = 512

CLIENT_LEFT = 499
"""Counted for an answer that its client did not wait for; nginx has it so, too."""

HEADERS_TIMEOUT_S = 20.0
"""Until a request's headers have arrived, from the connection or the answer before: so it is with
aiohttp's limit for idle connections."""


class ServerError(Exception):
    """The server can't listen; says what to do."""


def create_application(
    adapters: Iterable[Adapter],
    metrics: Metrics,
    readiness: Callable[[], dict[str, Any]],
    identify: Identify,
    routes: Iterable[web.RouteDef] = (),
) -> web.Application:
    """`readiness` returns what is not ready under "problems", where an empty list means ready, and
    under "loading" how far the knowledge base is, None once it is loaded. `routes` are those of
    the console."""

    async def healthz(_: web.Request) -> web.Response:
        return json_response({"status": "ok", "loading": readiness()["loading"]})

    async def readyz(_: web.Request) -> web.Response:
        state = readiness()
        return json_response(state, 503 if state["problems"] else 200)

    async def metrics_page(_: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    application = web.Application(
        middlewares=(_by_status(metrics), counted, *security_middlewares(identify)),
        client_max_size=MAX_BODY_BYTES,
    )
    application.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics_page),
            *routes,
        ]
    )
    for adapter in adapters:
        application.add_routes(adapter.routes())
    return application


def _by_status(metrics: Metrics) -> Middleware:
    """Counts the answers: many 401 and 429 are somebody who guesses."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        status = 500
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            status = answer.status
            raise
        except ConnectionError:
            if request.transport and not request.transport.is_closing():
                raise
            status = CLIENT_LEFT
            return web.Response(status=status)  # which nobody sees, and no bug
        else:
            status = response.status
            return response
        finally:
            metrics.http_responses.labels(str(status)).inc()

    return count


@asynccontextmanager
async def listening(settings: HttpSettings, application: web.Application) -> AsyncIterator[str]:
    """Serves while the context is open; yields the address. Raises ServerError."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    most = most_connections()
    connections = Connections(_protocols(runner), most, settings.proxy.address)
    try:
        try:
            server = await asyncio.get_running_loop().create_server(
                # So many are taken in at a time: they need handles before others make place.
                connections,
                settings.host,
                settings.port,
                backlog=min(128, most // 2),
            )
            _queue_up(server)
        except OSError as error:
            raise ServerError(
                f"can't listen on {settings.host}:{settings.port}: {error.strerror}; is another "
                "bot running? choose another port with --set http.port=0"
            ) from error
        try:
            host, port = server.sockets[0].getsockname()[:2]
            yield f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        finally:
            server.close()
    finally:
        await runner.cleanup()


def _queue_up(server: asyncio.Server) -> None:
    """Lets the system hold more of those who come all at once than are taken in at a time: who
    finds its queue full comes again after a second only."""
    for one in server.sockets:
        with socket.socket(fileno=os.dup(one.fileno())) as same:
            same.listen(QUEUE)


class _Protocol(web.RequestHandler):
    """aiohttp's own, whose answers to what is no HTTP, or to a bug, get our headers too."""

    __slots__ = ()

    def handle_error(self, *args: Any, **more: Any) -> web.StreamResponse:
        """See aiohttp."""
        response = super().handle_error(*args, **more)
        response.headers.update(HEADERS)
        return response


def _protocols(runner: web.AppRunner) -> Callable[[], _Protocol]:
    """What makes a protocol for each connection, once the runner is set up."""
    server, loop = runner.server, asyncio.get_running_loop()
    if server is None:
        raise AssertionError("the runner is set up")
    return lambda: _Protocol(
        server,
        loop=loop,
        access_log=None,  # type: ignore[arg-type]  # none, as a runner hands it on
        keepalive_timeout=HEADERS_TIMEOUT_S,
    )
