"""Every page of the console by axe-core: both languages, light and dark, wide and narrow."""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bot.config.config_file import ConfigFile
from knowledge.base import KnowledgeBase
from tests.bot.console.running import ASK, CHAT, running_bot
from tests.e2e.actions import width_fits
from tests.e2e.conftest import OpenPage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

VENDOR = Path(__file__).parent / "vendor"
VENDORED = (VENDOR / "vendored.json").read_text(encoding="utf-8")
AXE = (VENDOR / "axe.min.js").read_text(encoding="utf-8")
VIEWS = (
    *("groups/web/lobby", "overview", "groups", "groups?open=web:lobby", "messages", "gate"),
    *("shadow", "gaps", "knowledge", "connections", "connections?setup=lark", "logs"),
)
LOOKS = tuple(itertools.product(("zh", "en"), ("light", "dark"), (390, 1280)))

RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    (one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`)"""


def config_file(folder: Path) -> ConfigFile:
    path = folder / "config.yaml"
    path.write_text("bot: {name: dou}\n", encoding="utf-8")
    return ConfigFile(path)


async def test_what_is_vendored_is_what_it_says() -> None:
    (axe,) = json.loads(VENDORED)
    assert axe["file"] == "axe.min.js"
    assert hashlib.sha256(AXE.encode()).hexdigest() == axe["sha256"]


async def test_axe_finds_nothing_on_any_page(
    tmp_path: Path, kettle: KnowledgeBase, open_page: OpenPage
) -> None:
    async with running_bot(tmp_path, kettle, file=config_file(tmp_path)) as bot:
        await bot.say("alice", ASK, mention=True)
        await bot.say("bob", CHAT)
        page = await open_page(bot.url, failing="40")
        await page.evaluate(AXE)
        found: list[str] = []
        for view in VIEWS:
            await page.evaluate("(to) => { location.hash = to; }", f"#/{view}")
            await _settled(page)
            for language, theme, width in LOOKS:
                await page.set_viewport_size({"width": width, "height": 900})
                await _looks(page, language, theme)
                if view == "connections":
                    if not await page.locator("textarea.code").count():
                        await page.locator("#config-show").click()
                    await expect(page.locator("textarea.code")).to_have_value("bot: {name: dou}\n")
                wrong: Any = await page.evaluate(RUN)
                found += [f"{view} {language} {theme} {width}: {one}" for one in wrong]
                if not await width_fits(page):
                    found.append(f"{view} {language} {theme} {width}: too wide")
        await page.context.close()
        assert found == []


async def _settled(page: Page) -> None:
    """What the view asked for is there."""
    shown = page.locator("#chat:not([hidden]) .message, .view .card, .view .nothing")
    await expect(shown.first).to_be_visible()
    await page.wait_for_load_state("networkidle")


async def _looks(page: Page, language: str, theme: str) -> None:
    if await page.evaluate("document.documentElement.lang.slice(0, 2)") != language:
        await page.locator("#language").click()
        await _settled(page)
    if await page.evaluate("document.documentElement.dataset.theme") != theme:
        await page.locator("#theme").click()
        if await page.evaluate("document.documentElement.dataset.theme") != theme:
            await page.locator("#theme").click()
        await _settled(page)
