"""The page in a real browser, as people use it."""

import re

import pytest
from playwright.async_api import expect

from adapters.base import IncomingMessage
from bot.daemon.health import Loading
from tests.bot.console.running import Running
from tests.e2e.actions import QUESTION, answers, background, say, verdict, width_fits
from tests.e2e.conftest import OpenPage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


async def test_a_question_is_answered_with_a_link(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url)
    question = await say(page, "Alice", QUESTION, mention=True)
    await expect(question.locator(".badge")).to_have_text("@豆哥")
    await expect(verdict(question, "answered")).to_be_visible()
    link = answers(page).locator("a.source").first
    await expect(link).to_have_attribute("href", re.compile("^https?://"))
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(page.locator("#mention")).to_have_attribute("aria-pressed", "false")


async def test_small_talk_stays_unanswered_and_shows_why(
    page_url: str, open_page: OpenPage
) -> None:
    page = await open_page(page_url)
    message = await say(page, "Bob", "what is for lunch today?")
    chip = verdict(message, "silent")
    await expect(chip).to_have_text(re.compile(r"Silent · \w+"))
    await expect(answers(page)).to_have_count(0)
    await chip.click()
    panel = page.locator("#panel")
    await expect(panel.locator(".outcome")).to_have_text("Silent")
    await expect(panel.locator(".reason")).to_have_attribute("data-reason", "off_topic")
    await expect(panel.locator(".track")).to_have_attribute(
        "aria-label", re.compile(r"score -?[\d.]+, threshold -?[\d.]+")
    )
    await expect(panel.locator(".stages")).to_contain_text("too far from the documents")
    await expect(page.locator("#panel-title")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(chip).to_be_focused()


async def test_an_answer_can_be_judged(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url)
    await say(page, "Alice", QUESTION, mention=True)
    up = answers(page).first.get_by_role("button", name="Helpful", exact=True)
    down = answers(page).first.get_by_role("button", name="Not helpful")
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "true")
    await down.click()
    await expect(down).to_have_attribute("aria-pressed", "true")
    await expect(up).to_have_attribute("aria-pressed", "false")
    await page.reload()
    await expect(down).to_have_attribute("aria-pressed", "true")
    await down.click()
    await expect(down).to_have_attribute("aria-pressed", "false")


async def test_recall_removes_the_answer(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url)
    await say(page, "小李", QUESTION, mention=True)
    answer = answers(page).first
    await expect(answer).to_contain_text("Sources")
    said = await answer.locator(".text").inner_text()
    await answer.hover()
    await answer.get_by_role("button", name="Recall").click()
    await expect(page.locator(".message.recalled")).to_have_count(1)
    await expect(page.locator("#messages")).not_to_contain_text(said.splitlines()[0])
    await page.reload()
    await expect(page.locator(".message.recalled")).to_have_count(1)
    await expect(page.locator("#messages")).not_to_contain_text(said.splitlines()[0])


async def test_people_recall_their_own_messages_only(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url)
    message = await say(page, "Alice", "oops, wrong group")
    await page.locator("label.person", has_text="Bob").click()
    await expect(message.get_by_role("button", name="Recall")).to_have_count(0)
    await page.locator("label.person", has_text="Alice").click()
    await message.hover()
    await message.get_by_role("button", name="Recall").click()
    await expect(page.locator(".message.recalled")).to_have_text("Alice recalled a message")
    await expect(page.locator("#messages")).not_to_contain_text("oops")


async def test_a_reply_points_to_its_message(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url)
    first = await say(page, "Alice", "has anyone tried it?")
    await first.hover()
    await first.get_by_role("button", name="Reply").click()
    await expect(page.locator("#reply-bar")).to_contain_text("has anyone tried it?")
    reply = await say(page, "Bob", "yes, works")
    await expect(reply.locator(".reply-quote")).to_contain_text("has anyone tried it?")
    await expect(page.locator("#reply-bar")).to_be_hidden()


async def test_groups_and_new_people(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url)
    await say(page, "Alice", "in the lobby")
    await page.locator("#new-group").fill("测试 & co/1")
    await page.keyboard.press("Enter")
    await expect(page.locator("#title")).to_have_text("测试 & co/1")
    await expect(page.locator("#state")).to_have_attribute("data-state", "connected")
    await expect(page.locator("#empty")).to_be_visible()
    await page.locator("#new-person").fill("老王")
    await page.keyboard.press("Enter")
    await say(page, "老王", "in the other one")
    await page.reload()
    await expect(page.locator("#messages")).to_contain_text("in the other one")
    await page.locator("#groups a", has_text="lobby").click()
    await expect(page.locator("#messages")).to_contain_text("in the lobby")
    await expect(page.locator("#messages")).not_to_contain_text("in the other one")


async def test_commands_are_offered(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url)
    await page.locator("#commands summary").click()
    await page.locator("#command-list button", has_text="/dou status").click()
    await expect(page.locator("#text")).to_have_value("/dou status")
    await expect(page.locator("#text")).to_be_focused()


async def test_light_and_dark(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url, color_scheme="dark")
    assert await background(page) < 150
    await page.locator("#theme").click()
    assert await background(page) > 600
    await page.reload()
    assert await background(page) > 600
    light = await open_page(page_url, color_scheme="light")
    assert await background(light) > 600


async def test_a_phone_needs_no_sideways_scrolling(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url, **PHONE)
    await say(page, "Bob", "look: " + "x" * 300 + "\n```\n" + "y" * 300 + "\n```")
    await say(page, "Alice", QUESTION, mention=True)
    await expect(answers(page)).to_have_count(1)
    assert await width_fits(page)
    await page.locator(".decision-chip").first.click()
    await expect(page.locator("#panel .stages")).to_be_visible()
    assert await width_fits(page)
    await page.locator("#panel-close").click()
    await expect(page.locator("#places")).to_be_hidden()
    await page.locator("#menu").click()
    await expect(page.locator("#places")).to_be_visible()
    assert await width_fits(page)
    await page.locator("#groups a").first.click()
    await expect(page.locator("#places")).to_be_hidden()


async def test_history_is_read_as_far_as_one_scrolls_in_any_group(
    bot: Running, open_page: OpenPage
) -> None:
    for n in range(240):
        message = IncomingMessage("lark", "oc_1", "ann", f"m{n}", f"message number {n}.", 1e9 + n)
        await bot.parts.store.add_message(message, 1e9 + n)
    page = await open_page(f"{bot.url}#/groups/lark/oc_1")
    shown = page.locator(".message")
    await expect(shown.last).to_contain_text("message number 239.")
    await expect(page.locator("#text")).to_be_hidden()
    for least in (100, 150, 200, 240):
        await page.locator("#log").evaluate("log => { log.scrollTop = 0; }")
        await expect(shown.nth(least - 1)).to_be_attached()
    await expect(shown).to_have_count(240)
    await page.goto(f"{bot.url}#/groups/lark/oc_1/m60")
    await expect(page.locator(".message.flash")).to_contain_text("message number 60.")
    await expect(page.get_by_text("message number 239.")).to_have_count(0)
    await page.goto(f"{bot.url}#/groups")
    await expect(page.locator(".group-card")).to_contain_text("oc_1")
    await page.go_back()
    await expect(page.get_by_text("message number 60.")).to_be_visible()


async def test_chinese_and_english(page_url: str, open_page: OpenPage) -> None:
    page = await open_page(page_url, locale="zh-CN")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(page.locator("#send")).to_have_text("发送")
    message = await say(page, "小李", "中午吃什么")
    await expect(verdict(message, "silent")).to_contain_text("保持安静")
    await page.locator("#language").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.locator("#send")).to_have_text("Send")
    await expect(verdict(message, "silent")).to_contain_text("Silent")
    await page.reload()
    await expect(page.locator("#send")).to_have_text("Send")


async def test_while_the_knowledge_is_loaded_a_banner_says_how_far_it_is(
    bot: Running, open_page: OpenPage
) -> None:
    bot.parts.health.loading = Loading("embed", 30, 120)
    page = await open_page(bot.url)
    banner = page.locator("#loading")
    await expect(banner).to_contain_text("for the first time: pieces embedded 30 of 120")
    await expect(banner.locator("progress")).to_have_attribute("max", "120")
    await page.locator("#language").click()
    await expect(banner).to_contain_text("计算向量 30/120")
    bot.parts.health.loading = Loading()
    await expect(banner).to_contain_text("知识库正在加载")
    await expect(banner.locator("progress")).to_be_hidden()
    bot.parts.health.loading = None
    await expect(banner).to_be_hidden()
