"""What is kept within the limits, and what is known after a failure."""

import asyncio
from typing import Any

import pytest

from adapters.base import (
    AdapterError,
    LoginRefused,
    NetworkError,
    RateLimited,
    SendRefused,
    SetupRefused,
    Unconfirmed,
)
from adapters.dingtalk.adapter import DingTalkAdapter
from adapters.dingtalk.codes import GROUP_PAUSE_S
from tests.adapters.dingtalk.running import opened, reply, running
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_api import Answer
from tests.fakes.dingtalk_server import DingTalkServer

SEND, PERSON = "robot/groupMessages/send", "robot/oToMessages/batchSend"
REFUSES = Answer(400, {"code": "invalidParameter.robotCode.empty", "message": "no"})
GONE = Answer(200, {"errcode": 300001, "errmsg": "session 不存在"})


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, {"status": 1111, "wait": 7, "source": "x5"}), RateLimited),
        (Answer(403, {"status": 1111, "wait": "?"}), RateLimited),
        (Answer(403, {"code": "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"}), RateLimited),
        (Answer(429, {}), RateLimited),
        (Answer(503, {"code": "ServiceUnavailable"}), NetworkError),
        (Answer(500, {"code": "unknownError"}), Unconfirmed),
        (Answer(502, None), Unconfirmed),
        (REFUSES, SetupRefused),
        (Answer(400, {"code": "bot.stopped"}), SetupRefused),
        (Answer(400, {"code": "invalidParameter.msgParam.tooLong"}), SendRefused),
        (Answer(403, {"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied"}), SetupRefused),
        (Answer(404, None), SendRefused),
        (Answer(302, None), SendRefused),
        (Answer(200, None), Unconfirmed),
        (Answer(cut=True), Unconfirmed),
        (Answer(cut=True, obey=True), Unconfirmed),
    ],
)
async def test_what_the_robot_api_may_answer(
    server: DingTalkServer, clock: FakeClock, answer: Answer, kind: type[AdapterError]
) -> None:
    async with opened(server, clock) as adapter:
        server.answers[SEND].append(answer)
        with pytest.raises(AdapterError) as raised:
            await adapter.send(reply())
        assert type(raised.value) is kind
        assert server.calls[SEND] == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, {"errcode": 130101, "errmsg": "send too fast"}), RateLimited),
        (Answer(200, {"errcode": 410100}), RateLimited),
        (Answer(200, {"errcode": 90018}), RateLimited),
        (Answer(200, {"status": 1111, "wait": 5}), RateLimited),
        (Answer(429, None), RateLimited),
        (Answer(200, {"errcode": 310000}), SetupRefused),
        (Answer(200, {"errcode": 460101}), SendRefused),
        (Answer(200, {"errcode": -1}), Unconfirmed),
        (Answer(200, None), Unconfirmed),
        (Answer(200, {"errcode": "0"}), Unconfirmed),
        (Answer(500, {}), Unconfirmed),
        (Answer(503, {}), Unconfirmed),
        (Answer(cut=True, obey=True), Unconfirmed),
    ],
)
async def test_what_a_session_webhook_may_answer(
    server: DingTalkServer, clock: FakeClock, answer: Answer, kind: type[AdapterError]
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        server.answers["sessionWebhook"].append(answer)
        with pytest.raises(AdapterError) as raised:
            await bot.adapter.send(reply())
        assert type(raised.value) is kind
        assert server.calls["sessionWebhook"] == 1
        assert server.calls[SEND] == 0


async def test_a_group_never_gets_more_than_the_platform_allows(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock) as adapter:
        for _ in range(60):
            await patiently(adapter, clock, reply())
        assert len(server.posted) == 60
        assert server.too_fast == []
        assert server.calls[SEND] == 60


async def test_a_group_that_waits_does_not_hold_up_another(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock) as adapter:
        with pytest.raises(RateLimited):
            for _ in range(30):
                await adapter.send(reply())
        clock.advance(1.0)
        await adapter.send(reply(group="cidB=="))


async def test_a_group_that_was_too_fast_is_left_alone_for_ten_minutes(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        server.answers["sessionWebhook"].append(Answer(200, {"errcode": 130101}))
        with pytest.raises(RateLimited) as raised:
            await bot.adapter.send(reply())
        assert raised.value.retry_after_s == GROUP_PAUSE_S
        clock.advance(GROUP_PAUSE_S - 10)
        with pytest.raises(RateLimited):
            await bot.adapter.send(reply())
        assert server.calls["sessionWebhook"] == 1
        clock.advance(11)
        await bot.adapter.send(reply())
        assert len(server.posted) == 1


async def test_a_platform_that_cannot_be_reached(clock: FakeClock, server: DingTalkServer) -> None:
    async with opened(server, clock, openapi_endpoint="http://127.0.0.1:1") as adapter:
        with pytest.raises(NetworkError, match=r"127\.0\.0\.1"):
            await adapter.send(reply())


async def test_tokens_are_kept_and_renewed_before_they_run_out(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock) as adapter:
        await asyncio.gather(*(adapter.send(reply(group=f"cid{n}")) for n in range(5)))
        assert server.calls["oauth2/accessToken"] == 1
        clock.advance(server.token_s - 200)
        await adapter.send(reply())
        assert server.calls["oauth2/accessToken"] == 2
        assert adapter.link().calls["robot/groupMessages/send", "ok"] == 6


async def test_a_token_that_is_void_is_replaced_once(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock) as adapter:
        await adapter.send(reply())
        server.expire_tokens()
        await adapter.send(reply())
        assert len(server.posted) == 2
        server.answers[SEND].extend([Answer(401, {"code": "InvalidAuthentication"})] * 2)
        with pytest.raises(AdapterError, match="token"):
            await adapter.send(reply())
        assert server.calls[SEND] == 5


async def test_a_wrong_secret_names_the_setting(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, client_secret="wrong") as adapter:
        with pytest.raises(LoginRefused, match="client_secret"):
            await adapter.send(reply())


async def test_a_quota_that_is_used_up_stops_the_calls_and_says_so(
    server: DingTalkServer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(server, clock) as adapter:
        gone = Answer(403, {"code": "Forbidden.AccessDenied.ApiCountLimitForOrg"})
        server.answers[SEND].append(gone)
        for _ in range(3):
            with pytest.raises(SendRefused, match="month"):
                await adapter.send(reply())
        assert server.calls[SEND] == 1
        assert "month" in caplog.text
        (told,) = adapter.link().refused
        assert (told.call, told.code) == ("API calls", gone.body["code"])
        assert "month" in told.en and "额度" in told.zh
        clock.advance(3601)
        await adapter.send(reply())
        assert len(server.posted) == 1
        assert adapter.link().refused == ()


async def test_the_webhooks_quota(
    server: DingTalkServer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        server.answers["sessionWebhook"].append(Answer(200, {"errcode": 90030}))
        with pytest.raises(SendRefused, match="quota"):
            await bot.adapter.send(reply())
        assert "quota" in caplog.text
        assert [told.code for told in bot.adapter.link().refused] == ["90030"]


async def test_every_mention_is_answered_once_though_calls_fail(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        server.failing = 0.2
        for number in range(60):
            group = f"cid{number % 6}"
            without = {"sessionWebhook": None} if number % 2 else {}
            await bot.hears(server.message(conversationId=group, **without))
            if number % 7 == 3:
                server.expire_tokens()
            await patiently(bot.adapter, clock, reply(f"answer {number}", group=group))
        texts = [posted.text.removeprefix("@ann\n\n") for posted in server.posted]
        assert texts == [f"answer {number}" for number in range(60)]
        assert {posted.via for posted in server.posted} == {"session", "robot"}
        assert server.too_fast == []


async def patiently(adapter: DingTalkAdapter, clock: FakeClock, wanted: Any) -> None:
    """Sends as the outbox does: again under the same key, no sooner than asked."""
    for _ in range(50):
        try:
            await adapter.send(wanted)
        except RateLimited as error:
            clock.advance(error.retry_after_s)
        except NetworkError:
            continue
        else:
            return
    raise AssertionError("it was never sent")
