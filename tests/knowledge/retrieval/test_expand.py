"""Passages grow to their sections, then to their pages, within the room that there is."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.base import KnowledgeBase
from tests.knowledge.library import PAGES

ASK = "which port does the server listen on?"


async def test_with_room_a_passage_becomes_its_page(kettle: KnowledgeBase) -> None:
    (passage,) = (await kettle.search(ASK, 1)).passages
    (wide,) = await kettle.expand([passage], 10_000)
    assert wide.path == "en/serving.md"
    assert wide.text.strip() == PAGES["en/serving.md"].strip()
    assert wide.line == 1


async def test_sections_come_before_pages(kettle: KnowledgeBase) -> None:
    found = (await kettle.search(ASK, 1)).passages[0]
    text = PAGES["en/serving.md"]
    start = text.index("The server listens")
    short = replace(
        found, text=text[start : start + 40], start=start, heading="Serving models > Ports"
    )
    section = text[text.index("The server") : text.index("## Memory")].strip()
    (wide,) = await kettle.expand([short], 40 + len(section))
    assert "Memory" not in wide.text
    assert len(wide.text) >= 40


async def test_a_passage_that_another_swallows_goes(kettle: KnowledgeBase) -> None:
    (passage,) = (await kettle.search(ASK, 1)).passages
    twice = [passage, replace(passage, score=0.1)]
    assert len(await kettle.expand(twice, 10_000)) == 1


async def test_what_has_changed_since_it_was_found_stays_as_it_is(kettle: KnowledgeBase) -> None:
    (passage,) = (await kettle.search(ASK, 1)).passages
    gone = replace(passage, path="no/such/page.md")
    changed = replace(passage, text="other words than the page has")
    assert list(await kettle.expand([gone], 9_000)) == [gone]
    assert list(await kettle.expand([changed], 9_000)) == [changed]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3000), st.sampled_from([ASK, "怎么安装 kettle", "memory of the cache"]))
async def test_no_more_than_there_is_room_for(
    kettle: KnowledgeBase, most: int, question: str
) -> None:
    passages = (await kettle.search(question, 3)).passages
    wide = await kettle.expand(passages, most)
    held = sum(len(passage.text) for passage in passages)
    assert sum(len(passage.text) for passage in wide) <= max(most, held)
    for passage in wide:
        assert passage.text.strip() in PAGES[passage.path]
        assert PAGES[passage.path].split("\n")[passage.line - 1].strip() in passage.text
