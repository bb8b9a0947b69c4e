"""What the tests of the web search share: hurried time, names that mean what a test says, and a
search that is opened on fake servers."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from knowledge.web.client import Client, Limits
from knowledge.web.guard import Guard
from knowledge.web.search import WebSearch
from knowledge.web.settings import WebSettings
from tests.fakes.clock import FakeClock
from tests.fakes.serper_api import SerperApi
from tests.fakes.web_pages import Site

QUICK = Limits(headers_s=1.0, page_s=2.0)
"""Loopback answers at once."""


class HurriedClock(FakeClock):
    """Whoever waits for a time finds that it has come; the event loop gets its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Jumps there."""
        await asyncio.sleep(0)
        if until is not None and not event.is_set():
            self.waits.append(round(until - self.now(), 3))
            self.advance(max(0.0, until - self.now()))


class Names(AbstractResolver):
    """A name server: each name has a list of answers, the last of which stays."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("__", "."): list(said) for name, said in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """What the test says."""
        del family
        self.asked.append(host)
        said = self.answers.get(host)
        if not said:
            raise OSError(None, "no such name")
        addresses = said.pop(0) if len(said) > 1 else said[0]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=socket.AI_NUMERICHOST,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in addresses
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing to end."""


@asynccontextmanager
async def client(
    allow: Sequence[str], names: Names | None = None, clock: FakeClock | None = None,
    limits: Limits = QUICK, blocked: Sequence[str] = (), contact: str = "",
) -> AsyncIterator[Client]:  # fmt: skip
    """A client for these places."""
    guard = Guard(allow, blocked)
    made = Client(guard, names or Names(), clock or HurriedClock(), limits, contact)
    async with made as opened:
        yield opened


def settings(api: SerperApi | None = None, **fields: Any) -> WebSettings:
    """The section search.web, for a serper."""
    if api:
        fields = {"engine": "serper", "api_key": api.key, "endpoint": api.url, **fields}
    return WebSettings.model_validate_json(json.dumps(fields))


@asynccontextmanager
async def searching(
    folder: Path, api: SerperApi, site: Site, clock: FakeClock | None = None,
    names: Names | None = None, limits: Limits = QUICK, **fields: Any,
) -> AsyncIterator[WebSearch]:  # fmt: skip
    """A web search by this engine that may visit this site."""
    fields = {"allow": [site.place], **fields}
    made = WebSearch(
        settings(api, **fields), folder, clock or HurriedClock(), names=names or Names(),
        limits=limits,
    )  # fmt: skip
    async with made as search:
        yield search
