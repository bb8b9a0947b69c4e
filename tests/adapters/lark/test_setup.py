"""Settings, the walk through the setup, and that the documentation names every setting."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import adapters.lark
from adapters.base import Finding
from adapters.lark.settings import Settings
from tests.adapters.lark.stand import CHAT, Listener, adapter, running, settings
from tests.fakes.lark_server import SECRET, FakeLark

DOCS = Path(__file__).parents[3] / "docs"
LEAST = {"kind": "lark", "app_id": "cli_1", "app_secret": "s"}
GRANTED = (
    "im:message",
    "im:message.group_msg",
    "im:message.p2p_msg:readonly",
    "im:chat:readonly",
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("feishu", "https://open.feishu.cn"),
        ("Lark", "https://open.larksuite.com"),
        ("https://open.feishu.cn/", "https://open.feishu.cn"),
        ("https://lark.company.example:8443", "https://lark.company.example:8443"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://localhost:9000", "http://localhost:9000"),
    ],
)
def test_domains(written: str, meant: str) -> None:
    assert Settings.model_validate({**LEAST, "domain": written}).domain == meant


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "http://open.feishu.cn"},
        {"domain": "open.feishu.cn"},
        {"domain": "https://open.feishu.cn/open-apis"},
        {"domain": "https://user:pw@open.feishu.cn"},
        {"domain": "https://open.feishu.cn?x=1"},
        {"domain": ""},
        {"app_id": ""},
        {"app_id": "a b"},
        {"app_secret": ""},
        {"mode": "webhook"},
        {"mode": "callback"},
        {"mode": "callback", "encrypt_key": "k"},
        {"mode": "callback", "verification_token": "t"},
        {"poll_history_s": 1},
        {"poll_history_s": -1},
        {"thinking_reaction": "🤔"},
        {"name": "a:b"},
        {"color": "red"},
    ],
    ids=str,
)
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({**LEAST, **wrong})


def test_secrets_are_not_shown() -> None:
    given = {"mode": "callback", "encrypt_key": "kkk-1", "verification_token": "ttt-1"}
    made = Settings.model_validate({**LEAST, "app_secret": "sss-1", **given})
    for secret in ("sss-1", "kkk-1", "ttt-1"):
        assert secret not in f"{made!r} {made} {made.model_dump()}"


def test_the_package_offers_what_a_platform_has_to() -> None:
    assert adapters.lark.Settings is Settings
    assert callable(adapters.lark.create)


async def findings(lark: FakeLark, **more: Any) -> list[Finding]:
    async with adapter(lark, **more) as one:
        return [finding async for finding in one.check()]


def marks(found: list[Finding], word: str) -> list[str]:
    """The marks of the findings that speak of something."""
    return [finding.mark for finding in found if word in finding.text]


async def test_a_good_setup(lark: FakeLark) -> None:
    lark.apps["cli_dou"].scopes = dict.fromkeys(GRANTED, 1)
    lark.chats.say(CHAT, "hi")
    found = await findings(lark)
    assert [f for f in found if f.mark == "bad"] == []
    assert marks(found, "the bot is 豆哥") == ["ok"]
    assert marks(found, "can be opened") == ["ok"]
    assert marks(found, "1 groups") == ["ok"]
    assert marks(found, "history of a group can be read") == ["ok"]
    assert marks(found, "card.action.trigger") == ["note"]
    assert lark.connections == 0


async def test_a_running_bot_is_not_disturbed(lark: FakeLark, bot: Listener) -> None:
    async with running(adapter(lark, bot), bot.publish):
        await findings(lark)
        assert lark.connections == 1
        assert await lark.push_message(lark.chats.say(CHAT, "hi")) == {"code": 200}


async def test_each_point_that_is_missing_is_named(lark: FakeLark) -> None:
    app = lark.apps["cli_dou"]
    app.active = 1
    app.scopes = {"im:message.group_at_msg:readonly": 1, "im:message:send_as_bot": 2}
    lark.stream_refusal = {"code": 1000040345, "msg": "not in long connection mode"}
    lark.chats.say(CHAT, "hi")
    app.forbidden = {"history"}
    found = await findings(lark, streaming=True)
    assert marks(found, "publish a version in the developer console") == ["bad"]
    assert marks(found, "im:message:send_as_bot is missing") == ["bad"]
    assert marks(found, "im:message.group_at_msg:readonly is missing") == []
    assert marks(found, "im:message.group_msg is missing") == ["note"]
    assert marks(found, "cardkit:card:write is missing") == ["note"]
    assert marks(found, "long connection is refused") == ["bad"]
    assert marks(found, "recover and poll_history_s do nothing") == ["note"]


async def test_wrong_credentials_are_found_first(lark: FakeLark) -> None:
    (found,) = await findings(lark, app_secret="not-the-secret")
    assert found.mark == "bad"
    assert "app_secret" in found.text
    assert "not-the-secret" not in found.text


async def test_no_group_and_no_permission_to_ask(lark: FakeLark) -> None:
    assert marks(await findings(lark), "in no group") == ["note"]
    lark.apps["cli_dou"].forbidden = {"scopes", "list_chats"}
    found = await findings(lark)
    assert marks(found, "does not tell the permissions") == ["note"]
    assert marks(found, "groups can't be listed") == ["note"]


async def test_callbacks_are_explained(lark: FakeLark) -> None:
    given = {"mode": "callback", "encrypt_key": "k", "verification_token": "t", "name": "dou"}
    found = await findings(lark, **given)
    assert marks(found, "/lark/dou/events") == ["note"]
    assert lark.asked("discover") == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_setting_is_documented(language: str) -> None:
    text = (DOCS / language / "lark.md").read_text(encoding="utf-8")
    assert [key for key in Settings.model_fields if f"`{key}`" not in text] == []


def test_a_secret_is_no_part_of_the_adapters_picture(lark: FakeLark) -> None:
    assert SECRET not in repr(settings(lark))
