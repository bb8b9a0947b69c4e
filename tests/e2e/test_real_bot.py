"""The page with the real daemon behind it: real index, real store, real process."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.daemon import daemon
from tests.e2e.actions import answers, say, verdict
from tests.e2e.conftest import OpenPage
from tests.fakes.llm_api import Call, Say, digit, judged, llm_api

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

ASK = "which port does the kettle server listen on?"


@pytest_asyncio.fixture(loop_scope="module")
async def real_url(indexed: Path) -> AsyncIterator[str]:
    async with daemon(indexed) as bot:
        yield bot.url


async def test_a_day_in_the_group(real_url: str, open_page: OpenPage) -> None:
    page = await open_page(real_url)
    await page.locator("#go-on").click()
    question = await say(page, "Alice", ASK, mention=True)
    await expect(verdict(question, "answered")).to_be_visible()
    answer = answers(page).first
    await expect(answer).to_contain_text("7311")
    link = answer.locator("a.source").first
    await expect(link).to_have_attribute("href", "https://docs.test/en/serving.md#ports")

    talk = await say(page, "Bob", "what's for lunch today?")
    chip = verdict(talk, "silent")
    await expect(chip).to_be_visible()
    await chip.click()
    await expect(page.locator("#panel .reason")).to_have_attribute("data-reason", "off_topic")
    await expect(page.locator("#panel .stages > li")).not_to_have_count(0)
    await page.keyboard.press("Escape")

    await answer.hover()
    await answer.get_by_role("button", name="Recall").click()
    await expect(page.locator(".message.recalled")).to_have_count(1)
    await expect(page.locator("#messages")).not_to_contain_text("7311")


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "withdrawn"])
async def test_an_answer_appears_as_it_is_written_and_goes_where_the_check_fails(
    indexed: Path, open_page: OpenPage, kept: bool
) -> None:
    finished = asyncio.Event()

    def script(call: Call) -> Say:
        if call.kind == "dodge":
            # What is shown on the way has passed; the whole answer is asked about once more.
            return digit(9 if finished.is_set() and not kept else 0)
        return judged(call) or Say(
            "The server listens on port 7311 [1]. Change it with `--port` [1].", hold=finished
        )

    async with llm_api(script) as api:
        remote = f"llm.remote={{provider: custom, base_url: '{api.url}', model: chat}}"
        async with daemon(indexed, ["--set", remote]) as bot:
            page = await open_page(bot.url)
            question = await say(page, "Alice", ASK, mention=True)
            draft = page.locator(".message.draft")
            await expect(draft).to_contain_text("The server listens on port 7311")
            await expect(draft).not_to_contain_text("--port")
            finished.set()
            await expect(draft).to_have_count(0)
            if kept:
                await expect(verdict(question, "answered")).to_be_visible()
                await expect(answers(page)).to_contain_text("--port")
            else:
                await expect(verdict(question, "spoken")).to_be_visible()
                await expect(page.locator("#messages")).not_to_contain_text("7311")
            await page.context.close()
