"""Waiting: whose turn it is, how long anybody waits, and what time limits are measured from."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate

import pytest

from bot.llm.llm import Llm
from bot.llm.request_queue import RequestQueue
from bot.llm.scoring import Rubric
from bot.llm.types import Busy, LlmError, Overdue, Priority, RateLimited, Unavailable
from bot.metrics import create_metrics
from tests.bot.llm.models import local, model, remote
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import Call, LlmApi, Say, agreeable, digit, llm_api
from tests.fakes.loop_time import leap, turns


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


async def score(llm: Llm, rubric: Rubric = Rubric.QUESTION) -> float:
    texts = {"message": "how?"}
    if rubric is Rubric.DODGE:
        texts = {"question": "how?", "answer": "so"}
    return (await llm.score(rubric, chinese=False, **texts)).value


async def answer(llm: Llm, text: list[str] | None = None) -> str:
    async def show(shown: str) -> None:
        if text is not None:
            text.append(shown)

    passage = "It listens on port 7311."
    return (await llm.answer("which port?", [passage], "", on_text=show)).text


async def until(come: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not come():
            await asyncio.sleep(0.002)


def each(api: LlmApi) -> list[str]:
    return [call.kind for call in api.calls]


async def test_mentions_go_first_and_then_what_is_nearly_done(api: LlmApi) -> None:
    held = asyncio.Event()
    api.script = lambda _: Say("9", {9: 1.0}, until=held)
    async with model({"remote": remote(api, concurrency=1)}) as llm:
        unprompted, mention = llm.ranked(mention=False), llm.ranked(mention=True)
        begun = llm.ranked(mention=False, begun=True)
        asked: list[asyncio.Task[object]] = []

        async def ask(work: "asyncio.Task[object]") -> None:
            asked.append(work)
            await turns()

        await ask(asyncio.create_task(score(llm)))  # is being served
        await until(lambda: len(api.calls) == 1)
        await ask(asyncio.create_task(score(unprompted)))
        await ask(asyncio.create_task(unprompted.rewrite("and?", "", chinese=False)))
        await ask(asyncio.create_task(answer(unprompted)))
        await ask(asyncio.create_task(score(begun, Rubric.UNSAFE)))
        await ask(asyncio.create_task(score(mention)))
        await ask(asyncio.create_task(answer(mention)))
        await ask(asyncio.create_task(score(mention, Rubric.DODGE)))
        held.set()
        await asyncio.gather(*asked)
    assert each(api)[1:] == [
        "dodge", "answer", "question",  # of mentions, what is nearly done first
        "unsafe", "answer", "question", "rewrite",  # and of the others, equals as they came
    ]  # fmt: skip


async def test_who_gives_up_does_not_hold_up_the_others(api: LlmApi) -> None:
    held = asyncio.Event()
    api.script = lambda _: Say("9", {9: 1.0}, until=held)
    async with model({"remote": remote(api, concurrency=1)}) as llm:
        asked = [asyncio.create_task(score(llm)) for _ in range(6)]
        await until(lambda: len(api.calls) == 1)
        await asyncio.sleep(0.01)
        for number in (0, 1, 3):
            asked[number].cancel()
        held.set()
        done = await asyncio.gather(*asked, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in done] == [
            True, True, False, True, False, False,
        ]  # fmt: skip
        assert await score(llm) > 9


async def test_no_turn_is_left_unused() -> None:
    queue, order = RequestQueue(FakeClock(), 2, 0, 0), list[int]()
    ends = [asyncio.Event() for _ in range(6)]

    async def hold(number: int) -> None:
        async with queue.turn(Priority(), number, 1, FakeClock().now() + 900):
            order.append(number)
            await ends[number].wait()
        if number == 2:
            tasks[4].cancel()  # the one that was just called

    tasks = [asyncio.create_task(hold(number)) for number in range(6)]
    await turns()
    assert order == [0, 1]
    ends[0].set()
    ends[1].set()  # two are free at the same moment
    await turns()
    assert order == [0, 1, 2, 3]
    ends[2].set()
    await turns()
    assert order == [0, 1, 2, 3, 5]
    for end in ends:
        end.set()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(("sharers", "at_once"), [(1, 12), (3, 4), (50, 1)])
async def test_processes_that_share_a_limit_have_a_share_each(sharers: int, at_once: int) -> None:
    """A tenth of a minute's 120 requests may come at once, from all of them together."""
    clock = FakeClock()
    queue, begun = RequestQueue(clock, 99, 120, 0, lambda: sharers), list[int]()

    async def ask(number: int) -> None:
        async with queue.turn(Priority(), number, 1, clock.now() + 900):
            begun.append(number)

    tasks = [asyncio.create_task(ask(number)) for number in range(20)]
    await turns()
    assert len(begun) == at_once
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_waits_too_long_for_a_turn_is_told_so(api: LlmApi) -> None:
    api.script = lambda _: Say(hang=True)
    timeouts = {"wait_s": 20, "score_s": 3600}
    async with model({"remote": remote(api, concurrency=1), "timeouts": timeouts}) as llm:
        first = asyncio.create_task(score(llm))
        await until(lambda: len(api.calls) == 1)
        second = asyncio.create_task(score(llm))
        while not second.done():
            await asyncio.sleep(0.002)
            leap(21)
        with pytest.raises(Busy, match="no turn came"):
            second.result()
        assert llm.hybrid.up
        assert not first.done()  # what has begun is not cut short
        first.cancel()


async def relevance(llm: Llm) -> list[float]:
    passages = ["one", "two", "three", "four", "five"]
    scores = await llm.score_each(
        Rubric.RELEVANCE, "passage", passages, chinese=False, question="which port?"
    )
    return [score.value for score in scores]


async def test_a_low_limit_per_minute_makes_it_slow_and_nothing_else(api: LlmApi) -> None:
    clock = FakeClock()
    started = clock.now()
    async with model({"remote": remote(api, rpm=3)}, clock) as llm:
        asked = asyncio.create_task(relevance(llm))
        while not asked.done():
            await asyncio.sleep(0.002)
            clock.jump()
        assert asked.result() == [10.0] * 5
    assert clock.now() - started == pytest.approx(40, abs=1)


async def test_scores_that_came_are_used_though_the_others_found_no_turn(api: LlmApi) -> None:
    clock = FakeClock()
    sections = {"remote": remote(api, rpm=3), "timeouts": {"wait_s": 30}}
    async with model(sections, clock) as llm:
        asked = asyncio.create_task(relevance(llm))
        while not asked.done():
            await asyncio.sleep(0.002)
            clock.jump()
        assert sorted(asked.result()) == [0.0, 10.0, 10.0, 10.0, 10.0]
        assert len(api.calls) == 4


async def test_mentions_go_first_where_requests_are_rationed_too(api: LlmApi) -> None:
    clock = FakeClock()
    async with model({"remote": remote(api, rpm=1)}, clock) as llm:
        await score(llm)
        unprompted = [asyncio.create_task(score(llm)) for _ in range(3)]
        await until(lambda: clock.waiting == 1)
        mention = asyncio.create_task(score(llm.ranked(mention=True), Rubric.DODGE))
        await turns()
        clock.jump()
        assert await mention == 0.0
        assert not any(task.done() for task in unprompted)
        for task in unprompted:
            task.cancel()
        await asyncio.gather(*unprompted, return_exceptions=True)
    assert each(api) == ["question", "dodge"]


async def test_another_backend_is_asked_rather_than_a_long_pause_waited_for() -> None:
    clock, metrics = FakeClock(), create_metrics()
    pause = Say(status=429, headers={"Retry-After": "25"})
    counted = b'llm_calls_total{backend="local",result="RateLimited",route="score"} 1.0'
    async with llm_api(lambda _: pause) as one, llm_api() as other:  # noqa: SIM117 - made of both
        async with model({"local": local(one), "remote": remote(other)}, clock, metrics) as llm:
            for _ in range(4):
                assert await score(llm) > 9
            assert (len(one.calls), len(other.calls)) == (1, 4)
            assert counted in metrics.render()  # the pause is remembered
            assert llm.hybrid.up
            one.script = agreeable()
            clock.advance(20)
            await score(llm)
            assert len(one.calls) == 1
            clock.advance(5)
            await score(llm)
            assert (len(one.calls), len(other.calls)) == (2, 5)


async def test_a_short_pause_is_waited_for() -> None:
    clock = FakeClock()
    pauses = [Say(status=429, headers={"Retry-After": "1.5"})]
    async with (
        llm_api(lambda _: pauses.pop() if pauses else digit(9)) as one,
        llm_api() as other,
        model({"local": local(one), "remote": remote(other)}, clock) as llm,
    ):
        asked = asyncio.create_task(score(llm))
        while not asked.done():
            await asyncio.sleep(0.002)
            clock.jump()
        assert (len(one.calls), len(other.calls)) == (2, 0)


async def test_a_long_pause_is_waited_for_where_nobody_stands_in() -> None:
    clock = FakeClock()
    started = clock.now()
    pauses = [Say(status=429, headers={"Retry-After": "25"})]
    async with (
        llm_api(lambda _: pauses.pop() if pauses else digit(9)) as one,
        llm_api(lambda _: Say(status=400, message="content policy violation")) as other,
        model({"local": local(one), "remote": remote(other)}, clock) as llm,
    ):
        asked = asyncio.create_task(score(llm))
        while not asked.done():
            await asyncio.sleep(0.002)
            clock.jump()
        assert asked.result() > 9
        assert len(other.calls) == 1
    assert clock.now() - started == pytest.approx(25, abs=0.5)


async def test_a_pause_may_be_told_as_a_time_of_day(api: LlmApi) -> None:
    clock = FakeClock()  # whose day is another one than the server's
    started = clock.now()
    at = formatdate(time.time() + 40, usegmt=True)
    pauses = [Say(status=429, headers={"Retry-After": at})]
    api.script = lambda _: pauses.pop() if pauses else digit(9)
    async with model({"remote": remote(api)}, clock) as llm:
        asked = asyncio.create_task(score(llm))
        while not asked.done():
            await asyncio.sleep(0.002)
            clock.jump()
    assert 20 <= clock.now() - started <= 41


@pytest.mark.parametrize(
    ("timeouts", "say", "error", "said"),
    [
        ({"first_chunk_s": 0.1}, Say(hang=True), Overdue, "did not begin its answer in 0.1 s"),
        ({"chunk_s": 0.1}, Say("It is port 7311 [1].", hold=asyncio.Event()), Unavailable,
         "was silent for 0.1 s"),
        ({"answer_s": 0.1}, Say("It is port 7311 [1].", hold=asyncio.Event()), Overdue,
         "did not answer within 0.1 s"),
    ],
)  # fmt: skip
async def test_a_stream_that_stalls_is_given_up(
    api: LlmApi, timeouts: dict[str, float], say: Say, error: type[LlmError], said: str
) -> None:
    api.script = lambda _: say
    async with model({"remote": remote(api), "timeouts": timeouts, "retries": 0}) as llm:
        with pytest.raises(error, match=said):
            await answer(llm)


async def test_who_looks_on_slowly_is_not_the_servers_silence(api: LlmApi) -> None:
    shown: list[str] = []

    async def show(text: str) -> None:
        if not shown:
            leap(61)
        shown.append(text)

    timeouts = {"chunk_s": 60}
    async with model({"remote": remote(api), "timeouts": timeouts, "retries": 0}) as llm:
        done = await llm.answer("which port?", ["7311"], "", on_text=show)
        assert done.text == shown[-1]


async def test_another_server_is_asked_when_one_does_not_answer_in_time() -> None:
    def hangs(_: Call) -> Say:
        return Say(hang=True, takes_s=61)

    async with (
        llm_api(hangs) as one,
        llm_api() as two,
        model({"local": local(one, two), "timeouts": {"score_s": 60}, "retries": 0}) as llm,
    ):
        for _ in range(2):
            assert await score(llm) > 9
        assert (len(one.calls), len(two.calls)) == (1, 2)


async def test_a_retry_goes_to_another_server_though_that_is_busier() -> None:
    held = asyncio.Event()
    async with (
        llm_api(lambda _: Say(status=500)) as one,
        llm_api(lambda _: Say("9", {9: 1.0}, until=held)) as two,
        model({"local": local(one, two)}, FakeClock()) as llm,
    ):
        asked = [asyncio.create_task(score(llm)) for _ in range(2)]
        await until(lambda: len(two.calls) == 2)
        assert len(one.calls) == 1
        held.set()
        assert min(await asyncio.gather(*asked)) > 9


async def test_a_pause_longer_than_a_try_may_take_is_not_waited_for(api: LlmApi) -> None:
    api.script = lambda _: Say(status=429, headers={"Retry-After": "61"})
    async with model({"remote": remote(api)}) as llm:
        for _ in range(3):
            with pytest.raises(RateLimited):
                await score(llm)
    assert len(api.calls) == 1
