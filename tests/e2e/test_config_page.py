"""The configuration's file and the gate's target, changed by an admin in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.config.config_file import ConfigFile
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.settings import GateSettings
from tests.bot.console.running import running_bot
from tests.e2e.conftest import OpenPage
from tests.knowledge.library import gate_options, plan, write_pages

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

TOKEN = "0123456789abcdef-secret"


def written(folder: Path, gate: GateSettings) -> ConfigFile:
    path = folder / "config.yaml"
    text = f"""\
bot: {{name: dou}}   # what we are called
http: {{users: [{{name: ann, role: admin, token: {TOKEN}}}]}}
gate: {{examples: [{gate.examples[0]}]}}
"""
    path.write_text(text, encoding="utf-8")
    return ConfigFile(path)


def content(file: ConfigFile) -> str:
    return file.path.read_text(encoding="utf-8") if file.path else ""


async def test_the_file_and_the_target_are_changed(tmp_path: Path, open_page: OpenPage) -> None:
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs"), "https://docs.test/")
    build(made)
    file = written(tmp_path, gate_options(tmp_path))
    config = file.load()
    async with (
        KnowledgeBase(made, config.gate) as knowledge,
        running_bot(tmp_path / "data", knowledge, config, file=file) as bot,
    ):
        sent: list[str] = []
        page = await open_page(f"{bot.url}#/connections")
        page.on("response", lambda response: sent.append(response.url))
        await page.locator("#config-show").click()
        area = page.locator("textarea.code")
        await expect(area).to_have_value(f"{content(file).replace(TOKEN, '•••1')}")
        before = await area.input_value()
        assert TOKEN not in await page.content()
        check = page.locator(".card", has=area).get_by_role("button", name="Check", exact=True)
        write = page.get_by_role("button", name="Write it")
        await area.fill(before.replace("name: dou", "nmae: dou"))
        await check.click()
        await expect(page.get_by_role("alert")).to_contain_text("did you mean `name`?")
        await expect(write).to_be_disabled()
        await area.fill(before.replace("name: dou", "name: goose"))
        await check.click()
        difference = page.locator(".difference")
        await expect(difference).to_contain_text("+bot: {name: goose}   # what we are called")
        await expect(page.locator(".view")).to_contain_text("after a restart")
        await write.click()
        await expect(page.locator(".view")).to_contain_text("config.yaml.1")
        assert f"token: {TOKEN}" in content(file) and "name: goose" in content(file)

        await page.get_by_role("combobox", name="Backup").select_option("1")
        await check.click()
        await expect(difference).to_contain_text("-bot: {name: goose}")
        await write.click()
        await expect(page.locator(".view")).to_contain_text("config.yaml.2")
        assert "name: dou" in content(file)

        await page.goto(f"{bot.url}#/gate")
        card = page.locator(".card", has=page.get_by_text("What it is to reach", exact=True)).first
        slider = card.get_by_role("slider")
        await expect(card).to_contain_text("in use")
        await slider.focus()
        await page.keyboard.press("End")
        await expect(card).to_contain_text("at least 99%")
        await card.get_by_role("button", name="Use it").click()
        await expect(card).to_contain_text("it holds now")
        assert "gate: {target_precision: 0.99, examples" in content(file)
        await card.get_by_role("button", name="Undo").click()
        await expect(card).to_contain_text("at least 90%")
        await expect(card).to_contain_text("it holds now")
        assert knowledge.status().gate.target == 0.9
        await page.context.close()
