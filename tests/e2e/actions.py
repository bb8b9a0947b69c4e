"""What people do on the page, and what they look at."""

import re

from playwright.async_api import Locator, Page, expect

QUESTION = "which port does the kettle server listen on?"


async def say(page: Page, who: str, text: str, *, mention: bool = False) -> Locator:
    """Posts a message and returns it as it stands on the page."""
    await page.locator("label.person", has_text=who).click()
    if mention:
        await page.locator("#mention").click()
    await page.locator("#text").fill(text)
    await page.locator("#send").click()
    message = page.locator(".message[data-kind=person]").last
    await expect(message.locator(".name")).to_have_text(who)
    await expect(message.locator(".text")).to_contain_text(text.split("`")[0].split("\n")[0])
    await expect(page.locator("#text")).to_have_value("")
    return message


def answers(page: Page) -> Locator:
    return page.locator(".message[data-kind=answer]")


def verdict(message: Locator, kind: str) -> Locator:
    return message.locator(f".decision-chip[data-kind={kind}]")


async def width_fits(page: Page) -> bool:
    """Is nothing wider than the window? What scrolls by itself is looked at by itself."""
    fits = await page.evaluate(
        "[...document.querySelectorAll('html, #page, #log')]"
        ".every((one) => one.scrollWidth <= one.clientWidth)"
    )
    return bool(fits)


async def background(page: Page) -> int:
    """How bright the page is, 0 to 255 per channel, summed."""
    colour: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])
