"""The page in a real browser when things go wrong: attacks, lost connections, tokens."""

import re
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Route, WebSocketRoute, expect
from pydantic import SecretStr

from adapters.base import Citation, Reply
from bot.config.http import HttpSettings
from bot.config.schema import Config
from knowledge.base import KnowledgeBase
from tests.bot.console.running import Running, running_bot
from tests.e2e.actions import QUESTION, answers, say, verdict
from tests.e2e.conftest import OpenPage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]


async def test_markup_in_messages_and_answers_stays_text(bot: Running, open_page: OpenPage) -> None:
    attack = (
        "install <img src=x onerror='window.pwned=1'><script>window.pwned=2</script>"
        " [click](javascript:window.pwned=3) ![i](https://evil.example/i.png)"
        " <a href='https://evil.example'>x</a>"
    )
    url = "javascript:window.pwned=4"
    reply = Reply("r1", "lobby", None, attack, citations=(Citation("<b>a.md", "", 1, url),))
    await bot.parts.store.add_reply("web", reply, 1e9)
    page = await open_page(bot.url)
    await expect(answers(page).locator(".text")).to_contain_text("<script>window.pwned=2")
    await expect(answers(page).locator(".sources")).to_contain_text("<b>a.md")
    message = await say(page, "Alice", attack)
    await expect(message.locator(".text")).to_have_text(attack)
    await verdict(message, "silent").click()
    await expect(page.locator("#panel-body blockquote")).to_contain_text("<script>")
    await page.goto(f"{bot.url}#/messages")
    await expect(page.locator(".question .said")).to_have_text(attack)
    assert await page.evaluate("window.pwned") is None
    for selector in (".text img", "main script", "a[href^='javascript:']", ".said img"):
        await expect(page.locator(selector)).to_have_count(0)


async def test_markdown_is_rendered(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url)
    text = "**bold** and `x < y`\n\n- one\n- two\n  - inner\n\n1. first\n2. second\n\n> quoted\n\n"
    table = "| key | `a` |\n|---|:-:|\n| x \\| y | <b>2</b> |"
    await page.locator("#text").fill(
        text + "```py\nprint('**no**')\n```\n# A heading\n| no table |\n\n" + table
    )
    await page.locator("#send").click()
    body = page.locator(".message .text").last
    await expect(body.locator("strong")).to_have_text(["bold"])
    await expect(body.locator("p > code")).to_have_text(["x < y"])
    await expect(body.locator("> ul > li")).to_have_count(2)
    await expect(body.locator("ul ul > li")).to_have_text(["inner"])
    await expect(body.locator("> ol > li")).to_have_text(["first", "second"])
    await expect(body.locator("blockquote")).to_have_text("quoted")
    await expect(body.locator("pre")).to_have_text("print('**no**')")
    await expect(body.locator("p.heading")).to_have_text("A heading")
    await expect(body.locator("> p").last).to_have_text("| no table |")
    await expect(body.locator("th")).to_have_text(["key", "a"])
    await expect(body.locator("td")).to_have_text(["x | y", "<b>2</b>"])


async def test_what_was_missed_while_offline_is_caught_up(
    page_url: str, open_page: OpenPage
) -> None:
    page = await open_page(page_url)
    sockets: list[WebSocketRoute] = []

    def connect(route: WebSocketRoute) -> None:
        route.connect_to_server()
        sockets.append(route)

    await page.route_web_socket(re.compile("/api/stream"), connect)
    await page.reload()
    await expect(page.locator("#state")).to_have_attribute("data-state", "connected")
    await say(page, "Alice", "before")
    await sockets[-1].close()
    await expect(page.locator("#state")).to_have_attribute("data-state", "offline")
    async with aiohttp.ClientSession(page_url) as client:
        body = {"group": "lobby", "user": "Bob", "text": "meanwhile"}
        async with client.post("/api/messages", json=body) as response:
            assert response.status == 202
    await expect(page.locator("#messages")).to_contain_text("meanwhile")
    await expect(page.locator("#state")).to_have_attribute("data-state", "connected")
    await expect(page.locator(".message")).to_have_count(2)


async def test_a_message_that_failed_is_kept_and_sent_once(
    page_url: str, open_page: OpenPage
) -> None:
    page = await open_page(page_url, failing="503")
    lost = 0

    async def lose_answer(route: Route) -> None:
        nonlocal lost
        lost += 1
        await route.fetch()  # the server takes it, the page is told otherwise
        await route.fulfill(status=503, json={"error": "the bot's store failed"})

    await page.route("**/api/messages", lose_answer, times=1)
    await page.locator("#text").fill("only once")
    await page.locator("#send").click()
    await expect(page.locator("#error")).to_contain_text("the bot's store failed")
    await expect(page.locator("#text")).to_have_value("only once")
    await page.locator("#send").click()
    await expect(page.locator("#text")).to_have_value("")
    await expect(page.locator("#error")).to_be_hidden()
    await expect(page.locator(".message")).to_have_count(1)
    assert lost == 1


async def test_a_login_is_asked_for_and_a_token_is_in_no_address(
    tmp_path: Path, kettle: KnowledgeBase, open_page: OpenPage
) -> None:
    config = Config(http=HttpSettings(token=SecretStr("open-sesame")))
    async with running_bot(tmp_path, kettle, config, logins=True) as locked:
        page = await open_page(locked.url, connected=False, failing="401")
        addresses: list[str] = []
        page.on("request", lambda request: addresses.append(request.url))
        await expect(page.locator("#login-dialog")).to_be_visible()
        await expect(page.locator("#login-error")).to_be_hidden()
        await page.locator("#login-secret").fill("open barley")
        await page.keyboard.press("Enter")
        await expect(page.locator("#login-error")).to_be_visible()
        await page.locator("#login-secret").fill("open-sesame")
        await page.keyboard.press("Enter")
        await expect(page.locator("#state")).to_have_attribute("data-state", "connected")
        await say(page, "Alice", QUESTION, mention=True)
        await expect(answers(page)).to_have_count(1)
        assert not any("sesame" in address for address in addresses)
        await page.reload()
        await expect(answers(page)).to_have_count(1)
        await page.context.close()
