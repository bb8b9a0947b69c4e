"""What many tests share: a knowledge base about the imaginary tool Kettle, opened once."""

import asyncio
from collections.abc import Iterator

import pytest

from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from tests.knowledge.library import gate_options, plan, write_pages


@pytest.fixture(scope="session")
def kettle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """Read only: tests that reload build their own."""
    folder = tmp_path_factory.mktemp("kettle")
    made = plan(folder / "index", write_pages(folder / "docs"), "https://docs.test/")
    build(made)
    opened = KnowledgeBase(made, gate_options(folder))
    asyncio.run(opened.__aenter__())
    yield opened
    asyncio.run(opened.__aexit__(None, None, None))
