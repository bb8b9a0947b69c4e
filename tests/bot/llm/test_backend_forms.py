"""In which form a server is asked: its fields, its grammar, its thinking model, its tokenizer."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.llm.llm import Llm
from bot.llm.presets import load_presets
from bot.llm.request import KEPT_S
from bot.llm.scoring import Rubric
from bot.llm.types import BadRequest, ContextTooLong
from bot.llm.wire import THINKING_TOKENS, refused_fields
from tests.bot.llm.models import local, model, remote
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import SCORES, Call, LlmApi, Say, digit, llm_api


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


async def score(llm: Llm) -> float:
    return (await llm.score(Rubric.QUESTION, chinese=False, message="how?")).value


async def answer(llm: Llm, words: int = 1) -> str:
    async def show(_: str) -> None:
        """Nobody looks on."""

    done = await llm.answer("which port?", ["7311 " * words], "", on_text=show)
    return done.text


def refusing(*fields: str) -> Callable[[Call], Say]:
    return lambda _: Say("7", {7: 1.0}, refuse=fields)


async def test_a_refused_field_is_left_out_and_the_others_kept(api: LlmApi) -> None:
    api.script = refusing("seed", "grammar")
    async with model({"remote": remote(api)}) as llm:
        for _ in range(3):
            assert await score(llm) == pytest.approx(7.778, abs=0.01)
    assert len(api.calls) == 5  # two refusals, once
    last = api.calls[-1].body
    assert not {"seed", "grammar"} & set(last)
    assert (last["logprobs"], last["top_logprobs"], last["temperature"]) == (True, 20, 0.0)


async def test_without_probabilities_the_likeliest_digit_is_asked_for(api: LlmApi) -> None:
    api.script = refusing("top_logprobs")
    async with model({"local": local(api)}) as llm:
        assert await score(llm) == pytest.approx(7.778, abs=0.01)
    assert api.calls[0].body["temperature"] == 1.0
    last = api.calls[-1].body
    assert not {"logprobs", "top_logprobs"} & set(last)
    assert (last["temperature"], "response_format" in last) == (0.0, True)


async def test_a_refused_field_is_tried_again_after_an_hour(api: LlmApi) -> None:
    clock = FakeClock()
    api.script = refusing("grammar")
    async with model({"remote": remote(api)}, clock) as llm:
        await score(llm)
        api.script = refusing()
        await score(llm)
        assert "grammar" not in api.calls[-1].body
        clock.advance(KEPT_S)
        await score(llm)
        assert "grammar" in api.calls[-1].body


@pytest.mark.parametrize("message", ["content policy violation", "bad luck", "try another text"])
async def test_a_refusal_of_what_is_asked_is_believed(api: LlmApi, message: str) -> None:
    refusals = [Say(status=400, message=message)]
    api.script = lambda _: refusals.pop() if refusals else digit(7)
    async with model({"remote": remote(api)}) as llm:
        with pytest.raises(BadRequest):
            await score(llm)
        assert len(api.calls) == 1
        await score(llm)
    assert api.calls[-1].body["logprobs"]  # and nothing is left out because of it


async def test_a_server_that_knows_no_stream_options_streams_without(api: LlmApi) -> None:
    api.script = lambda _: Say("Port 7311 [1].", refuse=("stream_options",))
    async with model({"remote": remote(api)}) as llm:
        assert await answer(llm) == "Port 7311 [1]."
        assert await answer(llm) == "Port 7311 [1]."
        assert llm.hybrid.usage.estimated == 2  # nobody told how many tokens that were
        assert llm.hybrid.usage.prompt_tokens > 100
    assert len(api.calls) == 3


async def test_where_a_refusal_names_no_field_all_that_can_be_spared_goes(api: LlmApi) -> None:
    def script(call: Call) -> Say:
        plain = {"model", "messages", "max_tokens", "temperature"} >= set(call.body)
        return Say("7") if plain else Say(status=400, message="API 调用参数有误，请检查文档。")

    api.script = script
    async with model({"remote": remote(api)}) as llm:
        assert await score(llm) == pytest.approx(7.778, abs=0.01)
    assert (len(api.calls), api.calls[-1].body["temperature"]) == (2, 0.0)


async def test_a_limit_of_tokens_under_its_other_name(api: LlmApi) -> None:
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."

    def script(call: Call) -> Say:
        return Say(status=400, message=said) if "max_tokens" in call.body else digit(7)

    api.script = script
    async with model({"remote": remote(api)}) as llm:
        await score(llm)
        await score(llm)
    assert len(api.calls) == 3
    assert api.calls[-1].body["max_completion_tokens"] == 2


BODY = {
    "model": "m", "messages": [], "max_tokens": 2, "temperature": 0.0, "top_p": 1.0, "seed": 0,
    "logprobs": True, "top_logprobs": 20,
    "extra_body": {
        "response_format": {"type": "regex_schema", "regex_schema": "[0-9]"},
        "chat_template_kwargs": {"enable_thinking": False},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("Unrecognized request argument supplied: seed", {"seed"}),
        ("'temperature' does not support 0.0 with this model", {"temperature"}),
        ("logprobs is not supported", {"logprobs", "top_logprobs"}),
        ("current model does not support parameter `enable_thinking`", {"chat_template_kwargs"}),
        ('type must be one of "text" or "json_object", but got: regex_schema',
         {"response_format"}),
        ("[{'loc': ['body', 'top_p'], 'msg': 'Extra inputs are not permitted'}]", {"top_p"}),
        ("Unknown parameter in request",
         {"top_p", "seed", "logprobs", "top_logprobs", "response_format", "chat_template_kwargs"}),
        ("messages must not be empty", set()),
        ("your text is not allowed", set()),
        ("max_tokens is too large: at most 1", set()),
        ("out of order", set()),
    ],
)  # fmt: skip
def test_which_fields_a_refusal_is_about(message: str, fields: set[str]) -> None:
    assert refused_fields(BODY, message) == fields


GUIDES = {
    "vllm": ("structured_outputs", {"choice": list("0123456789")}),
    "custom": ("grammar", "root ::= [0-9]"),
    "ollama": ("response_format", {
        "type": "json_schema",
        "json_schema": {"name": "digit", "schema": {"enum": list(range(10))}},
    }),
}  # fmt: skip


@pytest.mark.parametrize("provider", GUIDES)
async def test_a_score_is_made_a_digit_where_the_server_can(api: LlmApi, provider: str) -> None:
    name, value = GUIDES[provider]
    async with model({"remote": remote(api, provider=provider)}) as llm:
        await score(llm)
        await answer(llm)
    scored, written = api.calls
    assert scored.body[name] == value
    assert name not in written.body
    for body in (scored.body, written.body):  # and told not to think
        assert load_presets()[provider].calm.items() <= body.items()


def thinking(call: Call) -> Say:
    """A model that thinks whatever it is told, and is cut off where there is no room."""
    room: int = call.body["max_tokens"]
    text = "7" if call.kind in SCORES else "Port 7311 [1]."
    whole = f"<think>{'let me see ' * 50}</think>{text}"
    return Say(whole[: 4 * room], finish="stop" if len(whole) < 4 * room else "length")


def silently(call: Call) -> Say:
    """The same, on a server that keeps the thoughts apart."""
    if call.body["max_tokens"] > THINKING_TOKENS:
        return Say("7" if call.kind in SCORES else "Port 7311 [1].", thoughts="let me see")
    return Say("", thoughts="let", finish="length")


def unmarked(call: Call) -> Say:
    """The same, with a template that begins the thought itself."""
    whole = f"Okay, let me see. {'Hmm. ' * 50}</think>{'7' if call.kind in SCORES else 'Port.'}"
    return (
        Say(whole, finish="stop")
        if call.body["max_tokens"] > 999
        else Say("Okay,", finish="length")
    )


@pytest.mark.parametrize("script", [thinking, silently, unmarked])
async def test_a_model_that_thinks_all_the_same_is_given_room(
    api: LlmApi, script: Callable[[Call], Say], caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    api.script = script
    async with model({"remote": remote(api)}, clock) as llm:
        assert llm.hybrid.hints() == []
        assert await score(llm) == pytest.approx(7.778, abs=0.01)
        assert await score(llm) == pytest.approx(7.778, abs=0.01)
        assert len(api.calls) == 3  # found out once
        assert "grammar" not in api.calls[-1].body  # it would bind the thoughts
        (hint,) = llm.hybrid.hints()
        assert "llm.remote.thinking" in hint
        assert "llm.remote.thinking" in caplog.text
        clock.advance(KEPT_S)
        await score(llm)
        assert len(api.calls) == 5


async def test_an_answer_that_was_thought_away_is_asked_for_again(api: LlmApi) -> None:
    def script(call: Call) -> Say:
        if call.body["max_tokens"] > THINKING_TOKENS:
            return Say("Port 7311 [1].", thoughts="let me see")
        return Say("", thoughts="let me see", finish="length")

    api.script = script
    async with model({"remote": remote(api)}) as llm:
        assert await answer(llm) == "Port 7311 [1]."


async def test_a_model_that_babbles_is_not_asked_twice_for_ever(api: LlmApi) -> None:
    api.script = lambda _: Say("well", finish="length")
    async with model({"remote": remote(api)}) as llm:
        for _ in range(3):
            assert await score(llm) == 0
        assert llm.hybrid.hints() == []
    assert len(api.calls) == 4


async def test_tokens_that_a_server_does_not_count_are_estimated(api: LlmApi) -> None:
    api.script = lambda _: Say("7", counted=False)
    async with model({"remote": remote(api)}) as llm:
        await score(llm)
        usage = llm.hybrid.usage
        assert (usage.calls, usage.estimated) == (1, 1)
        assert usage.prompt_tokens > 100
        api.script = lambda _: Say("7")
        await score(llm)
        assert (usage.calls, usage.estimated) == (2, 1)


def roomy(api: LlmApi) -> dict[str, Any]:
    """A context of which the answer's prompt is estimated to take more than half."""
    return {"local": local(api, context_tokens=8000), "answer_tokens": 500}


@pytest.mark.parametrize(("count", "whole"), [(len, False), (lambda text: len(text) // 6, True)])
async def test_lmdeploy_counts_where_it_is_tight(
    api: LlmApi, count: Callable[[str], int], whole: bool
) -> None:
    api.count = count
    async with model(roomy(api)) as llm:
        assert await answer(llm, words=2000)
    (call,) = api.calls  # what the server would have cut was not sent
    assert (call.text.count("7311") == 2000) is whole


async def test_what_fits_by_the_servers_count_is_sent(api: LlmApi) -> None:
    async with model({"local": local(api, context_tokens=4096)}) as llm:
        with pytest.raises(ContextTooLong):
            await llm.shorten("how?", "a b " * 2500, chinese=False)
        api.count = lambda text: len(text) // 5
        await llm.shorten("how?", "a b " * 2500, chinese=False)
        assert len(api.calls) == 1


async def test_a_counter_that_fails_is_done_without(api: LlmApi) -> None:
    asked: list[str] = []

    def fails(text: str) -> int:
        asked.append(text)
        raise NotImplementedError  # a 500

    api.count = fails
    async with model(roomy(api)) as llm:
        assert await answer(llm, words=2000)
    assert asked
    assert api.calls[0].text.count("7311") == 2000
