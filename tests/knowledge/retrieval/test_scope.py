"""Groups that are bound to some of the sources are answered from these alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from tests.knowledge.library import gate_options, plan_of, source, write_pages

SHARED = "# Licence\n\nBoth tools are free: you may use, change and share them as you like.\n"
TEAPOT = "# Teapot\n\nThe teapot server listens on port 4180 and pours Earl Grey every hour.\n"


@pytest.fixture
async def two_sources(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    kettle = write_pages(tmp_path / "kettle")
    teapot = tmp_path / "teapot"
    teapot.mkdir()
    (teapot / "serving.md").write_text(TEAPOT)
    for folder in (kettle, teapot):
        (folder / "licence.md").write_text(SHARED)
    sources = (source("kettle", path=kettle), source("teapot", path=teapot))
    both = plan_of(tmp_path / "index", *sources)
    build(both)
    async with KnowledgeBase(both, gate_options(tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize("source", ["kettle", "teapot"])
async def test_only_the_bound_source_is_searched(two_sources: KnowledgeBase, source: str) -> None:
    found = await two_sources.search("which port does the server listen on?", 5, (source,))
    assert {passage.source for passage in found.passages} == {source}
    port = {"kettle": "7311", "teapot": "4180"}[source]
    assert port in found.passages[0].text


async def test_a_page_that_stands_in_both_is_cited_where_the_group_may_look(
    two_sources: KnowledgeBase,
) -> None:
    for name in ("kettle", "teapot"):
        found = await two_sources.search("may I share the tools, is it free?", 1, (name,))
        assert (found.passages[0].source, found.passages[0].path) == (name, "licence.md")
        assert found.passages[0].also_in == ()
    everywhere = await two_sources.search("may I share the tools, is it free?", 1)
    assert everywhere.passages[0].also_in == ("licence.md",)


async def test_the_gate_judges_by_the_bound_source(two_sources: KnowledgeBase) -> None:
    text = "does the teapot pour Earl Grey?"
    wide = await two_sources.judge(text, mention=True)
    teapot = await two_sources.judge(text, mention=True, sources=("teapot",))
    kettle = await two_sources.judge(text, mention=True, sources=("kettle",))
    assert kettle.score < teapot.score
    assert kettle.score < wide.score


async def test_both_names_together_are_everything(two_sources: KnowledgeBase) -> None:
    question = "which port does the server listen on?"
    everything = await two_sources.search(question, 5)
    both = await two_sources.search(question, 5, ("kettle", "teapot"))
    assert [hit.path for hit in both.passages] == [hit.path for hit in everything.passages]


async def test_a_source_that_is_gone_holds_nothing(two_sources: KnowledgeBase) -> None:
    found = await two_sources.search("which port does the server listen on?", 5, ("cup",))
    assert found.passages == ()
    assert not (
        await two_sources.judge("how do I install it?", mention=True, sources=("cup",))
    ).accept


HOSE = (
    "# Installing\n\nInstall {name} with the wrench. {name} needs a wrench of {size} millimetres.\n"
)


async def test_who_names_a_project_is_answered_from_its_folder(tmp_path: Path) -> None:
    pages = {
        f"{name}/{page}.md": HOSE.format(name=name, size=size)
        for name, size in (("uv", 12), ("hosepipe", 34))
        for page in ("install", "more")
    }
    pages["hosepipe/uninstall.md"] = "# Uninstalling\n\nTo uninstall hosepipe loosen the bolt.\n"
    everything = plan_of(tmp_path / "index", source("docs", path=write_pages(tmp_path, pages)))
    build(everything)
    async with KnowledgeBase(everything, gate_options(tmp_path)) as knowledge:
        for name, other in (("uv", "hosepipe"), ("hosepipe", "uv")):
            found = await knowledge.search(f"怎么用 wrench 装 {name}", 5)
            assert {passage.path.split("/")[0] for passage in found.passages} == {name}, other
        # Two letters are a name, too, and what another project documents is no answer.
        gone = await knowledge.search("how do I uninstall uv, which bolt?", 5)
        assert not any("bolt" in passage.text for passage in gone.passages)
        several = await knowledge.search("is the wrench of uv that of hosepipe?", 5)
        assert {passage.path.split("/")[0] for passage in several.passages} == {"uv", "hosepipe"}
