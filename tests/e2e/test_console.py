"""A maintainer's day on the console, in a real browser, with the bot's own logins."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from pydantic import SecretStr

from adapters.base import IncomingMessage
from adapters.wecom.settings import Settings as WecomSettings
from bot.config.http import HttpSettings
from bot.config.schema import Config
from bot.store.store import Store
from bot.types import Reason
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.settings import KnowledgeSettings, SourceSettings
from tests.bot.console.running import Running, running_bot
from tests.e2e.actions import QUESTION, answers, say, width_fits
from tests.e2e.conftest import OpenPage
from tests.fakes.wecom_server import BOT, NAME, SECRET, wecom_server
from tests.knowledge.library import BAD, gate_options, plan_of, source, write_pages

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

WALRUS = "how do I connect a walrus boiler?"
ANSWER = "Connect the walrus boiler by its adapter plug, then start `kettle serve --boiler walrus`."
TOKENS = {"vera@an-example.org": "viewer", "lena@an-example.org": "labeller"}


@pytest_asyncio.fixture(loop_scope="module")
async def own_bot(tmp_path: Path) -> AsyncIterator[Running]:
    """A bot with a source that may be written to, an index of its own, and two users."""
    (tmp_path / "answers").mkdir()
    docs = SourceSettings(name="kettle", path=write_pages(tmp_path / "docs"))
    written = SourceSettings(name="answers", path=tmp_path / "answers", writable=True)
    made = plan_of(
        tmp_path / "index",
        source("kettle", path=tmp_path / "docs"),
        source("answers", path=tmp_path / "answers"),
    )
    build(made)
    config = Config(knowledge=KnowledgeSettings(sources=(docs, written)))
    async with (
        KnowledgeBase(made, gate_options(tmp_path)) as knowledge,
        running_bot(tmp_path / "data", knowledge, config, logins=True) as running,
    ):
        await fill(running.parts.store)
        yield running


async def fill(store: Store) -> None:
    """Twenty messages that somebody has to look at."""
    for n in range(20):
        text = f"{BAD[n % len(BAD)]} {n}"
        await dismiss(store, IncomingMessage("web", "cooler", "dan", f"d{n}", text, 1e9 + n), n)


async def dismiss(store: Store, message: IncomingMessage, n: int = 0) -> None:
    await store.add_message(message, message.sent_at)
    await store.decide(
        adapter="web",
        group=message.group,
        message_ids=(message.message_id,),
        outcome="silence",
        reason=Reason.OFF_TOPIC,
        trace=[{"stage": "reject", "ms": 1.0, "score": n / 100, "threshold": 0.1}],
        reply=None,
        now=message.sent_at,
    )


async def opens(page: Page, view: str) -> None:
    await page.locator("#pages a", has_text=re.compile(f"^{view}$")).click()
    await expect(page.locator("#title")).to_have_text(view)


async def test_a_maintainers_day(own_bot: Running, open_page: OpenPage) -> None:
    wide = {"viewport": {"width": 1280, "height": 900}}
    page = await open_page(own_bot.url, failing="40", confirming=True, **wide)
    await page.locator("#make-admin").click()
    await page.locator("#password-dialog button").click()

    # The group goes into shadow mode; what it would have said is kept.
    await say(page, "Alice", WALRUS, mention=True)
    await page.locator("#chat-bar a", has_text="Settings").click()
    card = page.locator('.group-card[data-group="web:lobby"]')
    await card.get_by_role("radio", name="shadow").check()
    await expect(card.locator(".mode")).to_have_text("shadow")
    await page.locator("#groups a", has_text="lobby").click()
    asked = await say(page, "Alice", QUESTION)
    await expect(asked.locator(".decision-chip[data-kind=drafted]")).to_be_visible()
    await expect(asked.locator(".shadow-draft")).to_contain_text("7311")

    # Twenty labels by keys, the most uncertain first.
    await opens(page, "Messages")
    await page.get_by_role("combobox", name="Group").select_option("web:cooler")
    await page.get_by_role("combobox", name="Order").select_option("uncertain")
    await expect(page.locator(".question .said").first).to_contain_text(" 10")
    await expect(page.locator(".question")).to_have_count(20)
    for _ in range(20):
        await page.keyboard.press("b")
    await expect(page.locator('.question .chip[aria-pressed="true"]')).to_have_count(20)
    await expect(page.locator(".told")).to_contain_text("waiting for the next refit: 20.")

    # Refit, and what is promised now.
    await opens(page, "Gate")
    await page.get_by_role("button", name="Show what they would change").click()
    await expect(page.locator(".told").first).to_contain_text("precision")
    await page.get_by_role("button", name="Refit", exact=True).click()
    await expect(page.locator(".told").first).to_contain_text(re.compile("Taken|Not taken"))
    await expect(page.locator(".view")).to_contain_text("a week of")

    # Live again, by its figures.
    await opens(page, "Shadow and replay")
    await expect(page.locator(".view")).to_contain_text("would have answered 1 time")
    await page.get_by_role("button", name="Go live").click()
    await expect(page.locator(".view")).to_contain_text("No group is in shadow mode")

    # What a person answered becomes a page, and is cited.
    await page.locator("#groups a", has_text="lobby").click()
    walrus = page.locator(".message", has_text=WALRUS).first
    await walrus.hover()
    await walrus.get_by_role("button", name="Reply").click()
    await say(page, "Bob", ANSWER)
    await opens(page, "Gaps")
    await expect(page.locator(".answer")).to_contain_text(ANSWER)
    await page.get_by_role("button", name="Make it a page").click()
    await page.get_by_role("button", name="Approve and keep").click()
    await expect(page.locator(".view")).to_contain_text("Approved answers")
    await opens(page, "Knowledge")
    await expect(page.locator(".told")).to_contain_text("1 added")
    await expect(page.locator(".table")).to_contain_text("answers/")
    await page.locator("#groups a", has_text="lobby").click()
    await say(page, "小李", WALRUS, mention=True)
    await expect(answers(page).last.locator(".sources")).to_contain_text("answers/")

    # A person is erased, and the log tells of all of it.
    await page.goto(f"{own_bot.url}#/messages?user=dan")
    await page.locator(".question").first.get_by_role("button", name="Why").click()
    await page.get_by_role("button", name="Erase all").click()
    await expect(page.locator(".erase .told")).to_contain_text("Erased: 20 messages")
    await opens(page, "Audit and log")
    for action in ("group.change", "gate.refit", "gap.approve", "person.erase"):
        await expect(page.locator(".table")).to_contain_text(action)
    for view in ("Overview", "Groups", "Gate", "Knowledge", "Connections"):
        await opens(page, view)
        await expect(page.locator(".view .card").first).to_be_visible()
    await page.go_back()
    await expect(page.locator("#title")).to_have_text("Knowledge")
    await page.context.close()


@pytest.mark.parametrize("name", TOKENS)
async def test_who_may_not_is_not_offered_it_and_refused(
    tmp_path: Path, kettle: KnowledgeBase, open_page: OpenPage, name: str
) -> None:
    role = TOKENS[name]
    token = f"{role}-0123456789abcdef"
    users = [{"name": name, "role": role, "token": token}]
    http = HttpSettings.model_validate({"users": tuple(users)}, strict=False)
    async with running_bot(tmp_path, kettle, Config(http=http), logins=True) as bot:
        store = bot.parts.store
        await fill(store)
        await dismiss(store, IncomingMessage("web", "g" * 64, "u" * 64, "long", "w" * 300, 1e9))
        phone = {"viewport": {"width": 390, "height": 800}, "locale": "zh-CN"}
        page = await open_page(f"{bot.url}#/messages", connected=False, failing="40", **phone)
        await page.locator("#login-secret").fill(token)
        await page.keyboard.press("Enter")
        await expect(page.locator("#state")).to_have_attribute("data-state", "connected")
        await expect(page.locator("#who")).to_be_visible()
        await expect(page.locator(".question")).to_have_count(21)
        labels = page.locator(".question .labels")
        await expect(labels).to_have_count(21 if role == "labeller" else 0)
        title = await page.locator(".title").evaluate("(one) => one.scrollWidth - one.clientWidth")
        assert title <= 0, "the role stands on it"
        views = ("messages", "groups", "overview", "gate", "gaps", "knowledge", "connections")
        for view in (*views, "shadow"):
            await page.goto(f"{bot.url}#/{view}")
            await expect(
                page.locator(".view .card, .view .nothing, .view h2").first
            ).to_be_visible()
            assert await width_fits(page), view
        await expect(page.locator("#pages a[href='#/logs']")).to_have_count(0)
        await page.goto(f"{bot.url}#/groups?open=web:cooler")
        await expect(page.get_by_role("radio", name="旁听")).to_be_disabled()
        refused = await page.evaluate(
            "fetch('api/console/groups/web/cooler', {method: 'PATCH', body: '{}'})"
            ".then((response) => response.status)"
        )
        assert refused == 403
        await page.context.close()


async def test_a_platform_is_set_up(
    tmp_path: Path, kettle: KnowledgeBase, open_page: OpenPage
) -> None:
    async with wecom_server() as wecom:
        platform = WecomSettings(
            kind="wecom",
            bot_id=BOT,
            secret=SecretStr(SECRET),
            ws_url=wecom.url,
            bot_name=NAME,
        )
        config = Config(adapters=(*Config().adapters, platform))
        async with running_bot(tmp_path, kettle, config) as bot:
            phone = {"viewport": {"width": 390, "height": 800}}
            page = await open_page(f"{bot.url}#/connections", **phone)
            await page.get_by_role("link", name="Lark", exact=True).click()
            await expect(page.locator(".steps")).to_contain_text("im.message.receive_v1")
            await expect(page.locator(".steps")).to_contain_text("no such platform yet")
            assert await width_fits(page)
            await page.get_by_role("link", name="WeCom", exact=True).click()
            steps = page.locator(".steps")
            await expect(steps).to_contain_text("Waiting for an event")
            await steps.get_by_role("button", name="Check").click()
            await expect(steps.locator(".plain .ok")).to_contain_text("connection is up")
            await wecom.say("thanks")
            await expect(steps).to_contain_text("It arrived: just now")
            assert await width_fits(page)
            await page.go_back()
            await expect(page.locator(".steps")).to_contain_text("im.message.receive_v1")
            await page.context.close()
