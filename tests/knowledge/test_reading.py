"""An index that is read in a process of its own: the same is found, and one that ends is started
again."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from knowledge.base import KnowledgeBase
from knowledge.plan import BuildPlan
from knowledge.reading import process
from knowledge.settings import GateSettings
from knowledge.types import KnowledgeError
from tests.knowledge.library import PAGES, built, gate_options, write_pages
from tests.knowledge.processes import is_alive, running, started

READER, ENCODER = "knowledge.reading.process_main", "knowledge.index.embedding_process"
PORT = "which port does the server listen on?"
ASKED = (PORT, "怎么安装 kettle", "what's for lunch today", "frobnicator of kettle serve")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> BuildPlan:
    folder = tmp_path_factory.mktemp("kettle")
    return built(folder)


@pytest.fixture
async def apart(made: BuildPlan, tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with KnowledgeBase(made, gate_options(tmp_path), apart=True) as opened:
        yield opened


async def everything(knowledge: KnowledgeBase, text: str) -> list[Any]:
    """What is found for a text, by each way that there is."""
    found = await knowledge.search(text, 3)
    return [
        (await knowledge.judge(text, mention=False)).accept,
        [(one.path, one.start, one.text) for one in found.passages],
        found.unknown,
        [one.text for one in await knowledge.quote(text, found.passages, 600)],
        [one.text for one in await knowledge.expand(found.passages, 2000)],
        await knowledge.keywords(text, 4),
        [cosine > 0.9 for cosine in await knowledge.alike(text, ASKED)],
        [one.text for one in (await knowledge.assess(text, found.passages, 2)).passages],
    ]


async def test_what_is_found_apart_is_what_is_found_here(
    made: BuildPlan, apart: KnowledgeBase, tmp_path: Path
) -> None:
    async with KnowledgeBase(made, gate_options(tmp_path)) as here:
        for text in ASKED:
            assert await everything(apart, text) == await everything(here, text), text
        assert await apart.documents() == await here.documents()
        assert await apart.pieces("kettle", "en/faq.md", 5) == await here.pieces(
            "kettle", "en/faq.md", 5
        )
        assert await apart.pieces("kettle", "nowhere.md", 5) is None
        assert apart.status() == here.status()


@pytest.mark.parametrize("module", [READER, ENCODER])
async def test_a_process_that_is_killed_costs_no_question(
    module: str, apart: KnowledgeBase, caplog: pytest.LogCaptureFixture
) -> None:
    killed = started(module)
    killed.kill()
    with caplog.at_level(logging.ERROR):
        found = await asyncio.gather(*(apart.search(f"{PORT} {n}", 1) for n in range(20)))
    assert {one.passages[0].path for one in found} == {"en/serving.md"}
    assert caplog.text.count("it is started again") == 1
    assert not is_alive(killed) and is_alive(started(module))


async def test_one_that_stands_still_before_it_has_read_a_question_is_replaced(
    made: BuildPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(process, "LOOK_S", 1.0)
        knowledge = await KnowledgeBase(made, gate_options(tmp_path), apart=True).__aenter__()
    try:
        started(READER).send_signal(signal.SIGSTOP)
        async with asyncio.timeout(60):
            assert await knowledge.pieces("kettle", "long name" * 200_000, 1) is None
    finally:
        await knowledge.__aexit__()


async def test_one_that_cannot_be_started_again_is_tried_now_and_then_and_after_a_reload(
    made: BuildPlan,
    apart: KnowledgeBase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(process, "PAUSE_S", 3600.0)
    current = Path(made.folder) / "current"
    current.rename(tmp_path / "kept")
    try:
        started(READER).kill()
        with caplog.at_level(logging.ERROR):
            asked = (apart.search(f"{PORT} {n}", 1) for n in range(20))
            found = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(one, KnowledgeError) and "index" in str(one) for one in found)
        assert caplog.text.count("it is started again") == 1
        (problem,) = apart.problems()
        assert "can't be searched" in problem and "run_bot.py index" in problem
    finally:
        (tmp_path / "kept").rename(current)
    await apart.reload()
    assert not apart.problems()
    assert (await apart.search(PORT, 1)).passages[0].path == "en/serving.md"


@pytest.mark.parametrize("module", [READER, ENCODER])
async def test_who_closes_does_not_wait_for_one_that_does_not_get_ready(
    module: str, made: BuildPlan, tmp_path: Path
) -> None:
    options = gate_options(tmp_path)
    async with asyncio.timeout(60):
        async with KnowledgeBase(made, options, apart=True) as knowledge:
            _never_read(options)
            before = started(module)
            before.kill()
            asked = asyncio.create_task(knowledge.search(PORT, 1))
            while (after := await asyncio.to_thread(started, module)) == before:
                pass
            after.send_signal(signal.SIGSTOP)
        await asyncio.gather(asked, return_exceptions=True)
    assert not running(READER) and not running(ENCODER)


async def test_who_is_cancelled_while_they_load_leaves_none_behind(
    made: BuildPlan, tmp_path: Path
) -> None:
    options = gate_options(tmp_path)
    _never_read(options)
    opening = asyncio.create_task(KnowledgeBase(made, options, apart=True).__aenter__())
    await asyncio.to_thread(started, READER)
    opening.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await opening
    assert not running(READER) and not running(ENCODER)


def _never_read(options: GateSettings) -> None:
    """Whoever reads the examples from now on waits for ever."""
    (file,) = options.examples
    file.unlink()
    os.mkfifo(file)


async def test_a_bug_in_a_look_ends_that_look_alone(apart: KnowledgeBase) -> None:
    reader = started(READER)
    bad: Callable[..., Awaitable[Any]] = apart.pieces
    asked = (bad("kettle", "en/faq.md", "many"), apart.search(PORT, 1))
    failed, found = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(failed, RuntimeError) and "TypeError" in str(failed)
    assert not isinstance(found, BaseException) and found.passages[0].path == "en/serving.md"
    assert started(READER) == reader


async def test_what_changes_is_served_while_questions_go_on(tmp_path: Path) -> None:
    made = built(tmp_path)
    options = gate_options(tmp_path)
    async with KnowledgeBase(made, options, apart=True) as knowledge:
        write_pages(tmp_path / "docs", {"tea.md": "# Tea\n\nOolong is brewed at 90 degrees."})
        reload = asyncio.create_task(knowledge.reload())
        while not reload.done():
            assert (await knowledge.search(PORT, 1)).passages[0].path == "en/serving.md"
        assert reload.result().added == ("tea.md",)
        assert knowledge.status().documents == len(PAGES) + 1
        found = await knowledge.search("at how many degrees is oolong brewed?", 1)
        assert found.passages[0].path == "tea.md"
        before = knowledge.status().gate.target
        await knowledge.retarget(options.model_copy(update={"target_precision": 0.75}))
        assert knowledge.status().gate.target == 0.75 != before
        started(READER).kill()
        assert (await knowledge.search(PORT, 1)).passages, "with the settings that count now"
        (tmp_path / "docs/tea.md").unlink()
        assert (await knowledge.reload()).removed == ("tea.md",)
        assert knowledge.status().gate.target == 0.75
        processes = [started(READER), started(ENCODER)]
    assert not any(map(is_alive, processes)), "closing ends them"


async def test_an_index_that_does_not_fit_is_said_as_here(made: BuildPlan, tmp_path: Path) -> None:
    (Path(made.folder) / "current").rename(tmp_path / "kept")
    try:
        with pytest.raises(KnowledgeError, match=r"run_bot\.py index"):
            async with KnowledgeBase(made, gate_options(tmp_path), apart=True):
                raise AssertionError("it must not open")
    finally:
        (tmp_path / "kept").rename(Path(made.folder) / "current")
    assert not running(READER) and not running(ENCODER)
