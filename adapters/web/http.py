"""What the web page's handlers share: reading bodies, storage errors as 503, files of the page."""

import asyncio
import html
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import hdrs, web

from adapters.http_guard import read_body

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024

PAGE_DIR = Path(__file__).parent / "page"
ASSETS = {
    **dict.fromkeys(
        (
            *("boot.js", "app.js", "api.js", "chat.js", "composer.js", "decision.js", "login.js"),
            *("dom.js", "i18n.js", "loading.js", "markdown.js", "places.js", "stream.js"),
        ),
        "text/javascript",
    ),
    **dict.fromkeys(("style.css", "chat.css", "panel.css"), "text/css"),
    "icon.svg": "image/svg+xml",
}
"""Files of the page that may be fetched, and their content types."""


async def read_json_body(request: web.Request) -> bytes:
    """The body of a request that says it is JSON, which other sites can't send unasked.

    Raises HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge or HTTPRequestTimeout.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Content-Type: must be application/json")
    return await read_body(request, MAX_BODY_BYTES)


@contextmanager
def storage_at_work() -> Iterator[None]:
    """Turns a failure of the bot's store into 503: the client should try again."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        log.warning("the store failed during a request: %s", error)
        raise web.HTTPServiceUnavailable(text="the bot's store failed; try again later") from error


async def index_page(bot_name: str, prefix: str) -> web.Response:
    """The page with the bot's name and the prefix of commands filled in."""
    page = await asyncio.to_thread((PAGE_DIR / "index.html").read_text, "utf-8")
    return web.Response(
        text=page.replace("{{prefix}}", html.escape(prefix)).replace(
            "{{bot_name}}", html.escape(bot_name)
        ),
        content_type="text/html",
        headers={hdrs.CACHE_CONTROL: "no-cache"},
    )


async def asset_file(request: web.Request) -> web.FileResponse:
    """One of the page's files, revalidated by its ETag. Raises HTTPNotFound."""
    name = request.match_info["name"]
    if name not in ASSETS:
        raise web.HTTPNotFound(text=f"no such file: {name[:80]}")
    headers = {
        hdrs.CONTENT_TYPE: f"{ASSETS[name]}; charset=utf-8",
        hdrs.CACHE_CONTROL: "no-cache",
    }
    return web.FileResponse(PAGE_DIR / name, headers=headers)
