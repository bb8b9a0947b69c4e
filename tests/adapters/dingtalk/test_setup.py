"""Settings, the check of a setup, the documentation, and secrets that stay secret."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.base import Finding, RateLimited
from adapters.dingtalk import Settings
from adapters.dingtalk.api import post_budget
from tests.adapters.dingtalk.running import GROUP, opened, reply, running
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_api import Answer
from tests.fakes.dingtalk_server import DingTalkServer

ROOT = Path(__file__).parents[3]
BASE = {"kind": "dingtalk", "client_id": "app", "client_secret": "secret"}
RECALL = "robot/groupMessages/recall"
DENIED = {
    "code": "Forbidden.AccessDenied.AccessTokenPermissionDenied",
    "message": "应用尚未开通所需的权限：[qyapi_robot_sendmsg]，点击链接申请",
}


def test_the_defaults() -> None:
    found = Settings.model_validate(BASE)
    assert found.openapi_endpoint == "https://api.dingtalk.com"
    assert found.robot == "app"
    assert Settings.model_validate({**BASE, "robot_code": "r"}).robot == "r"
    assert not (found.recallable or found.streaming or found.card_template_id)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"client_id": ""}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"openapi_endpoint": "http://api.dingtalk.com"}, "https://"),
        ({"openapi_endpoint": "api.dingtalk.com"}, "https://"),
        ({"openapi_endpoint": "http://[::1"}, "openapi_endpoint"),
        ({"streaming": True}, "card_template_id"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_settings_that_make_no_sense(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate({**BASE, **fields})


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://oapi.dingtalk.com/robot/sendBySession?session=x", True),
        ("http://oapi.dingtalk.com/robot/sendBySession?session=x", False),
        ("https://oapi.dingtalk.com:444/robot/sendBySession", False),
        ("https://x@oapi.dingtalk.com/robot/sendBySession", False),
        ("https://127.0.0.1/robot/sendBySession", False),
    ],
)
def test_only_dingtalk_s_own_webhooks_are_trusted(url: str, trusted: bool) -> None:
    assert Settings.model_validate(BASE).trusts_webhook(url) is trusted


def test_no_minute_holds_more_messages_than_are_allowed() -> None:
    clock = FakeClock()
    budget, sent = post_budget(clock), list[float]()
    for _ in range(3000):
        clock.advance(0.1)
        try:
            budget.take(GROUP)
        except RateLimited:
            continue
        sent.append(clock.now())
    assert len(sent) > 70
    assert all(sum(at <= other < at + 60 for other in sent) <= 20 for at in sent)


async def found(server: DingTalkServer, clock: FakeClock, **fields: Any) -> list[Finding]:
    async with opened(server, clock, **fields) as adapter:
        return [finding async for finding in adapter.check()]


def bad(findings: list[Finding]) -> str:
    return "\n".join(finding.text for finding in findings if finding.mark == "bad")


async def test_a_setup_that_is_right(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock):
        findings = await found(server, clock, card_template_id="t.schema", streaming=True)
        assert bad(findings) == ""
        assert sum(finding.mark == "ok" for finding in findings) == 5
        assert any("mention" in finding.text for finding in findings if finding.mark == "note")
        assert len(server.lines) == server.most_lines == 1, "the running bot is not disturbed"
        assert server.posted == []
        assert server.cards == {}


@pytest.mark.parametrize(
    ("fields", "answers", "words"),
    [
        ({"client_secret": "wrong"}, {}, ["client_secret", "Credentials"]),
        ({"openapi_endpoint": "http://127.0.0.1:1"}, {}, ["can't be reached", "127.0.0.1:1"]),
        ({}, {RECALL: Answer(403, DENIED)}, ["qyapi_robot_sendmsg", "Permissions"]),
        ({}, {RECALL: Answer(400, {"code": "bot.stopped"})}, ["robot app", "Robot"]),
        ({}, {RECALL: Answer(400, {"code": "invalidParameter.robotCode.x"})}, ["Robot"]),
        ({}, {RECALL: Answer(cut=True)}, ["did not answer"]),
        ({"card_template_id": "unpublished.schema"}, {}, ["card_template_id", "published"]),
        (
            {"card_template_id": "t"},
            {"card/instances": Answer(403, {**DENIED, "message": "[Card.Instance.Write]"})},
            ["Card.Instance.Write"],
        ),
        (
            {"card_template_id": "t", "streaming": True},
            {"card/streaming": Answer(403, {**DENIED, "message": "[Card.Streaming.Write]"})},
            ["Card.Streaming.Write"],
        ),
        ({}, {"gateway/connections/open": Answer(500, {})}, ["500"]),
        (
            {},
            {
                "gateway/connections/open": Answer(
                    200, {"endpoint": "ws://127.0.0.1:1/connect", "ticket": "t"}
                )
            },
            ["127.0.0.1:1", "events"],
        ),
    ],
)
async def test_what_is_missing_is_named(
    server: DingTalkServer,
    clock: FakeClock,
    fields: dict[str, Any],
    answers: dict[str, Answer],
    words: list[str],
) -> None:
    for name, answer in answers.items():
        server.answers[name].append(answer)
    text = bad(await found(server, clock, **fields))
    assert all(word in text for word in words), text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_setting_stands_in_the_guide(language: str) -> None:
    text = (ROOT / "docs" / language / "dingtalk.md").read_text(encoding="utf-8")
    assert [key for key in Settings.model_fields if f"`{key}`" not in text] == []


async def test_secrets_stay_secret(
    server: DingTalkServer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.apps["app"] = "s3cret-value"
    async with running(server, clock, client_secret="s3cret-value") as bot:
        await bot.hears(server.message("private words"))
        await server.system("ping")
        await bot.hears(server.message("more private words", msgId="m9"))
        server.answers["sessionWebhook"].append(Answer(cut=True))
        errors = []
        for key in ("k1", "k2"):
            try:
                await bot.adapter.send(reply("answered words", key=key))
            except Exception as error:  # noqa: BLE001  # its text is what is looked at
                errors.append(repr(error))
        server.drop()
        errors.append(repr(await bot.failure()))
        shown = " ".join([caplog.text, *errors, repr(vars(bot.adapter)), repr(bot.adapter.link())])
    tokens = re.findall(r"(?:session|ticket|token)-\d+", shown)
    assert errors
    assert tokens == []
    for secret in ("s3cret-value", "private words", "answered words"):
        assert secret not in shown


@pytest.mark.usefixtures("socks_proxy")
async def test_a_socks_proxy_is_no_matter_for_a_platform_on_this_machine(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message("how?"))
