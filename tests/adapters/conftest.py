"""A served web adapter and an HTTP client for it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.web_app import Served, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture
async def client(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(served.url, timeout=timeout) as session:
        yield session
