"""What the robots refuse, what stays uncertain, and the rates that are kept."""

import logging
from typing import Any

import pytest

from adapters import rest
from adapters.base import (
    AdapterError,
    NetworkError,
    RateLimited,
    SendRefused,
    SetupRefused,
    Unconfirmed,
)
from tests.adapters.webhook.running import Platform, reply, webhook
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_server import KEY, Say


@pytest.mark.parametrize(
    ("platform", "body", "error", "says"),
    [
        ("lark", {"code": 19001, "msg": "param invalid"}, SendRefused, "copy its address"),
        ("lark", {"code": 19021, "msg": "sign match fail"}, SendRefused, "`secret`"),
        ("lark", {"code": 19022, "msg": "Ip Not Allowed"}, SendRefused, "address"),
        ("lark", {"code": 19024, "msg": "Key Words Not Found"}, SendRefused, "keyword"),
        ("lark", {"code": 9499, "msg": "Bad Request"}, SendRefused, "malformed"),
        ("lark", {"code": 9499, "msg": "frequency limited"}, RateLimited, "9499"),
        ("lark", {"code": 11232, "msg": "frequency limited psm[x]"}, RateLimited, "11232"),
        ("lark", {"StatusCode": 19001}, SendRefused, "19001"),
        ("dingtalk", {"errcode": 310000, "errmsg": "签名不匹配"}, SendRefused, "`secret`"),
        ("dingtalk", {"errcode": 310000, "errmsg": "关键词不匹配"}, SendRefused, "keyword"),
        (
            "dingtalk",
            {"errcode": 310000, "errmsg": "ip X not in whitelist"},
            SendRefused,
            "machine",
        ),
        ("dingtalk", {"errcode": 310000, "errmsg": "?"}, SendRefused, "security settings"),
        ("dingtalk", {"errcode": 300005, "errmsg": "token"}, SendRefused, "copy its address"),
        ("dingtalk", {"errcode": 400102, "errmsg": "x"}, SendRefused, "stopped"),
        ("dingtalk", {"errcode": -1, "errmsg": "system busy"}, NetworkError, "busy"),
        ("dingtalk", {"errcode": 410100, "errmsg": "x"}, RateLimited, "410100"),
        ("dingtalk", {"errcode": 130101, "errmsg": "x", "status": 1111}, RateLimited, "130101"),
        ("dingtalk", {"status": 1111, "wait": 5, "punish": "deny"}, RateLimited, "130101"),
        ("dingtalk", {"errcode": 430101, "errmsg": "x"}, SendRefused, "link"),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, SendRefused, "copy"),
        ("wecom", {"errcode": 45009, "errmsg": "x"}, RateLimited, "45009"),
        ("wecom", {"errcode": 45033, "errmsg": "x"}, RateLimited, "45033"),
        ("wecom", {"errcode": 40058, "errmsg": "x"}, SendRefused, "too long"),
        ("wecom", {"errcode": 777, "errmsg": "x"}, SendRefused, "777"),
        ("wecom", {"errcode": "0"}, Unconfirmed, "HTTP 200"),
        ("wecom", "<html>please log in</html>", Unconfirmed, "HTTP 200"),
        ("wecom", [], Unconfirmed, "HTTP 200"),
    ],
)
async def test_http_200_with_a_refusal_is_a_refusal(
    platform: Platform, body: Any, error: type[AdapterError], says: str
) -> None:
    async with webhook(platform) as (server, adapter):
        server.script.append(Say(body))
        with pytest.raises(error, match=says) as refused:
            await adapter.send(reply())
        assert KEY not in repr(refused.value)
        told = isinstance(refused.value, SetupRefused)
        assert [one.en for one in adapter.link().refused] == [str(refused.value)] * told


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, SendRefused),
        (403, SendRefused),
        (404, SendRefused),
        (429, RateLimited),
        (500, Unconfirmed),
        (502, Unconfirmed),
        (503, NetworkError),
    ],
)
async def test_other_statuses(status: int, error: type[AdapterError]) -> None:
    async with webhook("wecom") as (server, adapter):
        server.script.append(Say("", status, {"Location": server.address("wecom")}))
        with pytest.raises(error):
            await adapter.send(reply())
        assert server.requests == 1  # a redirect is not followed
        assert adapter.link().calls["webhook", f"HTTP {status}"] == 1


async def test_a_refusal_of_the_platform_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with webhook("lark", secret="another") as (server, adapter):
        with pytest.raises(SendRefused, match="19021"):
            await adapter.send(reply())
        assert not server.posted
        assert adapter.link().calls["webhook", "19021"] == 1
        (told,) = adapter.link().refused
        assert (told.call, told.code) == ("webhook", "19021")
        assert "secret" in told.en and "`secret`" in told.zh
        server.signed = False
        await adapter.send(reply())
        assert adapter.link().refused == ()
    assert KEY not in caplog.text
    assert "another" not in caplog.text


@pytest.mark.parametrize("say", [Say(cut=True), Say(hang=True)])
async def test_what_may_have_been_posted_is_not_repeated(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "TIMEOUT_S", 0.1)
    async with webhook("wecom") as (server, adapter):
        server.script.append(say)
        with pytest.raises(Unconfirmed) as error:
            await adapter.send(reply())
        assert len(server.posted) == 1
        assert KEY not in repr(error.value)
        assert adapter.resend_s == 0


async def test_what_was_never_sent_is_worth_a_retry() -> None:
    async with webhook("wecom", url=f"http://127.0.0.1:9/cgi-bin/webhook/send?key={KEY}") as (
        _,
        adapter,
    ):
        with pytest.raises(NetworkError) as error:
            await adapter.send(reply())
        assert KEY not in repr(error.value)


@pytest.mark.parametrize(
    ("platform", "limit", "seconds"), [("lark", 100, 60), ("dingtalk", 20, 60), ("wecom", 20, 60)]
)
async def test_the_rate_is_kept_ahead_of_time(
    platform: Platform, limit: int, seconds: float
) -> None:
    clock = FakeClock()
    async with webhook(platform, clock) as (server, adapter):
        while len(server.posted) < 150:
            try:
                await adapter.send(reply())
            except RateLimited as error:
                clock.advance(error.retry_after_s)
        times = [posted.at for posted in server.posted]
        assert max(sum(t - seconds < at <= t for at in times) for t in times) <= limit
        if platform == "lark":
            assert max(sum(t - 1 < at <= t for at in times) for t in times) <= 5
        assert set(adapter.link().calls) == {("webhook", "ok")}


async def test_after_dingtalk_s_block_nothing_is_sent_for_ten_minutes() -> None:
    clock = FakeClock()
    async with webhook("dingtalk", clock) as (server, adapter):
        server.script.append(Say({"errcode": 410100, "errmsg": "send too fast"}))
        with pytest.raises(RateLimited) as first:
            await adapter.send(reply())
        assert first.value.retry_after_s == 600
        clock.advance(590)
        with pytest.raises(RateLimited) as second:
            await adapter.send(reply())
        assert second.value.retry_after_s == pytest.approx(10)
        assert server.requests == 1
        clock.advance(11)
        await adapter.send(reply())  # signed anew: the first signature may be too old by now
        assert len(server.posted) == 1
