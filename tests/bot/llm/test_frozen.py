"""What lmdeploy 0.18's own server answers is understood; frozen by `make test-lmdeploy`."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.llm.scoring import Rubric
from bot.llm.types import BadRequest, ContextTooLong, LlmError, ModelMissing, ServerFault
from tests.bot.llm.models import local, model
from tests.fakes.llm_api import LlmApi, Say, llm_api

FROZEN = Path(__file__).parent.parent.parent / "fixtures" / "lmdeploy.json"


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


def frozen(name: str) -> Say:
    entry: dict[str, Any] = json.loads(FROZEN.read_text())[name]
    return Say(raw=entry["body"], status=entry["status"])


async def test_a_score_with_its_distribution(api: LlmApi) -> None:
    api.script = lambda _: frozen("score")
    async with model({"local": local(api)}) as llm:
        score = await llm.score(Rubric.QUESTION, chinese=False, message="which port?")
        assert score.how == "expected"
        assert score.value == pytest.approx((7 * 0.7 + 9 * 0.3) * 10 / 9, abs=0.05)
        assert llm.hybrid.usage.cached_tokens == 128
        assert llm.hybrid.usage.prompt_tokens > 500


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("wrong model", ModelMissing),
        ("bad field", BadRequest),
        ("bad grammar", BadRequest),
        ("engine error", ServerFault),
        ("too long", ContextTooLong),
    ],
)
async def test_each_error(api: LlmApi, name: str, error: type[LlmError]) -> None:
    api.script = lambda _: frozen(name)
    async with model({"local": local(api), "retries": 0}) as llm:
        with pytest.raises(error) as caught:
            await llm.score(Rubric.QUESTION, chinese=False, message="which port?")
        assert type(caught.value) is error


async def test_a_stream_and_one_that_fails(api: LlmApi) -> None:
    seen: list[str] = []

    async def show(text: str) -> None:
        seen.append(text)

    async with model({"local": local(api), "retries": 0}) as llm:
        api.script = lambda _: frozen("stream")
        done = await llm.answer("which port?", ["7"], "", on_text=show)
        assert (done.text, seen[-1]) == ("7", "7")
        assert done.prompt_tokens > 500
        api.script = lambda _: frozen("stream error")
        with pytest.raises(ServerFault):
            await llm.answer("which port?", ["7"], "", on_text=show)


def test_the_models_are_listed() -> None:
    entry = json.loads(FROZEN.read_text())["models"]
    assert [row["id"] for row in json.loads(entry["body"])["data"]] == ["chat"]
