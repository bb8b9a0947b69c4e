"""ddgs against pages of search engines on loopback: the real library with its own HTTP client and
parsers, whose engines are sent to another address."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ddgs
import pytest
from aiohttp import web
from ddgs.engines import ENGINES
from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException

from knowledge.web.scraping import BACKENDS, Scraping
from knowledge.web.types import EngineError, Faulty, Hit, Refused, Unusable


class Engines:
    """What the search engines answer: DuckDuckGo's page, and nothing from the others."""

    def __init__(self) -> None:
        self.page = results([("https://mill.test/a", "About mills", "Mills turn.")])
        self.status = 200
        self.forms: list[dict[str, Any]] = []
        self.hold: asyncio.Event | None = None

    async def duckduckgo(self, request: web.Request) -> web.Response:
        self.forms.append(dict(await request.post()))
        if self.hold:
            await self.hold.wait()
        return web.Response(text=self.page, status=self.status, content_type="text/html")

    async def other(self, _: web.Request) -> web.Response:
        if self.hold:
            await self.hold.wait()
        return web.Response(text="<html></html>", status=self.status, content_type="text/html")


def results(found: list[tuple[str, str, str]]) -> str:
    """A page of results as html.duckduckgo.com makes it."""
    rows = "".join(
        f'<div class="links_main result__body"><h2><a href="{url}">{title}</a></h2>'
        f'<a class="result__snippet" href="{url}">{text}</a></div>'
        for url, title, text in found
    )
    return f"<html><body>{rows}</body></html>"


@asynccontextmanager
async def serving(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    engines = Engines()
    application = web.Application()
    application.add_routes([web.post("/d", engines.duckduckgo), web.get("/o", engines.other)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for name in BACKENDS.split(","):
        path = "/d" if name == "duckduckgo" else "/o"
        monkeypatch.setattr(ENGINES["text"][name], "search_url", url + path)
    try:
        yield engines
    finally:
        if engines.hold:
            engines.hold.set()
        await runner.cleanup()


@pytest.fixture
async def engines(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    async with serving(monkeypatch) as running:
        yield running


async def find(query: str = "mills", *, chinese: bool = False) -> list[Hit]:
    async with Scraping() as engine:
        return await engine.find(query, chinese=chinese)


async def test_what_is_asked_and_found(engines: Engines) -> None:
    assert await find() == [Hit("https://mill.test/a", "About mills")]
    assert await find("水轮", chinese=True)
    assert [(form["q"], form["l"]) for form in engines.forms] == [
        ("mills", "us-en"), ("水轮", "cn-zh"),
    ]  # fmt: skip


async def test_at_most_ten_results(engines: Engines) -> None:
    engines.page = results([(f"https://mill.test/{n}", f"mills {n}", "mills") for n in range(30)])
    assert len(await find()) == 10


@pytest.mark.parametrize("page", ["", "<html></html>", "\0\1garbage<<<", results([])])
async def test_nothing_found_is_no_error(engines: Engines, page: str) -> None:
    engines.page = page
    assert await find() == []


@pytest.mark.parametrize("status", [202, 403, 429, 500])
async def test_an_engine_that_refuses_looks_as_if_it_found_nothing(
    engines: Engines, status: int
) -> None:
    engines.status = status
    assert await find() == []


async def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BACKENDS.split(","):
        monkeypatch.setattr(ENGINES["text"][name], "search_url", "http://127.0.0.1:1/")
    with pytest.raises(Faulty, match="can't be reached"):
        await find()


async def test_searches_that_take_too_long_are_left_and_their_threads_counted(
    engines: Engines,
) -> None:
    engines.hold = asyncio.Event()
    async with Scraping(timeout_s=0.1) as engine:
        while len(engines.forms) < 2:
            await found_too_slow(engine)
        for _ in range(2):
            await found_too_slow(engine)
        assert len(engines.forms) == 2
    engines.hold.set()


async def found_too_slow(engine: Scraping) -> None:
    with pytest.raises(Faulty, match=r"more than 0\.1 s"):
        await engine.find("mills", chinese=False)


async def test_a_thread_that_is_free_again_is_used_again(engines: Engines) -> None:
    async with Scraping() as engine:
        found = await asyncio.gather(*(engine.find(f"{n}", chinese=False) for n in range(6)))
    assert all(found)
    assert len(engines.forms) == 6


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RatelimitException("202 Ratelimit"), Refused),
        (TimeoutException("timed out"), Faulty),
        (DDGSException("ConnectError"), Faulty),
        (AttributeError("'NoneType' object has no attribute 'xpath'"), Faulty),
        (ValueError("x"), Faulty),
        (KeyError("x"), Faulty),
        (OSError("x"), Faulty),
    ],
)
async def test_errors_of_the_library(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[EngineError]
) -> None:
    def text(*_: Any, **__: Any) -> list[dict[str, str]]:
        raise error

    monkeypatch.setattr(ddgs.DDGS, "text", text)
    with pytest.raises(EngineError) as caught:
        await find()
    assert type(caught.value) is kind


async def test_odd_results_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, Any]] = [{}, {"href": None}, {"href": 5}, {"href": "https://a.test"}]
    monkeypatch.setattr(ddgs.DDGS, "text", lambda *_, **__: rows)
    assert await find() == [Hit("https://a.test", "")]


async def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ddgs", None)
    with pytest.raises(Unusable, match="pip install ddgs"):
        await find()


async def test_searches_run_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def text(*_: Any, **__: Any) -> list[dict[str, str]]:
        names.append(threading.current_thread().name)
        return []

    monkeypatch.setattr(ddgs.DDGS, "text", text)
    await find()
    assert names[0].startswith("ddgs")
