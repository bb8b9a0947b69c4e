"""When a server is left alone, and how it comes back: nobody's work suffers from anybody else's."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from bot.llm.breaker import LEFT_ALONE_S
from bot.llm.hybrid import PROBE_EVERY_S
from bot.llm.llm import Llm
from bot.llm.scoring import Rubric
from bot.llm.types import AuthError, BadRequest, Down, LlmError, ModelMissing, ServerFault
from tests.bot.llm.models import local, model, remote
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import Call, LlmApi, Say, agreeable, digit, llm_api

MISSING = Say(status=404, message="The model 'chat' does not exist.")
NO_KEY = Say(status=401, message="invalid key")


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


async def score(llm: Llm, text: str = "how do I install kettle?") -> float:
    return (await llm.score(Rubric.QUESTION, chinese=False, message=text)).value


async def answer(llm: Llm) -> str:
    return (await llm.answer("which port?", ["It listens on port 7311."], "")).text


async def soon(clock: FakeClock, asked: "asyncio.Task[float]") -> float:
    """The result, with pauses between tries passing at once."""
    while not asked.done():
        await asyncio.sleep(0.002)
        clock.jump()
    return asked.result()


async def until(come: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not come():
            await asyncio.sleep(0.002)


async def test_an_api_without_a_list_of_models_is_asked_all_the_same(api: LlmApi) -> None:
    api.list_status = 404
    clock = FakeClock()
    async with model({"remote": remote(api)}, clock, watch=True) as llm:
        await until(lambda: api.pings == 1 and clock.waiting == 1)
        assert llm.hybrid.problems() == []
        assert await score(llm) > 9


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_list_that_is_not_for_our_key_settles_nothing(api: LlmApi, status: int) -> None:
    api.list_status = status
    async with model({"remote": remote(api)}) as llm:
        await llm.hybrid.probe(everything=True)
        assert llm.hybrid.problems() == []
        assert api.pings == 1


async def test_a_name_that_is_not_listed_may_be_an_alias(api: LlmApi) -> None:
    api.models, api.aliases = ("qwen3:latest",), ("qwen3",)
    async with model({"remote": remote(api, model="qwen3")}) as llm:
        await llm.hybrid.probe(everything=True)
        assert llm.hybrid.problems() == []
        api.aliases = ()
        await llm.hybrid.probe(everything=True)
        (problem,) = llm.hybrid.problems()
        assert "qwen3 is not served, qwen3:latest is asked instead" in problem


async def test_a_slow_probe_does_not_disturb_a_healthy_server(api: LlmApi) -> None:
    api.list_until = asyncio.Event()
    async with model({"remote": remote(api)}, watch=True) as llm:
        await until(lambda: api.probes == 1)
        assert await score(llm) > 9  # while the list is still being waited for
        api.list_status, api.script = 500, lambda _: Say(status=500)
        api.list_until.set()
        await until(lambda: api.pings == 1)
        await asyncio.sleep(0.05)
        assert llm.hybrid.up  # it has answered meanwhile, which is worth more than a probe


async def test_those_who_come_while_a_server_is_probed_wait_for_the_result(api: LlmApi) -> None:
    clock = FakeClock()
    async with model({"remote": remote(api), "retries": 0}, clock) as llm:
        api.script = lambda _: NO_KEY
        with pytest.raises(AuthError):
            await score(llm)
        api.script, api.list_until = agreeable(), asyncio.Event()
        clock.advance(LEFT_ALONE_S)
        asked = [asyncio.create_task(score(llm)) for _ in range(4)]
        await until(lambda: api.probes == 1)
        await asyncio.sleep(0.02)
        api.list_until.set()
        assert min(await asyncio.gather(*asked)) > 9
        assert (api.probes, api.pings) == (1, 1)


async def test_a_refused_connection_is_tried_again() -> None:
    async with llm_api() as gone:
        url = gone.url
    clock = FakeClock()
    started = clock.now()
    section = {"provider": "custom", "base_url": url, "model": "chat"}
    async with model({"remote": section, "retries": 3}, clock) as llm:
        with pytest.raises(LlmError, match="can't be reached"):
            await soon(clock, asyncio.create_task(score(llm)))
    assert clock.now() > started  # there was a pause, and a second try


async def test_one_broken_connection_is_no_outage(api: LlmApi) -> None:
    clock = FakeClock()
    broken = [Say("7", cut=0)]
    api.script = lambda _: broken.pop() if broken else digit(9)
    async with model({"remote": remote(api)}, clock) as llm:
        assert await soon(clock, asyncio.create_task(score(llm))) > 9
        assert llm.hybrid.up
    assert len(api.calls) == 2


async def test_a_stream_that_is_cut_is_begun_again(api: LlmApi) -> None:
    broken = [Say("The first start of all [1].", cut=2)]
    api.script = lambda _: broken.pop() if broken else Say("It is 7311 [1].")
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    async with model({"remote": remote(api)}) as llm:
        done = await llm.answer("which port?", ["7311"], "", on_text=show)
        assert (done.text, shown[-1]) == ("It is 7311 [1].", "It is 7311 [1].")
        assert llm.hybrid.up


async def test_one_request_that_makes_it_fail_is_one_failure(api: LlmApi) -> None:
    def script(call: Call) -> Say:
        return Say(status=500) if "poison" in call.text else digit(9)

    clock = FakeClock()
    api.script = script
    async with model({"remote": remote(api), "retries": 2}, clock) as llm:
        for _ in range(2):
            with pytest.raises(ServerFault):
                await soon(clock, asyncio.create_task(score(llm, "poison")))
        assert len(api.calls) == 6
        assert await score(llm) > 9  # everybody else is served
        for _ in range(2):
            with pytest.raises(ServerFault):
                await soon(clock, asyncio.create_task(score(llm, "poison")))
        assert llm.hybrid.up  # there was an answer between them
        with pytest.raises(ServerFault):
            await soon(clock, asyncio.create_task(score(llm, "poison")))
        assert not llm.hybrid.up


async def test_what_we_give_up_ourselves_is_not_the_servers_failure(api: LlmApi) -> None:
    api.script = lambda _: Say(hang=True)
    async with model({"remote": remote(api, concurrency=8)}) as llm:
        asked = [asyncio.create_task(score(llm)) for _ in range(6)]
        await until(lambda: len(api.calls) == 6)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert llm.hybrid.up
        api.script = agreeable()
        assert await score(llm) > 9


async def test_a_waiting_line_of_our_own_is_not_the_servers_failure(api: LlmApi) -> None:
    def slow(_: Call) -> Say:
        return Say("9", {9: 1.0}, takes_s=20)

    api.script = slow
    sections = {"remote": remote(api, concurrency=1), "retries": 0, "timeouts": {"score_s": 60}}
    async with model(sections) as llm:
        # The last one waits for longer than it may take, and is served all the same.
        assert min(await asyncio.gather(*(score(llm) for _ in range(5)))) > 9
        assert llm.hybrid.up


PASSAGES = ["one", "two", "three", "four", "bad"]


async def relevance(llm: Llm) -> list[float]:
    scores = await llm.score_each(
        Rubric.RELEVANCE, "passage", PASSAGES, chinese=False, question="which port?"
    )
    return [score.value for score in scores]


async def test_a_refused_passage_costs_only_that_passage(api: LlmApi) -> None:
    def script(call: Call) -> Say:
        bad = "bad" in call.text
        return Say(status=400, message="content policy violation") if bad else digit(9)

    api.script = script
    async with model({"remote": remote(api, concurrency=8)}) as llm:
        assert await relevance(llm) == [10.0, 10.0, 10.0, 10.0, 0.0]
        assert llm.hybrid.up
        api.script = lambda _: Say(status=400, message="content policy violation")
        with pytest.raises(BadRequest):
            await relevance(llm)
        assert llm.hybrid.up


@pytest.mark.parametrize(("wrong", "kind"), [(MISSING, ModelMissing), (NO_KEY, AuthError)])
async def test_one_of_two_servers_with_another_model_or_key_is_left_out(
    wrong: Say, kind: type[LlmError]
) -> None:
    clock = FakeClock()
    async with llm_api() as good, llm_api(lambda _: wrong) as bad:  # noqa: SIM117 - made of both
        async with model({"local": local(good, bad, model="chat"), "retries": 0}, clock) as llm:
            for _ in range(6):
                assert await score(llm) > 9
            assert len(bad.calls) == 1
            assert llm.hybrid.up
            (problem,) = llm.hybrid.problems()
            assert problem.startswith(f"llm local: {bad.url}: local answered 40")
            good.down = True
            clock.advance(LEFT_ALONE_S)
            with pytest.raises(LlmError) as caught:
                await score(llm)
            assert not isinstance(caught.value, kind)  # that of the server that was asked
            bad.script = agreeable()
            await llm.hybrid.probe()
            assert await score(llm) > 9


async def test_a_problem_is_looked_at_again_though_another_backend_serves() -> None:
    clock = FakeClock()
    broke = Say(status=402, message="insufficient balance")
    async with llm_api() as one, llm_api(lambda _: broke) as other:
        sections = {"local": local(one), "remote": remote(other)}
        async with model(sections, clock, watch=True) as llm:
            await until(lambda: clock.waiting == 1)
            assert await answer(llm)
            assert llm.hybrid.problems() == [
                "llm remote: remote answered 402: insufficient balance"
            ]
            other.script = agreeable()
            for _ in range(int(LEFT_ALONE_S / PROBE_EVERY_S) + 1):
                clock.advance(PROBE_EVERY_S)
                await until(lambda: clock.waiting == 1)
            assert llm.hybrid.problems() == []
            assert await answer(llm)
            assert len(other.calls) == 2


async def test_a_server_that_lists_its_models_and_answers_nothing_stays_down(api: LlmApi) -> None:
    clock = FakeClock()
    api.script = lambda _: Say(status=500)
    async with model({"remote": remote(api), "retries": 0}, clock, watch=True) as llm:
        await until(lambda: clock.waiting == 1)
        for _ in range(3):
            with pytest.raises(ServerFault):
                await score(llm)
        assert llm.hybrid.problems() == ["llm remote: remote answered 500: out of order"]
        clock.advance(LEFT_ALONE_S + PROBE_EVERY_S)
        await until(lambda: api.pings == 1 and clock.waiting == 1)
        assert not llm.hybrid.up
        with pytest.raises(Down, match="out of order"):
            await score(llm)
        api.script = agreeable()
        clock.advance(LEFT_ALONE_S + PROBE_EVERY_S)
        await until(lambda: llm.hybrid.up)
        assert await score(llm) > 9


async def test_a_wrong_path_is_guessed_from_a_404(api: LlmApi) -> None:
    section = remote(api) | {"base_url": api.url.replace("/v1", "/api/v9")}
    async with model({"remote": section}) as llm:
        with pytest.raises(ModelMissing, match="is the path in its base_url right"):
            await score(llm)
        api.script = lambda _: MISSING
    async with model({"remote": remote(api)}) as llm:
        with pytest.raises(ModelMissing) as caught:
            await score(llm)
        assert "base_url" not in str(caught.value)


async def test_a_403_about_the_request_is_not_about_the_key(api: LlmApi) -> None:
    api.script = lambda _: Say(status=403, message="your input was flagged by moderation")
    async with model({"remote": remote(api)}) as llm:
        with pytest.raises(BadRequest):
            await score(llm)
        assert llm.hybrid.up
        api.script = lambda _: Say(status=403, message="country not allowed")
        with pytest.raises(AuthError):
            await score(llm)
        assert not llm.hybrid.up
