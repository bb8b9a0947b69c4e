"""Where the first source is sure to answer, another is quoted for what that one lacks; what says
the same again is not."""

from collections.abc import Sequence
from pathlib import Path

from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.types import Quote
from tests.knowledge.library import gate_options, plan, write_pages

FAQ = """# Questions about the pump

## How do I drain the pump?

Open the drain valve at the bottom, wait until no water comes, and close it again.

## How do I clean the filter?

Unscrew the cap, take the filter out and rinse it under running water.

## How do I start the pump?

Press the green button for two seconds, and the pump starts.
"""
GUIDE = """# Guide

## Draining

The pump can be drained by the valve at its bottom. To drain a pump that is frozen, warm it first.

### Tools

A bucket, and a cloth for what is spilled.
"""
WINTER = "# Winter\n\nIn winter the water in the pump freezes, and its case breaks.\n"
PAGES = {"faq.md": FAQ, "guide.md": GUIDE, "winter.md": WINTER}


async def quoted(folder: Path, question: str, *, sure: bool) -> Sequence[Quote]:
    made = plan(folder / "index", write_pages(folder / "docs", PAGES))
    build(made)
    async with KnowledgeBase(made, gate_options(folder)) as knowledge:
        found = await knowledge.search(question, 5)
        return await knowledge.quote(question, found.passages, 1200, sure=sure)


async def test_what_says_the_same_is_not_quoted_again(tmp_path: Path) -> None:
    said = await quoted(tmp_path, "How do I drain the pump?", sure=True)
    assert ["drain valve" in quote.text for quote in said] == [True]
    assert "filter" not in said[0].text and "green button" not in said[0].text


async def test_what_the_first_lacks_is(tmp_path: Path) -> None:
    said = await quoted(tmp_path, "How do I drain the pump in winter?", sure=True)
    assert sorted(quote.passage.path for quote in said) == ["faq.md", "winter.md"]


async def test_where_nothing_is_sure_other_sections_are_shown(tmp_path: Path) -> None:
    said = await quoted(tmp_path, "How do I drain the pump?", sure=False)
    assert any(quote.passage.path == "guide.md" for quote in said)


async def test_code_is_quoted_with_what_leads_to_it(tmp_path: Path) -> None:
    page = (
        "# Tuning\n\n" + "The pump has a table of speeds which the motor keeps to. " * 6
        + "\n\nWith this file the motor of a cold pump starts slowly, and nothing breaks."
        + "\n\n```toml\n[motor]\nstart_speed = 3\nramp_seconds = 40\n```\n"
    )  # fmt: skip
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs", {"tuning.md": page}))
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        asked = "ramp_seconds and start_speed in toml"
        found = await knowledge.search(asked, 5)
        quotes = await knowledge.quote(asked, found.passages, 330, sure=True)
    assert "With this file" in quotes[0].text.partition("ramp_seconds")[0]
