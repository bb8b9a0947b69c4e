"""The HTTP server: health, readiness, metrics, and the routes that adapters offer."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from adapters.contract import Adapter
from adapters.http_guard import Identify, json_response, security_middlewares
from bot.config.schema import HttpSettings
from bot.metrics import CONTENT_TYPE, Metrics

MAX_BODY_BYTES = 1 << 20


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
        middlewares=security_middlewares(identify), client_max_size=MAX_BODY_BYTES
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


@asynccontextmanager
async def listening(settings: HttpSettings, application: web.Application) -> AsyncIterator[str]:
    """Serves while the context is open; yields the address. Raises ServerError."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise ServerError(
                f"can't listen on {settings.host}:{settings.port}: {error.strerror}; is another "
                "bot running? choose another port with --set http.port=0"
            ) from error
        host, port = runner.addresses[0][:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    finally:
        await runner.cleanup()
