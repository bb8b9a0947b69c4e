"""The same question, asked again: answered as before, as long as the documents say the same."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.answering.earlier import EarlierAnswers
from bot.answering.pipeline import Pipeline
from bot.answering.settings import AnswerSettings
from bot.cli.asking import mention
from bot.types import Answer
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from tests.bot.llm.models import model, remote
from tests.fakes.llm_api import LlmApi, llm_api
from tests.knowledge.library import PAGES, gate_options, plan, write_pages

ASK = "which port does the kettle server listen on?"
AGAIN = "Which port does the kettle server listen on?"


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


@asynccontextmanager
async def answering(
    knowledge: KnowledgeBase, api: LlmApi, withdrawn: Sequence[str] = (), *, judges: bool = True
) -> AsyncIterator[Pipeline]:
    earlier = EarlierAnswers(knowledge, 0.8, lambda: len(withdrawn))
    async with model({"remote": remote(api), "check_sentences": judges}) as llm:
        yield Pipeline(knowledge, AnswerSettings(sure_evidence=1), llm, None, earlier)


@pytest.mark.parametrize("judges", [True, False])
async def test_the_same_question_costs_nothing(
    kettle: KnowledgeBase, api: LlmApi, *, judges: bool
) -> None:
    async with answering(kettle, api, judges=judges) as pipeline:
        first = await pipeline.decide(mention(ASK), [])
        calls = len(api.calls)
        again = await pipeline.decide(mention(AGAIN, group="another"), [])
    assert isinstance(first, Answer)
    assert "answer" in api.kinds()
    assert again == first
    assert len(api.calls) == calls


async def test_what_was_withdrawn_or_erased_is_not_given_again(
    kettle: KnowledgeBase, api: LlmApi
) -> None:
    withdrawn: list[str] = []
    async with answering(kettle, api, withdrawn) as pipeline:
        await pipeline.decide(mention(ASK), [])
        calls = len(api.calls)
        withdrawn.append("an answer")
        await pipeline.decide(mention(AGAIN), [])
        assert len(api.calls) == 2 * calls


async def test_another_question_or_another_source_is_asked_anew(
    kettle: KnowledgeBase, api: LlmApi
) -> None:
    async with answering(kettle, api) as pipeline:
        await pipeline.decide(mention(ASK), [])
        calls = len(api.calls)
        await pipeline.decide(mention("which port does the kettle proxy listen on?"), [])
        assert len(api.calls) > calls


async def test_when_the_page_has_changed_the_model_is_asked(tmp_path: Path, api: LlmApi) -> None:
    folder = write_pages(tmp_path / "docs", PAGES)
    made = plan(tmp_path / "index", folder, "https://docs.test/")
    build(made)
    async with (
        KnowledgeBase(made, gate_options(tmp_path)) as knowledge,
        answering(knowledge, api) as pipeline,
    ):
        await pipeline.decide(mention(ASK), [])
        calls = len(api.calls)
        await knowledge.reload()
        await pipeline.decide(mention(ASK), [])
        assert len(api.calls) == calls
        page = next(path for path in folder.rglob("*.md") if "7311" in path.read_text())
        page.write_text(page.read_text() + "\nThe port can be changed at any time.\n")
        await knowledge.reload()
        await pipeline.decide(mention(ASK), [])
        assert len(api.calls) > calls
