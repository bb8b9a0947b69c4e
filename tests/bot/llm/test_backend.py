"""One backend against a server that fails in every way: the right error, retries, balancing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.llm.breaker import LEFT_ALONE_S
from bot.llm.llm import Llm
from bot.llm.scoring import Rubric
from bot.llm.types import (
    AuthError,
    BadRequest,
    Completion,
    ContextTooLong,
    Down,
    LlmError,
    ModelMissing,
    RateLimited,
    ServerFault,
    Unavailable,
    Unreachable,
)
from tests.bot.llm.models import local, model, remote
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import Call, LlmApi, Say, agreeable, digit, llm_api

QUESTION = "how do I install kettle?"


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


async def ask(llm: Llm) -> Completion:
    return await llm.answer("which port?", ["It listens on port 7311."], "")


async def score(llm: Llm) -> float:
    return (await llm.score(Rubric.QUESTION, chinese=False, message=QUESTION)).value


FAILURES = [
    (Say(status=401, message="invalid key"), AuthError),
    (Say(status=402, message="insufficient balance"), AuthError),
    (Say(status=429, message="insufficient_quota: pay first"), AuthError),
    (Say(status=404, message="The model 'x' does not exist."), ModelMissing),
    (Say(status=400, message="temperature must be a number"), BadRequest),
    (Say(status=400, message="Input length (619) must be smaller than the model context length"),
     ContextTooLong),
    (Say(status=400, message="This model's maximum context length is 8192 tokens"),
     ContextTooLong),
    (Say(status=429, headers={"Retry-After": "0"}, message="slow down"), RateLimited),
    (Say(status=500), ServerFault),
    (Say(status=503), Unavailable),
    (Say(raw="Internal Server Error", status=500), ServerFault),
    (Say(raw='{"detail": "Not Found"}', status=404), ModelMissing),
    (Say(raw='{"error_code": 10402, "text": "Failed to get response"}'), ServerFault),
    (Say(raw='{"choices": []}'), ServerFault),
    (Say(raw="{broken"), ServerFault),
    (Say("5", cut=0), Unavailable),
    (Say("", finish="error"), ServerFault),
]  # fmt: skip


@pytest.mark.parametrize(
    ("say", "error"), FAILURES, ids=lambda value: getattr(value, "__name__", None)
)
async def test_each_failure_of_a_plain_call_is_told_apart(
    api: LlmApi, say: Say, error: type[LlmError]
) -> None:
    api.script = lambda _: say
    async with model({"remote": remote(api), "retries": 0}) as llm:
        with pytest.raises(error) as caught:
            await score(llm)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("say", "error"),
    [
        (Say("The server listens on port 7311 [1].", cut=2), Unavailable),
        (Say("The server listens on", finish=None), Unavailable),
        (Say(raw="data: {broken\n\n"), LlmError),
        (Say(status=500), ServerFault),
    ],
)
async def test_a_stream_that_breaks_off_is_no_answer(
    api: LlmApi, say: Say, error: type[LlmError]
) -> None:
    api.script = lambda _: say
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    async with model({"remote": remote(api), "retries": 0}) as llm:
        with pytest.raises(error):
            await llm.answer("which port?", ["Port 7311."], "", on_text=show)


async def test_a_hang_ends_at_the_deadline_and_the_request_is_given_up(api: LlmApi) -> None:
    api.script = lambda _: Say(hang=True, takes_s=61)
    async with model({"remote": remote(api), "timeouts": {"score_s": 60}}) as llm:
        with pytest.raises(Unavailable, match="within 60 s"):
            await score(llm)
    assert len(api.calls) == 1


async def test_failures_that_pass_are_tried_again(api: LlmApi) -> None:
    failures = [Say(status=500), Say(status=429, headers={"Retry-After": "7"})]
    api.script = lambda _: failures.pop(0) if failures else digit(8)
    clock = FakeClock()
    started = clock.now()
    async with model({"remote": remote(api)}, clock) as llm:
        asked = asyncio.create_task(score(llm))
        while not asked.done():
            await asyncio.sleep(0.01)
            clock.jump()
        assert asked.result() == pytest.approx(8.889, abs=0.01)
    assert len(api.calls) == 3
    assert clock.now() - started >= 7  # as long as the server asked for


async def test_a_pause_longer_than_the_deadline_is_not_waited_for(api: LlmApi) -> None:
    api.script = lambda _: Say(status=429, headers={"Retry-After": "3600"})
    async with model({"remote": remote(api)}) as llm:
        with pytest.raises(RateLimited):
            await score(llm)
    assert len(api.calls) == 1


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_a_retry_cannot_help_is_not_retried(api: LlmApi, status: int) -> None:
    api.script = lambda _: Say(status=status)
    async with model({"remote": remote(api), "retries": 5}) as llm:
        with pytest.raises(LlmError):
            await llm.rewrite("and how?", "", chinese=False)
    assert len(api.calls) == 1


async def test_servers_are_balanced_and_a_dead_one_is_left_alone() -> None:
    clock = FakeClock()
    async with llm_api() as one, llm_api() as two:  # noqa: SIM117 - the model is made of both
        async with model({"local": local(one, two)}, clock) as llm:
            await asyncio.gather(*(score(llm) for _ in range(8)))
            assert (len(one.calls), len(two.calls)) == (4, 4)
            one.down = True
            for _ in range(12):
                asked = asyncio.create_task(score(llm))
                while not asked.done():
                    await asyncio.sleep(0.002)
                    if clock.waiting:
                        clock.advance(1.0)
            assert len(two.calls) == 16  # every question was answered, by the other one
            assert llm.hybrid.up
            one.down = False
            clock.advance(LEFT_ALONE_S)
            await llm.hybrid.probe()
            before = len(one.calls)
            await asyncio.gather(*(score(llm) for _ in range(4)))
            assert len(one.calls) > before


async def test_a_server_that_refuses_connections_is_not_asked_again_at_once() -> None:
    async with llm_api() as gone:
        url = gone.url
    clock = FakeClock()
    sections = {"remote": {"provider": "custom", "base_url": url, "model": "chat"}, "retries": 0}
    async with model(sections, clock) as llm:
        for _ in range(2):
            with pytest.raises(Unreachable, match="can't be reached"):
                await score(llm)
        with pytest.raises(Down):
            await score(llm)
        assert not llm.hybrid.up
        assert llm.hybrid.problems() == ["llm remote: not reachable"]


async def test_a_broken_server_is_probed_before_it_is_asked_again(api: LlmApi) -> None:
    clock = FakeClock()
    api.script = lambda _: Say(status=500)
    async with model({"remote": remote(api), "retries": 0}, clock) as llm:
        for _ in range(3):
            with pytest.raises(ServerFault):
                await score(llm)
        with pytest.raises(Down):
            await score(llm)
        assert (len(api.calls), api.probes) == (3, 0)
        clock.advance(LEFT_ALONE_S)
        api.down = True
        with pytest.raises(Unavailable):
            await score(llm)
        assert (len(api.calls), api.probes) == (3, 1)
        clock.advance(LEFT_ALONE_S)
        api.down, api.script = False, agreeable()
        assert await score(llm) > 9
        assert api.probes == 2


async def test_the_daemon_finds_out_by_itself_that_the_model_is_back(api: LlmApi) -> None:
    clock = FakeClock()
    api.down = True
    async with model({"remote": remote(api), "retries": 0}, clock, watch=True) as llm:
        while llm.hybrid.up or not clock.waiting:
            await asyncio.sleep(0.005)
        api.down = False
        while not llm.hybrid.up:
            clock.advance(11)
            await asyncio.sleep(0.005)
        assert not api.calls


async def test_the_first_model_is_taken_where_none_is_named(api: LlmApi) -> None:
    api.models = ("internlm3",)
    async with model({"local": local(api)}) as llm:
        await score(llm)
    assert api.calls[0].body["model"] == "internlm3"


async def test_no_more_requests_at_a_time_than_configured(api: LlmApi) -> None:
    api.together = asyncio.Barrier(2)  # answers when two requests are there
    async with model({"remote": remote(api, concurrency=2)}) as llm:
        await asyncio.gather(*(score(llm) for _ in range(8)))
    assert (len(api.calls), api.most_at_once) == (8, 2)


async def test_requests_per_minute_are_kept(api: LlmApi) -> None:
    clock = FakeClock()
    started = clock.now()
    async with model({"remote": remote(api, rpm=30)}, clock) as llm:
        asked = [asyncio.create_task(score(llm)) for _ in range(9)]
        while not all(task.done() for task in asked):
            await asyncio.sleep(0.005)
            clock.jump()
    # 3 at once, then one every 2 s
    assert clock.now() - started == pytest.approx(12, abs=0.1)


async def test_tokens_per_minute_are_kept(api: LlmApi) -> None:
    clock = FakeClock()
    started = clock.now()
    async with model({"remote": remote(api, tpm=600)}, clock) as llm:
        for _ in range(3):
            asked = asyncio.create_task(score(llm))
            while not asked.done():
                await asyncio.sleep(0.005)
                clock.jump()
    assert clock.now() - started > 30


async def test_a_cancelled_stream_is_closed(api: LlmApi) -> None:
    begun = asyncio.Event()

    async def show(_: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with model({"remote": remote(api)}) as llm:
        answer = llm.answer("which port?", ["7311"], "", on_text=show)
        asked = asyncio.create_task(answer)
        await begun.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked


@pytest.mark.parametrize("thinking", [False, True])
async def test_thoughts_are_cut_off(api: LlmApi, thinking: bool) -> None:
    api.script = lambda _: Say("<think>maybe 3? or 4</think>\n\n8")
    async with model({"remote": remote(api, thinking=thinking)}) as llm:
        assert await score(llm) == pytest.approx(8.889, abs=0.01)
    body = api.calls[0].body
    assert (body["max_tokens"] > 1000, "logprobs" in body) == (thinking, not thinking)


async def test_what_lmdeploy_is_asked_for_a_score(api: LlmApi) -> None:
    async with model({"local": local(api)}) as llm:
        await score(llm)
    body = api.calls[0].body
    assert body["response_format"] == {"type": "regex_schema", "regex_schema": "[0-9]"}
    assert (body["temperature"], body["top_p"], body["top_logprobs"]) == (1.0, 1.0, 20)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "session_id" not in body


def _never(_: Call) -> Say:
    raise AssertionError("nothing should be asked")


async def test_a_prompt_that_cannot_fit_is_not_sent(api: LlmApi) -> None:
    api.script = _never
    sections = {"remote": remote(api, context_tokens=4096), "answer_tokens": 4000}
    async with model(sections) as llm:
        with pytest.raises(ContextTooLong):
            await ask(llm)
