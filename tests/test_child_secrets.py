"""No secret of the bot reaches a process that it starts: each real kind is started, with secrets
around, and asked what it knows."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from yarl import URL

from bot.cli.check_llm import check_serve
from bot.llm.lmdeploy.supervisor import State
from bot.llm.settings import ServeSettings
from knowledge.code.build import RepoPlan
from knowledge.code.index_process import build_apart as build_code
from knowledge.ingest.build_process import build_apart
from knowledge.ingest.readers import DocumentReader, Job
from knowledge.plan import EmbedderSpec
from knowledge.web.reader import PageReader
from knowledge.web.types import Fetched
from tests.bot.llm.lmdeploy.test_supervisor import home, pids, running, settings
from tests.knowledge.code.code import committed, write
from tests.knowledge.library import plan, plan_of, source, write_pages
from tests.knowledge.processes import descendants

__all__ = ["home"]

SECRET = "geheim-4711"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LARK_APP_SECRET", "KIMI_API_KEY", "OPENAI_API_KEY", "HTTP_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")


def environ(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")


class Watch:
    """The environment of every process below this one, by what it runs, as often as it looks."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def look(self, *_: object) -> None:
        for process in descendants():
            try:
                self.seen[" ".join(process.cmdline())] = environ(process.pid)
            except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
                continue

    def of(self, word: str) -> str:
        return "\0".join(text for line, text in self.seen.items() if word in line)

    async def until(self, task: "asyncio.Task[object]") -> None:
        while not task.done():
            self.look()
            await asyncio.sleep(0.01)
        await task


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A git that notes its environment before it works; gives what it noted."""
    noted, script = tmp_path / "noted", tmp_path / "bin" / "git"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nenv >> {noted}\nexec {shutil.which("git")} "$@"\n')
    script.chmod(0o755)
    path = f"{script.parent}:/usr/local/bin:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    return noted.read_text


async def test_building_an_index_reading_and_embedding_and_git(
    tmp_path: Path, git: Callable[[], str]
) -> None:
    write_pages(tmp_path / "docs")
    committed(tmp_path / "docs")
    (tmp_path / "noted").unlink()
    kettle = source("kettle", git=(tmp_path / "docs").as_uri())
    watch = Watch()
    kinds = ("builder_main", "reader_process", "embedding_process")
    builds = 0
    while not all(watch.of(kind) for kind in kinds):  # each lives but for a moment
        builds += 1
        made = plan_of(tmp_path / f"index{builds}", kettle)
        await watch.until(asyncio.create_task(build_apart(made, watch.look)))
    for text in (*(watch.of(kind) for kind in kinds), git()):
        assert "LC_ALL=C.UTF-8" in text
        assert SECRET not in text
    assert "proxy.test" in git()
    assert "proxy.test" not in watch.of("reader_process")


async def test_an_embedder_elsewhere_gets_its_key_from_the_plan_only(tmp_path: Path) -> None:
    write_pages(tmp_path / "docs")
    elsewhere = EmbedderSpec("openai", "m", "http://127.0.0.1:9/v1", 8, SECRET)
    made = replace(plan(tmp_path / "index", tmp_path / "docs"), embedder=elsewhere)
    watch = Watch()
    task = asyncio.create_task(build_apart(made, watch.look))
    while not (text := watch.of("builder_main")):
        watch.look()
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "proxy.test" in text
    assert SECRET not in text


async def test_indexing_code_and_its_git(tmp_path: Path, git: Callable[[], str]) -> None:
    root = write(tmp_path / "code")
    committed(root)
    (tmp_path / "noted").unlink()
    watch = Watch()
    builds = 0
    while not watch.of("index_process"):
        builds += 1
        code = RepoPlan("k", str(root), str(tmp_path / f"index{builds}"))
        await watch.until(asyncio.create_task(build_code([code])))
    for text in (watch.of("index_process"), git()):
        assert "LC_ALL=C.UTF-8" in text
        assert SECRET not in text


def test_reading_documents(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Enough words for a page about kettles and their ports.")
    watch = Watch()
    with DocumentReader({"answer": ((20, 100), 100, False)}, 60) as reader:
        list(reader.read([Job(tmp_path / "a.md", tmp_path)]))
        while not watch.of("reader_process"):
            watch.look()
    assert "HOME=/nonexistent" in watch.of("reader_process")
    assert SECRET not in watch.of("reader_process")


async def test_reading_pages_of_the_web() -> None:
    async with PageReader(60) as reader:
        await reader.read(Fetched(URL("http://mill.test/"), "text", "", b"some words"))
        assert reader.pid
        text = environ(reader.pid)
    assert "HOME=/nonexistent" in text
    assert SECRET not in text
    assert "proxy.test" not in text


async def test_lmdeploy_gets_what_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HOME", "MY_MIRROR", "MY_MIRROR_TOKEN"):
        monkeypatch.setenv(name, f"{name}-value")
    more = ("PYTHONPATH", "MY_MIRROR")
    made = settings(home).model_copy(update={"environment": more})
    async with running(made) as run:
        await run.state(State.READY)
        pid = pids(home)[-1]
        guard = psutil.Process(pid).ppid()
        texts = environ(pid), environ(guard)
    for text in texts:
        assert "HF_HOME-value" in text
        assert "MY_MIRROR-value" in text
        assert "TOKEN" not in text
        assert SECRET not in text


async def test_checking_lmdeploy(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nenv > {tmp_path}/noted\necho lmdeploy 0.17\n")
    python.chmod(0o755)
    found = await check_serve(ServeSettings(model="/models/chat", python=str(python)))
    assert f"lmdeploy 0.17 in {python}" in found[0].text
    assert SECRET not in (tmp_path / "noted").read_text()
