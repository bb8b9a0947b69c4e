"""The build's process and those that it starts: whatever is killed, the rest ends in seconds,
the reason is told, and the index is as it was."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from common.snapshots import AlreadyBuilding, current_snapshot, only_one
from knowledge.base import KnowledgeBase
from knowledge.index.embedders import UseEmbedder
from knowledge.ingest.build_process import Lent, build_apart
from knowledge.plan import BuildPlan, Source, plan_from
from knowledge.types import EmbedderError, KnowledgeError, Vectors
from tests.knowledge.library import PAGES, built, gate_options, plan, write_pages
from tests.knowledge.processes import descendants, is_alive, listed, running, started, wait_until

BUILDER, READER, ENCODER = (
    "knowledge.ingest.builder_main",
    "knowledge.ingest.reader_process",
    "knowledge.index.embedding_process",
)


@pytest.fixture
def made(tmp_path: Path) -> BuildPlan:
    return built(tmp_path)


MANY = 60
WORDS = ["kettle", "port", "server", "whistle", "temperature", "boil", "steam", "lid", "spout"]


def write_many(made: BuildPlan) -> None:
    """Enough to embed for some seconds."""
    pages = {
        f"many/{n}.md": f"# Page {n}\n\n" + "".join(
            f"Sentence {m} of page {n} says {WORDS[n * m % 9]} and {WORDS[(n + m) % 9]}. "
            for m in range(30)
        )
        for n in range(MANY)
    }  # fmt: skip
    write_pages(Path(made.sources[0].path), pages)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)


class Steps:
    """Knows how far a build is."""

    def __init__(self) -> None:
        self.stages: set[str] = set()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if 0 < done < total:
            self.stages.add(stage)


async def interrupted(made: BuildPlan, stage: str, interrupt: Callable[[], object]) -> str:
    """What a build says that is interrupted in a stage; it has to end, and nobody else ends it."""
    steps = Steps()
    building = asyncio.create_task(build_apart(made, steps))
    await until(lambda: stage in steps.stages or building.done())
    interrupt()
    with pytest.raises(KnowledgeError) as caught:
        async with asyncio.timeout(60):
            await building
    return str(caught.value)


def kill(module: str) -> None:
    started(module).kill()


def nobody_is_left() -> None:
    """What was killed is gone as soon as it gets the processor."""
    wait_until(lambda: not descendants())


async def test_a_plan_and_a_report_survive_the_way_to_the_process(made: BuildPlan) -> None:
    assert plan_from(asdict(made)) == made
    write_pages(Path(made.sources[0].path), {"new.md": PAGES["en/faq.md"] + "\n\nMore words here."})
    report = await build_apart(made)
    assert report.added == ("new.md",)
    nobody_is_left()


async def test_a_model_that_is_loaded_here_embeds_a_few_texts(made: BuildPlan) -> None:
    asked: list[str] = []
    lent = Lent(UseEmbedder.dim, lambda texts: embedded(asked, texts))
    text = "A page about teapots, which answer every request for coffee with status 418."
    write_pages(Path(made.sources[0].path), {"teapot.md": f"# Teapot\n\n{text}\n"})
    building = asyncio.create_task(build_apart(made, lent=lent))
    while not building.done():
        assert running(ENCODER) == []
        await asyncio.sleep(0.02)
    assert (await building).added == ("teapot.md",)
    assert all(text in each for each in asked) and asked
    async with KnowledgeBase(made, gate_options(Path(made.folder))) as knowledge:
        found = await knowledge.search("what does the teapot answer?", 1)
        assert found.passages[0].path == "teapot.md"
        assert found.passages[0].score > 0.4


async def embedded(asked: list[str], texts: Sequence[str]) -> Vectors:
    asked += texts
    return UseEmbedder().encode(texts)


@pytest.mark.slow
async def test_many_texts_are_embedded_in_processes_all_the_same(made: BuildPlan) -> None:
    asked: list[str] = []
    write_many(made)
    await build_apart(made, lent=Lent(UseEmbedder.dim, lambda texts: embedded(asked, texts)))
    assert asked == []


async def test_a_model_that_fails_fails_the_build(made: BuildPlan) -> None:
    async def failing(_: Sequence[str]) -> Vectors:
        raise EmbedderError("the model is out of order")

    async def short(texts: Sequence[str]) -> Vectors:
        return np.zeros((len(texts) + 1, UseEmbedder.dim), np.float32)

    write_pages(Path(made.sources[0].path), {"new.md": PAGES["en/faq.md"].upper()})
    for encode, words in ((failing, "out of order"), (short, "2 vectors came back for 1 texts")):
        with pytest.raises(KnowledgeError, match=words):
            await build_apart(made, lent=Lent(UseEmbedder.dim, encode))


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["read", "embed"])
async def test_a_killed_builder_is_an_error_and_the_old_index_stays(
    made: BuildPlan, stage: str
) -> None:
    before = current_snapshot(Path(made.folder))
    write_many(made)
    said = await interrupted(made, stage, lambda: kill(BUILDER))
    assert "was ended by signal 9, perhaps for want of memory" in said
    nobody_is_left()
    assert current_snapshot(Path(made.folder)) == before
    assert len((await build_apart(made)).added) == MANY


@pytest.mark.slow
async def test_a_killed_embedder_is_an_error(made: BuildPlan) -> None:
    write_many(made)
    said = await interrupted(made, "embed", lambda: kill(ENCODER))
    assert "a process of the embedder was ended (signal 9)" in said
    nobody_is_left()


@pytest.mark.slow
async def test_a_killed_reader_costs_nothing(made: BuildPlan) -> None:
    write_many(made)
    building = asyncio.create_task(build_apart(made))
    await asyncio.to_thread(kill, READER)
    report = await building
    assert len(report.added) == MANY
    assert report.skipped == ()


@pytest.mark.slow
async def test_a_reload_after_a_killed_one_works(made: BuildPlan, tmp_path: Path) -> None:
    async with KnowledgeBase(made, gate_options(tmp_path)) as knowledge:
        write_many(made)
        reloading = asyncio.create_task(knowledge.reload())
        await asyncio.to_thread(kill, BUILDER)
        with pytest.raises(KnowledgeError, match="the index is as it was before"):
            await reloading
        found = await knowledge.search("which port does the server listen on?", 1)
        assert found.passages[0].path == "en/serving.md"
        assert len((await knowledge.reload()).added) == MANY


async def test_a_builder_that_fails_at_once_is_an_error(
    made: BuildPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(KnowledgeError, match="ended with status 1, see the log"):
        await build_apart(made)


@pytest.mark.parametrize("stage", ["read", "embed"])
async def test_a_cancelled_build_leaves_no_process(made: BuildPlan, stage: str) -> None:
    write_many(made)
    steps = Steps()
    building = asyncio.create_task(build_apart(made, steps))
    await until(lambda: stage in steps.stages)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    nobody_is_left()


BOT = """
import asyncio, json, sys
from knowledge.ingest.build_process import Lent, build_apart
from knowledge.index.embedders import UseEmbedder
from knowledge.plan import plan_from
asyncio.run(build_apart(plan_from(json.loads(sys.argv[1])), lambda *step: print(*step, flush=True)))
"""


def can_be_built(made: BuildPlan) -> bool:
    try:
        with only_one(Path(made.folder)):
            return True
    except AlreadyBuilding:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["read", "embed"])
def test_when_the_bot_is_killed_all_that_builds_for_it_ends(
    made: BuildPlan, stage: str, sign: signal.Signals
) -> None:
    write_many(made)
    bot = subprocess.Popen(
        [sys.executable, "-c", BOT, json.dumps(asdict(made))], stdout=subprocess.PIPE, text=True
    )
    assert bot.stdout
    while not bot.stdout.readline().startswith(f"{stage} 1"):
        continue
    for each in (BUILDER, READER if stage == "read" else ENCODER):
        started(each, bot.pid)
    below = descendants(bot.pid)
    bot.send_signal(sign)
    bot.wait()
    bot.stdout.close()
    wait_until(lambda: not any(is_alive(process) for process in below))
    # One that was just being started is not among those, and holds the lock until its exec.
    wait_until(lambda: can_be_built(made))


@pytest.mark.slow
async def test_what_a_builder_started_ends_with_it_though_nobody_looks(made: BuildPlan) -> None:
    write_many(made)
    steps = Steps()
    building = asyncio.create_task(build_apart(made, steps))
    await until(lambda: "embed" in steps.stages)
    builder = started(BUILDER)
    below = listed(lambda: descendants(builder.pid))
    os.kill(builder.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(process) for process in below))
    with pytest.raises(KnowledgeError):
        await building


async def test_a_build_that_is_cancelled_ends_what_git_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that says nothing keeps it waiting, and it would outlive git."""
    told, ssh = tmp_path / "pid", tmp_path / "ssh"
    ssh.write_text(f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep 600\n")
    monkeypatch.setenv("GIT_SSH_COMMAND", f"sh {ssh}")
    source = Source("pages", "", "ssh://git.test/pages.git", ("**/*",), (), "")
    made = plan(tmp_path / "index", tmp_path)
    building = asyncio.create_task(build_apart(replace(made, sources=(source,))))
    await until(told.exists)
    waiting = psutil.Process(int(told.read_text()))
    assert is_alive(waiting)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    wait_until(lambda: not is_alive(waiting))
