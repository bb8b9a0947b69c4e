"""The console's page: one document whose views have addresses of their own behind the `#`, and the
files that it is made of. Nothing comes from elsewhere; see page/vendor/README.md."""

import asyncio
import html
from pathlib import Path

from aiohttp import hdrs, web

PAGE_DIR = Path(__file__).parent / "page"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Kinds of files that may be fetched, and their content types."""


def page_routes(bot_name: str, prefix: str) -> list[web.RouteDef]:
    """The page at / with the bot's name and the prefix of commands filled in, and its files."""

    async def index(_: web.Request) -> web.Response:
        page = await asyncio.to_thread((PAGE_DIR / "index.html").read_text, "utf-8")
        return web.Response(
            text=page.replace("{{prefix}}", html.escape(prefix)).replace(
                "{{bot_name}}", html.escape(bot_name)
            ),
            content_type="text/html",
            headers={hdrs.CACHE_CONTROL: "no-cache"},
        )

    return [web.get("/", index), web.get(r"/assets/{name:[a-z][a-z0-9_/-]*\.[a-z]+}", _file)]


async def _file(request: web.Request) -> web.FileResponse:
    """One of the page's files, revalidated by its ETag. Raises HTTPNotFound."""
    path = PAGE_DIR / request.match_info["name"]
    if path.suffix not in TYPES or not await asyncio.to_thread(path.is_file):
        raise web.HTTPNotFound(text="the page has no such file")
    headers = {
        hdrs.CONTENT_TYPE: f"{TYPES[path.suffix]}; charset=utf-8",
        hdrs.CACHE_CONTROL: "no-cache",
    }
    return web.FileResponse(path, headers=headers)
