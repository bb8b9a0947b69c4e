"""The bot's server, and browsers that keep its cookie."""

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from tests.fakes.clock import FakeClock

Visit = Callable[..., aiohttp.ClientSession]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    """Opens a browser on an address: headers are sent with every request."""
    opened = []

    def visit(url: str, **headers: str) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            url,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=60),
        )
        opened.append(session)
        return session

    yield visit
    for session in opened:
        await session.close()
