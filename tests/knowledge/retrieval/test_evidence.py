"""What counts as evidence: headings, names, and questions that only sound alike."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.base import KnowledgeBase
from knowledge.index.variants import are_translations
from knowledge.ingest.build import build
from knowledge.retrieval.evidence import Scale, evidence
from tests.knowledge.library import gate_options, plan_of, source, write_pages

SURE = 0.55
"""As in the shipped configuration."""

SHARE = st.floats(0, 1)
NEARNESS = st.floats(-2, 3)


@given(NEARNESS, SHARE, st.floats(0, 20), SHARE, st.integers(0, 9))
def test_evidence_is_a_probability(
    nearness: float, share: float, count: float, title: float, unknown: int
) -> None:
    assert 0.0 <= evidence(nearness, share, count, title, unknown) <= 1.0


@given(NEARNESS, SHARE, SHARE, st.integers(0, 3))
def test_more_words_and_a_like_heading_speak_for_it_unknown_names_against(
    nearness: float, share: float, title: float, unknown: int
) -> None:
    base = evidence(nearness, share, 4, title, unknown)
    assert evidence(nearness, 1.0, 4, title, unknown) >= base
    assert evidence(nearness, share, 4, 1.0, unknown) >= base
    assert evidence(nearness, share, 4, title, unknown + 1) <= base


def test_cosines_mean_what_the_collection_says() -> None:
    assert Scale(0.2, 0.5).of(0.2) == 0.0
    assert Scale(0.2, 0.5).of(0.5) == pytest.approx(1.0)
    assert Scale(0.3, 0.3).of(0.35) == pytest.approx(1.0)  # nothing told: no division by zero


async def test_a_question_worded_like_a_heading_is_sure(kettle: KnowledgeBase) -> None:
    found = await kettle.search("Why is the first request slow?", 3)
    assert found.evidence > SURE
    other = await kettle.search("Why is the second coffee cold?", 3)
    assert other.evidence < SURE < found.evidence


@pytest.fixture
async def common(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    """Pages that ask about what all of them are about, in words of which none is rare."""
    asked = ("How long are messages kept?", "How do I stop the bot?", "怎么让机器人安静？")
    told = "The bot keeps messages of the bot. 机器人保存消息。"
    pages = {
        f"page-{n}.md": f"# Page {n}\n\n{told}\n\n## Messages\n\n{told} See page {n}.\n"
        for n in range(8)
    }
    faq = "\n\n".join(f"## {one}\n\nAnswer {n}. {told}" for n, one in enumerate(asked))
    write_pages(tmp_path / "docs", pages | {"faq.md": f"# FAQ\n\n{faq}\n"})
    plan = plan_of(tmp_path / "index", source("docs", path=tmp_path / "docs"))
    build(plan)
    async with KnowledgeBase(plan, gate_options(tmp_path)) as knowledge:
        yield knowledge


@pytest.mark.parametrize(
    ("question", "near"),
    [
        ("how long are messages kept", "how long are passwords kept"),
        ("How do I stop the bot?", "How do I upgrade the bot?"),
        ("怎么让机器人安静", "怎么让机器人唱歌"),
    ],
)
async def test_a_heading_that_asks_the_same_in_common_words_is_sure(
    common: KnowledgeBase, question: str, near: str
) -> None:
    found = await common.search(question, 3)
    assert found.evidence > SURE
    assert found.passages[0].path == "faq.md"
    assert (await common.search(near, 3)).evidence < SURE


async def test_a_message_worded_like_a_heading_passes_as_a_mention(kettle: KnowledgeBase) -> None:
    near = await kettle.judge("On Windows", mention=True)
    assert near.accept
    far = await kettle.judge("On Sundays", mention=True)
    assert not far.accept


@pytest.fixture
async def two(tmp_path: Path) -> KnowledgeBase:
    """Two products: of one nothing but an introduction is documented."""
    about = "# Teapot\n\nTeapot is a server for tea. It is configured by a file.\n"
    write_pages(tmp_path / "teapot", {"about.md": about})
    kettle = "# Kettle\n\n## Which port does the server listen on?\n\nOn port 7311 by default.\n"
    write_pages(tmp_path / "kettle", {"serving.md": kettle})
    sources = (source(name, path=tmp_path / name) for name in ("teapot", "kettle"))
    plan = plan_of(tmp_path / "index", *sources)
    build(plan)
    return KnowledgeBase(plan, gate_options(tmp_path))


async def test_another_product_s_heading_is_no_evidence(two: KnowledgeBase) -> None:
    async with two as knowledge:
        asked = "which port does the {} server listen on?"
        own = await knowledge.search(asked.format("kettle"), 3)
        assert own.evidence > SURE
        assert "7311" in own.passages[0].text
        foreign = await knowledge.search(asked.format("teapot"), 3)
        assert foreign.evidence < SURE


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("how do I change the port?", "How can I change the port", True),
        ("怎么接入飞书？", "飞书怎么接入", True),
        ("how do I mute the bot?", "how do I unmute the bot?", False),
        ("支持 python 3.11 吗", "支持 python 3.13 吗", False),
        ("lmdeploy 怎么安装", "mmdeploy 怎么安装", False),
        ("怎么开启前缀缓存", "怎么关闭前缀缓存", False),
    ],
)
async def test_questions_that_sound_alike_are_told_apart(
    kettle: KnowledgeBase, one: str, other: str, *, same: bool
) -> None:
    (alike,) = await kettle.alike(one, [other])
    assert (alike >= 0.8) == same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("docs/en/port.md", "docs/zh_cn/port.md", True),
        ("README.md", "README_zh-CN.md", True),
        ("docs/en/port.md", "docs/en/port.md", False),
        ("docs/en/port.md", "docs/zh/ports.md", False),
    ],
)
def test_translations_are_told_by_their_paths(one: str, other: str, *, same: bool) -> None:
    assert are_translations(one, other) == same


@pytest.fixture
async def teapots(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    """All pages but one are about the filter; that one tells how to uninstall something else."""
    told = "The filter of the kettle is rinsed. 壶的滤网要冲洗。"
    pages = {f"page-{n}.md": f"# Page {n}\n\n{told} See page {n}.\n" for n in range(8)}
    pages["uninstall-en.md"] = "# How do I uninstall it?\n\nUninstall the lid by its bolt.\n"
    pages["uninstall-zh.md"] = "# 怎么卸载盖子？\n\n先松开螺丝，再卸载盖子。\n"
    plan = plan_of(tmp_path / "index", source("docs", path=write_pages(tmp_path / "docs", pages)))
    build(plan)
    async with KnowledgeBase(plan, gate_options(tmp_path)) as knowledge:
        yield knowledge


@pytest.mark.parametrize(
    ("question", "near"),
    [
        ("How do I uninstall the lid?", "How do I uninstall the filter?"),
        ("怎么卸载盖子", "怎么卸载滤网"),
        ("怎么卸载盖子", "怎么打磨盖子"),
    ],
)
async def test_the_same_done_to_something_else_is_not_sure(
    teapots: KnowledgeBase, question: str, near: str
) -> None:
    assert (await teapots.search(question, 3)).evidence > SURE
    assert (await teapots.search(near, 3)).evidence < SURE


@pytest.mark.parametrize(
    ("question", "title", "answer", "how"),
    [
        (
            "What can the scanner read?",
            "Drawings",
            "The scanner reads drawings and photos, and no slides.",
            "How do I convert a drawing into a photo?",
        ),
        (
            "扫描仪是做什么的？",
            "图纸",
            "扫描仪读图纸和照片，不读幻灯片。",
            "怎么把扫描仪的图纸转成照片？",
        ),
    ],
    ids=("en", "zh"),
)
async def test_the_answer_to_a_question_of_another_kind_does_not_say_how(
    tmp_path: Path, question: str, title: str, answer: str, how: str
) -> None:
    pages = {f"{n}.md": f"# Room {n}\n\nRoom {n} has {n} chairs.\n" for n in range(3, 15)}
    sure = []
    for number, heading in enumerate((question, title)):
        folder = tmp_path / str(number)
        files = pages | {"scanner.md": f"# {title}\n\n## {heading}\n\n{answer}\n"}
        docs = source("docs", path=write_pages(folder / "docs", files))
        plan = plan_of(folder / "index", docs)
        build(plan)
        async with KnowledgeBase(plan, gate_options(folder)) as knowledge:
            sure.append((await knowledge.search(how, 5)).evidence)
    assert sure[0] < SURE < sure[1]
