"""What becomes of the platform's errors, its tokens and its limits."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from adapters import rest
from adapters.base import AdapterError, LoginRefused, NetworkError, RateLimited, SendRefused
from adapters.lark import codes
from adapters.lark.content import Me
from adapters.lark.events import parse_item
from tests.adapters.lark.stand import CHAT, adapter, reply, until
from tests.fakes.clock import FakeClock
from tests.fakes.lark_rest import Refused
from tests.fakes.lark_server import BOT, SECRET, FakeLark
from tests.fakes.loop_time import leap


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refused(99991400, 429, x_ogw_ratelimit_reset="7"), RateLimited),
        (Refused(230020), RateLimited),
        (Refused(None, 429), RateLimited),
        (Refused(99991672), codes.ScopeMissing),
        (Refused(230027), codes.ScopeMissing),
        (Refused(230002), SendRefused),
        (Refused(230011), codes.Gone),
        (Refused(230110), codes.Gone),
        (Refused(230050), codes.Gone),
        (Refused(230022), SendRefused),
        (Refused(230001), SendRefused),
        (Refused(123456), SendRefused),
        (Refused(2200, 200), NetworkError),
        (Refused(230049), NetworkError),
        (Refused(None, 502), NetworkError),
        (Refused(None, 404), NetworkError),
        (Refused(55, 500), NetworkError),
    ],
    ids=lambda given: str(getattr(given, "code", "")),
)
async def test_codes_become_errors(
    lark: FakeLark, refusal: Refused, error: type[AdapterError]
) -> None:
    lark.order("send", refusal)
    async with adapter(lark) as one:
        with pytest.raises(error) as caught:
            await one.send(reply())
        if refusal.code is not None:
            assert f"code {refusal.code}" in str(caught.value)
            assert "log-1" in str(caught.value)
            assert one.link().calls["send", str(refusal.code)] == 1
        await one.send(reply())  # and it goes on
    assert len(lark.chats.posted(CHAT)) == 1


async def test_the_platform_says_how_long_to_wait(lark: FakeLark) -> None:
    lark.order("send", Refused(99991400, 429, x_ogw_ratelimit_reset="7"), Refused(99991400))
    async with adapter(lark) as one:
        for seconds in (7.0, 1.0):
            with pytest.raises(RateLimited) as caught:
                await one.send(reply())
            assert caught.value.retry_after_s == seconds


async def test_an_answer_that_is_lost_can_be_asked_for_again(lark: FakeLark) -> None:
    lark.hold["send"] = asyncio.Event()
    async with adapter(lark) as one:
        sending = asyncio.create_task(one.send(reply()))
        await until(lambda: lark.held)
        leap(rest.TIMEOUT_S + 1)
        with pytest.raises(NetworkError, match="did not answer"):
            await sending
        assert one.link().calls["send", "unreachable"] == 1
        lark.hold.pop("send").set()
        await one.send(reply())


async def test_a_token_is_renewed_before_it_expires() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark, adapter(lark, clock=clock) as one:
        for elapsed, tokens in ((0, 1), (6000, 1), (700, 2)):
            clock.advance(elapsed)
            await one.send(reply(f"after {elapsed}"))
            assert len(lark.asked("token")) == tokens
    assert all(call.code == 0 for call in lark.calls)


async def test_a_refused_token_is_replaced_once(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        await one.send(reply("one"))
        lark.revoke_tokens()
        await one.send(reply("two", group="oc_2"))
        assert len(lark.asked("token")) == 2
        lark.order("send", Refused(99991663), Refused(99991663))
        with pytest.raises(NetworkError, match="token"):
            await one.send(reply("three", group="oc_3"))
        assert len(lark.asked("token")) == 3


async def test_many_at_once_ask_for_one_token(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        await asyncio.gather(*(one.reread(_message(lark, n)) for n in range(8)))
    assert len(lark.asked("token")) == 1
    assert len(lark.asked("get_message")) == 8


def _message(lark: FakeLark, number: int) -> Any:
    item = lark.chats.say(CHAT, f"message {number}")
    return parse_item(item, Me("lark", "cli_dou", BOT), private=False)


async def test_a_wrong_secret_is_told_when_sending_too(lark: FakeLark) -> None:
    async with adapter(lark, app_secret="wrong") as one:
        with pytest.raises(LoginRefused, match="app_secret"):
            await one.send(reply())


async def test_a_groups_budget_is_kept_ahead_of_time() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark, adapter(lark, clock=clock) as one:
        sent = refused = 0
        for number in range(60):
            try:
                await one.send(reply(f"number {number}"))
                sent += 1
            except RateLimited as error:
                refused += 1
                assert 0 < error.retry_after_s <= 1
            clock.advance(0.1)
        assert len(lark.asked("send")) == sent  # what was refused was not even asked
        assert 15 <= sent <= 25
        assert refused
        assert lark.rest.over_budget == []


async def test_the_apps_budget_is_kept_ahead_of_time() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark, adapter(lark, clock=clock) as one:
        for number in range(1500):
            with suppress(RateLimited):
                await one.send(reply("hi", key=f"k{number}", group=f"oc_{number}"))
            clock.advance(0.02)
        at = [call.at for call in lark.asked("send")]
    assert max(sum(t <= x < t + 1 for x in at) for t in at) <= 50
    assert len(at) <= 1000


async def test_no_secret_in_any_error(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        await one.send(reply())
        token = next(iter(lark.apps["cli_dou"].tokens))
        for refusal in (Refused(99991663), Refused(230001), Refused(None, 502)):
            lark.order("send", refusal, refusal)
            with pytest.raises(AdapterError) as caught:
                await one.send(reply("secret words", group=str(refusal.code)))
            for secret in (SECRET, token, "secret words"):
                assert secret not in repr(caught.value)
            lark._ordered.clear()
    assert SECRET not in repr(one._settings)
