"""Indexing in another process: whatever becomes of it, there is a report on each repository."""

import asyncio
import sys
from pathlib import Path

import pytest

from knowledge.code.build import RepoPlan
from knowledge.code.index_process import build_apart
from tests.knowledge.code.code import write
from tests.knowledge.processes import running, wait_until

INDEXER = "knowledge.code.index_process"


def plan(tmp_path: Path, name: str = "kettle") -> RepoPlan:
    return RepoPlan(name, str(tmp_path / "code"), str(tmp_path / "index" / name))


async def test_each_repository_is_reported_on(tmp_path: Path) -> None:
    write(tmp_path / "code")
    (tmp_path / "index").mkdir()
    (tmp_path / "index/bad").write_text("a file where a folder should be")
    good, bad = await build_apart([plan(tmp_path), plan(tmp_path, "bad")])
    assert (good.name, good.problem, good.changed) == ("kettle", "", 5)
    assert bad.name == "bad"
    assert "can't be written" in bad.problem


async def test_a_slow_child_is_ended(tmp_path: Path) -> None:
    write(tmp_path / "code")
    (report,) = await build_apart([plan(tmp_path)], timeout_s=0.01)
    assert report.problem == "building its index took more than 0.01 s"


async def test_a_cancelled_build_leaves_no_process(tmp_path: Path) -> None:
    write(tmp_path / "code")
    task = asyncio.create_task(build_apart([plan(tmp_path)]))
    while not running(INDEXER):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    wait_until(lambda: not running(INDEXER))


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python"])
async def test_a_child_that_breaks_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    monkeypatch.setattr(sys, "executable", python)
    (report,) = await build_apart([plan(tmp_path)])
    assert report.name == "kettle"
    assert "its index" in report.problem
