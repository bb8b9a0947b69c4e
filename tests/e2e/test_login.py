"""The first start and logging in, in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from knowledge.base import KnowledgeBase
from tests.bot.console.running import Running, running_bot
from tests.e2e.actions import say, width_fits
from tests.e2e.conftest import OpenPage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def login_of_last(bot: Running) -> str:
    """The login with which the last message was posted."""
    newest = "SELECT login FROM messages ORDER BY seq DESC LIMIT 1"
    return str((await bot.parts.store.database.run(lambda db: db.execute(newest).fetchone()))[0])


async def test_the_first_admin_is_made_by_one_click_logs_out_and_in(
    tmp_path: Path, kettle: KnowledgeBase, open_page: OpenPage
) -> None:
    async with running_bot(tmp_path, kettle, logins=True) as served:
        # 403: what is under way while the first admin is made comes with the new cookie, and with
        # no word of its session yet.
        page = await open_page(
            served.url, failing="40[13]", viewport={"width": 390, "height": 800}, locale="zh-CN"
        )
        await expect(page.locator("#no-login")).to_contain_text("谁都不能用管理命令")
        await say(page, "Alice", "hello")
        await page.locator("#make-admin").click()
        password = await page.locator("#password-made").inner_text()
        await page.locator("#password-dialog button").click()
        await expect(page.locator("#no-login")).to_be_hidden()
        assert await width_fits(page)
        await say(page, "Alice", "/dou status")
        assert await login_of_last(served) == "admin"

        await page.locator("#log-out").click()
        await page.locator("#login-name").fill("admin")
        await page.locator("#login-secret").fill("not the password")
        await page.keyboard.press("Enter")
        await expect(page.locator("#login-error")).to_be_visible()
        await page.locator("#login-secret").fill(password)
        await page.keyboard.press("Enter")
        await expect(page.locator("#state")).to_have_attribute("data-state", "connected")
        await say(page, "Bob", "hello again")
        await page.reload()
        await expect(page.locator("#log-out")).to_contain_text("admin")
        await page.context.close()


async def test_who_goes_on_without_logins_is_told_what_that_means(
    tmp_path: Path, kettle: KnowledgeBase, open_page: OpenPage
) -> None:
    async with running_bot(tmp_path, kettle, logins=True) as served:
        page = await open_page(served.url)
        await page.locator("#go-on").click()
        await expect(page.locator("#no-login")).to_contain_text("is its admin")
        await expect(page.locator("#make-admin")).to_be_visible()
        await say(page, "Alice", "/dou status")
        assert await login_of_last(served) == "local"
        await page.context.close()
