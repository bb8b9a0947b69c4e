"""What WeCom refuses, and the rates that are kept so that it need not."""

import pytest

from adapters.base import LoginRefused, NetworkError, RateLimited, SendRefused
from adapters.wecom.adapter import chat_budget
from tests.adapters.wecom.running import answer, once, running
from tests.fakes.clock import FakeClock
from tests.fakes.wecom_server import Say


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (-1, NetworkError),
        (40058, SendRefused),
        (40201, SendRefused),
        (846607, SendRefused),
        (853000, LoginRefused),
        (99, SendRefused),
        (45009, RateLimited),
        (45033, RateLimited),
    ],
)
@pytest.mark.parametrize("in_place", [True, False])
async def test_codes_become_errors(code: int, error: type[Exception], in_place: bool) -> None:
    async with running() as live:
        asked = await live.ask()
        command = "aibot_respond_msg" if in_place else "aibot_send_msg"
        live.server.script = once(command, Say(code=code))
        with pytest.raises(error, match=str(code)):
            await live.adapter.send(answer(asked if in_place else None))
        assert live.server.in_chat("wrk1") == []
        assert live.adapter.link().calls[command, str(code)] == 1


async def test_a_chat_unknown_to_the_bot_is_refused() -> None:
    async with running() as live:
        with pytest.raises(SendRefused, match="nobody in this chat"):
            await live.adapter.send(answer(None, group="wrk9"))


async def test_a_forgotten_sign_in_ends_the_connection_and_the_reply_is_worth_a_retry() -> None:
    async with running() as live:
        asked = await live.ask()
        live.server.forget()
        with pytest.raises(NetworkError, match="846609"):
            await live.adapter.send(answer(asked))
        assert "forgotten" in str(await live.ended())
        await live.connect()
        await live.adapter.send(answer(asked))
        assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]


async def test_the_budget_is_kept_ahead_of_time() -> None:
    clock = FakeClock()
    async with running(clock) as live:
        await live.ask()
        refused = 0
        for number in range(200):
            try:
                await live.adapter.send(answer(None, key=f"k{number}"))
            except RateLimited as error:
                refused += 1
                assert 0 < error.retry_after_s <= 60
                clock.advance(error.retry_after_s)
        assert refused
        assert live.server.most_in_a_minute["wrk1"] <= 30
        assert len(live.server.pushes) == 200 - refused
        assert ("aibot_send_msg", "45009") not in live.adapter.link().calls


async def test_an_hour_has_its_limit_too() -> None:
    clock = FakeClock()
    budget, end, spent = chat_budget(clock), clock.now() + 3600, 0
    while clock.now() < end:
        pause = budget.pause("wrk1")
        spent += not pause
        clock.advance(pause)
    assert 950 <= spent <= 1000


async def test_a_chat_that_had_too_many_is_left_alone_for_a_minute_and_the_others_are_not() -> None:
    clock = FakeClock()
    async with running(clock) as live:
        await live.ask()
        await live.ask(group="wrk2")
        live.server.script = once("aibot_send_msg", Say(code=45009))
        with pytest.raises(RateLimited):
            await live.adapter.send(answer(None))
        with pytest.raises(RateLimited) as blocked:
            await live.adapter.send(answer(None))
        assert blocked.value.retry_after_s == pytest.approx(60)
        assert len(live.server.commands("aibot_send_msg")) == 1
        await live.adapter.send(answer(None, group="wrk2"))
        clock.advance(61)
        await live.adapter.send(answer(None))
