"""A real browser on the page; every test also asserts that the page stayed quiet and local."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Page,
    async_playwright,
    expect,
)

from knowledge.base import KnowledgeBase
from knowledge.plan import BuildPlan
from knowledge.settings import GateSettings
from tests.bot.console.running import Running, running_bot
from tests.browser import ARGS, find_or_install_browser

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def browser_path() -> str:
    """A missing browser is a failure, which says what to install."""
    return find_or_install_browser()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(browser_path: str) -> AsyncIterator[Browser]:
    expect.set_options(timeout=60_000)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=browser_path, args=ARGS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kettle(
    kettle_index: tuple[BuildPlan, GateSettings],
) -> AsyncIterator[KnowledgeBase]:
    """One for each module: pages ask for several things at once, and what they wait for belongs to
    the module's event loop."""
    async with KnowledgeBase(*kettle_index) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def bot(tmp_path: Path, kettle: KnowledgeBase) -> AsyncIterator[Running]:
    """A running bot that knows Kettle's documents."""
    async with running_bot(tmp_path, kettle) as running:
        yield running


@pytest.fixture
def page_url(bot: Running) -> str:
    """Where its console is."""
    return bot.url


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens an address in a fresh browser profile; options as of `Browser.new_context`.

    The browser logs every failed request by itself: `failing` is a pattern of the status that is
    wanted. With `confirming` what the page asks is agreed to.
    """
    pages: list[Page] = []
    troubles: list[str] = []

    async def opened(
        url: str,
        *,
        connected: bool = True,
        failing: str = "",
        confirming: bool = False,
        **options: Any,
    ) -> Page:
        context = await browser.new_context(**{"locale": "en-US", **options})
        page = await context.new_page()
        page.set_default_timeout(60_000)
        host = urlsplit(url).netloc
        page.on("pageerror", lambda error: troubles.append(f"exception: {error}"))

        def listen(message: ConsoleMessage) -> None:
            wanted = failing and re.search(f"status of {failing}", message.text)
            if message.type in {"error", "warning"} and not wanted:
                troubles.append(message.text)

        page.on("console", listen)
        page.on("request", lambda r: troubles.append(r.url) if not _local(r.url, host) else None)

        async def answer(dialog: Dialog) -> None:
            if confirming and dialog.type == "confirm":
                await dialog.accept()
            else:
                troubles.append(f"dialog: {dialog.message}")

        page.on("dialog", answer)
        pages.append(page)
        await page.goto(url)
        if connected:
            await expect(page.locator("#state")).to_have_attribute("data-state", "connected")
        return page

    yield opened
    for page in pages:
        await page.context.close()
    assert troubles == []


def _local(url: str, host: str) -> bool:
    parts = urlsplit(url)
    return parts.netloc == host or parts.scheme in {"data", "blob"}
