"""Repositories of an imaginary kettle, and questions to put to them."""

import os
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from knowledge.code.build import RepoPlan, build
from knowledge.code.search import RepoSearch
from knowledge.code.settings import RepoSettings, code_folder
from knowledge.code.terms import verbatim_terms
from knowledge.code.types import Choose, CodeHit, RepoQuestion
from tests.fakes.clock import FakeClock

FILES = {
    "kettle/heat.py": '''"""Heating."""

BOIL_LIMIT_C = 97


class Heater:
    """Heats water."""

    def __init__(self, watts: int = 1800) -> None:
        self.watts = watts

    def warm_up(self, degrees: int) -> float:
        if degrees > BOIL_LIMIT_C:
            raise ValueError(f"can't heat to {degrees} degrees on this mountain")
        return degrees / self.watts
''',
    "kettle/pour.py": '''from kettle.heat import Heater


def pour(cups: int, heater: Heater) -> None:
    """Pours after warming up."""
    heater.warm_up(90)
    for _ in range(cups):
        print("glug")
''',
    "tests/test_heat.py": """from kettle.heat import Heater


def test_warm_up() -> None:
    assert Heater(watts=90).warm_up(90) == 1
""",
    "configs/kettle.yaml": "server:\n  port: 7311\n  cache_fraction: 0.4\n",
    "tools/serve.py": """import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--work-dir", default="/var/kettle")
""",
    "README.md": "Heater.warm_up is explained here, in prose.\n",
}


def write(root: Path, files: Mapping[str, str | bytes] = FILES) -> Path:
    """Writes files below a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def git(root: Path, *arguments: str) -> str:
    """Runs git in a folder."""
    people = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    names = {f"GIT_{name}": "a@b.test" for name in people}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        env={**os.environ, **names},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def committed(root: Path, remote: str = "") -> str:
    """Makes a repository of a folder and returns the commit."""
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
    if remote:
        git(root, "remote", "add", "origin", remote)
    return git(root, "rev-parse", "HEAD")


async def alike(text: str, others: Sequence[str]) -> list[float]:
    """Similarity by shared words."""
    said = set(text.lower().split())
    return [len(said & set(other.lower().split())) / 10 for other in others]


def question(
    text: str,
    *,
    terms: Sequence[str] = (),
    sources: Sequence[str] = (),
    choose: Choose | None = None,
) -> RepoQuestion:
    """A question with its verbatim terms."""
    return RepoQuestion(
        text, alike, tuple(terms), tuple(verbatim_terms(text)), tuple(sources), choose
    )


def repo(name: str = "kettle", **fields: Any) -> RepoSettings:
    """An entry of `search.repo`."""
    return RepoSettings(name=name, **{"repo": "kettle", **fields})


@asynccontextmanager
async def opened(
    folder: Path,
    repos: Sequence[RepoSettings],
    sources: Mapping[str, Path] | None = None,
    *,
    clock: FakeClock | None = None,
    timeout_s: float = 5.0,
) -> AsyncIterator[RepoSearch]:
    """A search with its indexes in `folder`."""
    search = RepoSearch(repos, folder, sources or {}, folder, clock or FakeClock(), timeout_s)
    async with search:
        yield search


def built(
    folder: Path, repos: Sequence[RepoSettings], sources: Mapping[str, Path] | None = None
) -> None:
    """Builds indexes in this process, which is quicker than `refresh`."""
    for entry in repos:
        root = code_folder(entry, sources or {}, folder)
        plan = RepoPlan(
            entry.name, str(root), str(folder / entry.name), entry.include, entry.exclude,
            entry.link_base,
        )  # fmt: skip
        assert build(plan).problem == ""


def holding(hits: Sequence[CodeHit]) -> list[CodeHit]:
    """Those that hold something of the question word for word."""
    return [hit for hit in hits if hit.matched]


def places(hits: Sequence[CodeHit]) -> list[tuple[str, str]]:
    """Path and heading of hits."""
    return [(hit.path, hit.heading) for hit in hits]
