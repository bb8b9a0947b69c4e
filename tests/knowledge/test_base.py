"""The knowledge base through its front door: judge, search, quote, reload."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.snapshots import current_snapshot
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.plan import BuildPlan
from knowledge.types import IndexMismatch, KnowledgeError
from tests.knowledge.library import (
    BAD,
    GOOD,
    PAGES,
    built,
    gate_options,
    plan,
    plan_of,
    source,
    write_pages,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> BuildPlan:
    folder = tmp_path_factory.mktemp("kettle")
    made = plan(folder / "index", write_pages(folder / "docs"), "https://docs.test/v1/")
    build(made)
    return made


@pytest.fixture
async def knowledge(made: BuildPlan, tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with KnowledgeBase(made, gate_options(tmp_path)) as opened:
        yield opened


async def test_questions_pass_the_gate_and_talk_does_not(knowledge: KnowledgeBase) -> None:
    good = [await knowledge.judge(text, mention=True) for text in GOOD]
    bad = [await knowledge.judge(text, mention=True) for text in BAD]
    assert sum(v.accept for v in good) >= len(GOOD) - 1
    assert sum(v.accept for v in bad) <= 1
    for verdict in (*good, *bad):
        assert verdict.accept == (verdict.score >= verdict.threshold)


async def test_a_mention_is_let_through_more_easily(knowledge: KnowledgeBase) -> None:
    verdicts = [await knowledge.judge("install", mention=mention) for mention in (True, False)]
    assert verdicts[0].threshold < verdicts[1].threshold
    assert verdicts[0].score == verdicts[1].score


@pytest.mark.parametrize(
    ("question", "path", "words"),
    [
        ("which port does the server listen on?", "en/serving.md", "7311"),
        ("server runs out of memory, which option?", "en/serving.md", "cache_fraction"),
        ("DLL load failed", "en/install.md", "redistributable"),
        ("导入时报 DLL load failed 怎么办", "zh/install.md", "运行库"),
        ("为什么第一个请求很慢", "en/faq.md", "kettle warmup"),
    ],
)
async def test_the_right_passage_comes_first(
    knowledge: KnowledgeBase, question: str, path: str, words: str
) -> None:
    found = await knowledge.search(question, 3)
    best = found.passages[0]
    assert best.path == path
    assert words in best.text
    assert best.url == f"https://docs.test/v1/{path}"
    page = PAGES[path]
    assert best.text in page
    assert page.split("\n")[best.line - 1] == best.text.split("\n")[0]


async def test_names_that_no_page_has_are_told(knowledge: KnowledgeBase) -> None:
    covered = await knowledge.search("how do I change the port of kettle serve", 3)
    foreign = await knowledge.search("how do I change the frobnicator of kettle serve", 3)
    assert covered.unknown == ()
    assert foreign.unknown == ("frobnicator",)
    assert foreign.evidence < covered.evidence


async def test_quotes_are_cut_word_for_word(knowledge: KnowledgeBase) -> None:
    question = "which port does the server listen on?"
    found = await knowledge.search(question, 3)
    quotes = await knowledge.quote(question, found.passages, 300)
    assert "7311" in quotes[0].text
    assert sum(len(quote.text) for quote in quotes) <= 300
    for quote in quotes:
        assert quote.text in quote.passage.text
        page = PAGES[quote.passage.path].split("\n")
        assert page[quote.line - 1].startswith(quote.text.split("\n")[0])


async def test_a_quote_keeps_to_the_section_that_answers(knowledge: KnowledgeBase) -> None:
    question = "which port does the server listen on?"
    found = await knowledge.search(question, 3)
    quotes = await knowledge.quote(question, found.passages, 1200)
    assert quotes[0].heading == "Serving models > Ports"
    assert "7311" in quotes[0].text
    assert "cache_fraction" not in quotes[0].text


async def test_nothing_is_quoted_twice(knowledge: KnowledgeBase) -> None:
    question = "how do I install kettle?"
    found = await knowledge.search(question, 2)
    quotes = await knowledge.quote(question, (*found.passages, *found.passages), 1200)
    assert len({quote.text for quote in quotes}) == len(quotes)


async def test_pieces_of_one_page_do_not_fill_the_hits(knowledge: KnowledgeBase) -> None:
    found = await knowledge.search("install kettle with pip", 5)
    paths = [passage.path for passage in found.passages]
    assert max(paths.count(path) for path in paths) <= 2


async def test_a_reload_serves_what_changed_while_questions_go_on(tmp_path: Path) -> None:
    made = built(tmp_path)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        new = "# Teapots\n\nThe teapot protocol answers with status 418 to every coffee request.\n"
        write_pages(tmp_path / "docs", {"teapot.md": new})
        (tmp_path / "docs/en/faq.md").unlink()
        reload = asyncio.create_task(knowledge.reload())
        answered = 0
        while not reload.done():
            found = await knowledge.search("which port does the server listen on?", 1)
            assert found.passages[0].path == "en/serving.md"
            answered += 1
        report = await reload
        assert (report.added, report.removed) == (("teapot.md",), ("en/faq.md",))
        assert answered > 3
        found = await knowledge.search("what does the teapot protocol answer", 3)
        assert found.passages[0].path == "teapot.md"
        assert all(passage.path != "en/faq.md" for passage in found.passages)
        assert knowledge.status().documents == len(PAGES)


async def test_a_reload_that_finds_nothing_new_goes_on_with_what_is_open(tmp_path: Path) -> None:
    made = built(tmp_path)
    served = current_snapshot(Path(made.folder))
    os.utime(Path(made.folder) / "current", (0, 0))
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        assert knowledge.status().built_at == 0
        report = await knowledge.reload()
        assert (report.added, report.changed, report.removed) == ((), (), ())
        assert current_snapshot(Path(made.folder)) == served
        assert knowledge.status().built_at > 0, "it is up to date as of now"
        assert (await knowledge.search("port of the server", 1)).passages


async def test_a_failed_reload_leaves_the_old_index_serving(tmp_path: Path) -> None:
    made = built(tmp_path)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        (tmp_path / "docs").rename(tmp_path / "moved")
        with pytest.raises(KnowledgeError, match="kettle"):
            await knowledge.reload()
        assert (await knowledge.search("port of the server", 1)).passages[0].path == "en/serving.md"
        (tmp_path / "moved").rename(tmp_path / "docs")
        assert (await knowledge.reload()).changed == ()


async def test_the_gate_is_fitted_to_its_index_and_examples(tmp_path: Path) -> None:
    made = built(tmp_path)
    options = gate_options(tmp_path)
    async with KnowledgeBase(made, options) as knowledge:
        first = knowledge.status().thresholds
    artefact = current_snapshot(Path(made.folder))
    assert artefact and (artefact / "gate.json").exists()
    options.examples[0].write_text(json.dumps({"good": GOOD, "bad": [*BAD, GOOD[0], GOOD[1]]}))
    async with KnowledgeBase(made, options) as knowledge:
        assert knowledge.status().thresholds != first


CHATTER = [
    "anyone up for football tonight",
    "who has the slides of yesterday's talk?",
    "今天几点下班",
    "谁有停车位可以借一下",
    "which laptop should I buy?",
    "my train is late again",
    "怎么请假",
    "could you review my pull request please",
]


async def test_a_handful_of_examples_makes_a_gate_that_leaves_talk_alone(tmp_path: Path) -> None:
    made = built(tmp_path)
    options = gate_options(tmp_path)
    options.examples[0].write_text(json.dumps({"good": GOOD[:5], "bad": BAD[:5]}))
    async with KnowledgeBase(made, options) as knowledge:
        called = [(await knowledge.judge(text, mention=True)).accept for text in CHATTER]
        unasked = [(await knowledge.judge(text, mention=False)).accept for text in CHATTER]
        assert sum(called) <= 1 and not any(unasked)
        for text in ("can I change the port of the server?", "导入时报 DLL load failed 怎么办"):
            assert (await knowledge.judge(text, mention=True)).accept, text


async def test_without_an_index_it_says_how_to_make_one(tmp_path: Path) -> None:
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs"))
    with pytest.raises(IndexMismatch, match=r"run_bot\.py index"):
        async with KnowledgeBase(made, gate_options(tmp_path)):
            raise AssertionError("it must not open")


async def test_an_empty_source_answers_nothing(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    made = plan(tmp_path / "index", tmp_path / "docs")
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        assert not (await knowledge.judge("how do I install it?", mention=True)).accept
        found = await knowledge.search("how do I install it?", 5)
        assert (found.passages, found.evidence > 0.5) == ((), False)


async def test_a_reload_takes_up_the_sources_as_they_are_configured_now(tmp_path: Path) -> None:
    more = write_pages(tmp_path / "more", {"tea.md": "# Tea\n\nOolong is brewed at 90 degrees."})
    kept = source("kettle", path=write_pages(tmp_path / "docs"))
    made = plan_of(tmp_path / "index", kept)
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as opened:
        opened.sources_now = lambda: (kept, source("tea", path=more))
        report = await opened.reload()
        assert report.added == ("tea/tea.md",)
        assert opened.status().sources == ("kettle", "tea")
        opened.sources_now = lambda: (kept,)
        assert (await opened.reload()).removed == ("tea.md",)
        assert opened.status().sources == ("kettle",)
