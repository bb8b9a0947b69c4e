"""Fetching one page: redirects by hand, and limits of time, size and kind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from common.clock import Clock
from common.rate_limit import Pace
from knowledge.web import tidy
from knowledge.web.guard import Guard, GuardedResolver
from knowledge.web.types import BadStatus, Fetched, PageError

PRODUCT = "HuixiangDou"
"""What robots.txt files call the bot."""

MAX_REDIRECTS = 5
MAX_CONNECTIONS, PER_HOST = 16, 2

Permit = Callable[[URL], Awaitable[None]]
"""Asked before each visit; raises NotAllowed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds from a request to the headers of its answer, for a whole page with its redirects and
    its robots.txt, for reading a page, for the pages and for the results of a question; bytes of
    a page, unpacked."""

    headers_s: float = 5.0
    page_s: float = 10.0
    read_s: float = 10.0
    pages_s: float = 35.0
    engine_s: float = 25.0
    page_bytes: int = 2 << 20


LIMITS = Limits()


class Client:
    """Visits pages: no cookies, no referrer, one request a second and host. Open it with
    `async with`."""

    def __init__(
        self, guard: Guard, names: AbstractResolver, clock: Clock, limits: Limits, contact: str
    ) -> None:
        self._guard, self._limits = guard, limits
        self._resolver = GuardedResolver(guard, names)
        self._pace = Pace(clock, limit=1, seconds=1.0)
        self._agent = f"{PRODUCT}/1.0 ({contact or 'answers questions in group chats'})"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # Without a cache each connection goes to addresses that were judged just now. A proxy
            # would resolve names by itself: none is used.
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                limit=MAX_CONNECTIONS,
                limit_per_host=PER_HOST,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": self._agent,
                "Accept": "text/html, text/markdown, text/plain, application/pdf;q=0.9, */*;q=0.1",
                "Accept-Encoding": "gzip, deflate",
            },
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()
        await self._resolver.close()

    async def get(self, url: URL, permit: Permit | None = None) -> Fetched:
        """Fetches a page; `permit` is asked about each address on the way. Raises PageError."""
        try:
            async with asyncio.timeout(self._limits.page_s):
                for _ in range(MAX_REDIRECTS + 1):
                    url = self._guard.checked(url)
                    if permit:
                        await permit(url)
                    await self._pace.wait(url.host or "")
                    found = await self._visit(url)
                    if isinstance(found, Fetched):
                        return found
                    url = found
        except TimeoutError:
            raise PageError(f"not there within {self._limits.page_s:g} s") from None
        raise PageError(f"more than {MAX_REDIRECTS} redirects")

    async def _visit(self, url: URL) -> Fetched | URL:
        """One request: the page, or where it has gone to."""
        if self._session is None:
            raise PageError("the web search is not open")
        try:
            async with asyncio.timeout(self._limits.headers_s) as limit:
                async with self._session.get(url, allow_redirects=False) as answer:
                    limit.reschedule(None)  # the whole page has a limit of its own
                    if answer.status in (301, 302, 303, 307, 308):
                        return _target(url, answer)
                    return await self._page(url, answer)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # A TimeoutError is an OSError: of the headers here, of the whole page in `get`.
            raise PageError(f"can't be fetched: {type(error).__name__}") from None

    async def _page(self, url: URL, answer: aiohttp.ClientResponse) -> Fetched:
        if answer.status != 200:
            raise BadStatus(answer.status)
        tidy.check_type(answer.content_type)
        if (answer.content_length or 0) > self._limits.page_bytes:
            raise PageError(f"longer than {self._limits.page_bytes} bytes")
        data = await read_at_most(answer, self._limits.page_bytes)
        charset = (answer.charset or "").lower()
        return Fetched(url, tidy.kind_of(answer.content_type, charset, data), charset, data)


async def read_at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body, unpacked. Raises PageError as soon as it is longer, and reads no further."""
    data = bytearray()
    async for part in answer.content.iter_any():
        data += part
        if len(data) > limit:
            answer.close()
            raise PageError(f"longer than {limit} bytes")
    return bytes(data)


def _target(url: URL, answer: aiohttp.ClientResponse) -> URL:
    location = answer.headers.get("Location", "")
    if not location:
        raise PageError("a redirect to nowhere")
    return url.join(URL(location))
