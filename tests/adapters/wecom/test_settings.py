"""Settings, and the walk through the setup."""

from typing import Any

import pytest
from pydantic import ValidationError

import adapters.wecom
from adapters.base import Finding
from adapters.wecom.settings import Settings
from tests.adapters.wecom.running import Running, adapter_on, running, until
from tests.fakes.wecom_server import SECRET


def settings(**more: Any) -> Settings:
    return Settings.model_validate({"kind": "wecom", "bot_id": "B", "secret": SECRET, **more})


def test_the_defaults() -> None:
    made = settings()
    assert made.ws_url == "wss://openws.work.weixin.qq.com"
    assert (made.name, made.bot_name, made.streaming, made.welcome) == ("wecom", "", False, "")
    assert adapters.wecom.Settings is Settings


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"bot_id": " "}, "bot_id"),
        ({"secret": " \n"}, "copy the Secret"),
        ({"ws_url": "https://openws.work.weixin.qq.com"}, "such as wss://"),
        ({"ws_url": "ws://openws.work.weixin.qq.com"}, "must begin with wss"),
        ({"ws_url": "ws://127.0.0.1.evil.test"}, "must begin with wss"),
        ({"ws_url": "wss://"}, "such as wss://"),
        ({"ws_url": "wss://[x"}, "such as wss://"),
        ({"proxy": "socks5://user:pass@p"}, "http://"),
        ({"ping_s": 1}, "ping_s"),
        ({"nmae": "x"}, "nmae"),
    ],
)
def test_wrong_settings_are_refused_and_not_quoted(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings(**more)
    assert says in str(error.value)
    assert SECRET not in str(error.value)
    assert "pass" not in str(error.value).replace("proxy", "")


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9", "ws://localhost:9", "ws://[::1]:9"])
def test_on_the_own_machine_the_secret_may_travel_in_clear(url: str) -> None:
    assert settings(ws_url=url).ws_url == url


async def findings(live: Running, **more: Any) -> list[Finding]:
    adapter = adapter_on(live.server, **more)
    return [finding async for finding in adapter.check()]


async def test_check_walks_through_the_setup_and_names_what_it_disturbs() -> None:
    async with running(connect=False) as live:
        found = await findings(live)
        assert [finding.mark for finding in found] == ["ok", "note", "ok", "note"]
        assert "loses its connection by this check" in found[1].text
        assert "智能机器人" in found[3].text
        await until(lambda: not live.server.online)


async def test_check_names_the_settings_that_are_wrong() -> None:
    async with running(connect=False) as live:
        found = await findings(live, secret="wrong")
        assert [finding.mark for finding in found] == ["ok", "note", "bad"]
        assert "copy BotID and Secret again" in found[2].text
        live.server.status = 502
        (bad,) = await findings(live)
        assert (bad.mark, "HTTP 502" in bad.text, "ws_url" in bad.text) == ("bad", True, True)


async def test_check_leaves_its_own_connection_alone() -> None:
    async with running() as live:
        found = [finding async for finding in live.adapter.check()]
        assert found == [Finding("ok", "the long connection is up")]
        assert live.server.kicked == 0
