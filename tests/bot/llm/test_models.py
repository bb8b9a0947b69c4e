"""Which model is asked: named, chosen from the provider's list, or instead of one that is gone."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.llm.llm import Llm
from bot.llm.presets import load_presets
from bot.llm.scoring import Rubric
from bot.llm.types import LlmError, ModelMissing
from tests.bot.llm.models import local, model
from tests.fakes.llm_api import Call, LlmApi, Say, agreeable, llm_api


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


def hosted(api: LlmApi, provider: str = "openai", **fields: Any) -> dict[str, Any]:
    section = {"provider": provider, "base_url": api.url, "api_key": "k1", "model": "auto"}
    return {"remote": {**section, **fields}}


async def score(llm: Llm) -> float:
    return (await llm.score(Rubric.QUESTION, chinese=False, message="how?")).value


def only(*names: str, text: str = "The model does not exist.") -> Any:
    """A server that knows these models."""

    def script(call: Call) -> Say:
        known = call.body["model"] in names
        return agreeable()(call) if known else Say(status=404, message=text)

    return script


@pytest.mark.parametrize(
    ("wish", "tokens", "listed", "asked"),
    [
        ("auto", 32768, ("gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.5"), "gpt-5.4-nano"),
        ("auto", 32768, ("whisper", "gpt-5.4-mini", "gpt-5.5"), "gpt-5.4-mini"),
        ("auto", 900_000, ("gpt-5.4-mini", "gpt-5.5"), "gpt-5.5"),
        ("auto:best", 32768, ("gpt-5.4-mini", "gpt-5.5"), "gpt-5.5"),
    ],
)
async def test_auto_goes_by_the_list_the_context_and_the_price(
    api: LlmApi, wish: str, tokens: int, listed: tuple[str, ...], asked: str
) -> None:
    api.models = listed
    async with model(hosted(api, model=wish, context_tokens=tokens)) as llm:
        await score(llm)
        assert llm.hybrid.problems() == []
    assert [call.body["model"] for call in api.calls] == [asked]


async def test_auto_works_without_a_list(api: LlmApi) -> None:
    api.list_status = 404
    async with model(hosted(api, "kimi")) as llm:
        await score(llm)
    assert api.calls[0].body["model"] == "kimi-k2.6"
    assert not {"temperature", "top_p"} & set(api.calls[0].body)


async def test_auto_among_strangers_takes_none_of_them(api: LlmApi) -> None:
    api.models = ("tts-9", "embedding-9")
    async with model(hosted(api)) as llm:
        with pytest.raises(ModelMissing, match="tts-9"):
            await score(llm)


@pytest.mark.parametrize("probed", [True, False])
async def test_a_retired_name_is_stood_in_for_and_said(
    api: LlmApi, caplog: pytest.LogCaptureFixture, *, probed: bool
) -> None:
    api.models = ("deepseek-v4-pro", "deepseek-v4-flash")
    api.script = only(*api.models)
    async with model(hosted(api, "deepseek", model="deepseek-chat")) as llm:
        if probed:
            await llm.hybrid.probe(everything=True)
        await score(llm)
        (problem,) = llm.hybrid.problems()
        assert "deepseek-chat is not served, deepseek-v4-flash is asked instead" in problem
        assert "correct llm.remote.model" in problem
        assert problem.removeprefix("llm remote: ") in caplog.text
        await score(llm)
    assert [call.body["model"] for call in api.calls][-2:] == ["deepseek-v4-flash"] * 2


async def test_a_wrong_name_of_a_local_model_falls_back_to_what_is_served(api: LlmApi) -> None:
    api.models = ("qwen3-8b", "internlm3")
    async with model({"local": local(api, model="qwen")}) as llm:
        await llm.hybrid.probe(everything=True)
        assert "qwen is not served, qwen3-8b is asked instead" in llm.hybrid.problems()[0]
        api.models = ("qwen", "qwen3-8b")
        await llm.hybrid.probe(everything=True)
        assert llm.hybrid.problems() == []
        await score(llm)
    assert api.calls[0].body["model"] == "qwen"


async def test_nothing_stands_in_where_no_known_model_is_listed(api: LlmApi) -> None:
    api.models = ("tts-9",)
    api.script = only()
    async with model(hosted(api, model="gpt-3")) as llm:
        with pytest.raises(LlmError, match="does not exist"):
            await score(llm)


def test_the_presets_are_dated_and_hold_no_retired_name() -> None:
    for preset in load_presets().values():
        assert preset.checked >= dt.date(2026, 11, 1)
        names = [one.name for one in preset.models]
        assert not set(names) & set(preset.retired)
        assert set(preset.retired.values()) <= set(names)
        order = ["low", "middle", "high"]
        prices = [order.index(one.price) for one in preset.models]
        assert prices == sorted(prices), "the cheapest first"
