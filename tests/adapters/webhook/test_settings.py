"""Settings, signatures, and what can be told without posting."""

from typing import Any
from urllib.parse import quote_plus

import pytest
from pydantic import ValidationError

import adapters.webhook
from adapters.webhook.adapter import create, dingtalk_sign, lark_sign
from adapters.webhook.settings import Settings
from tests.fakes.context import context

URLS = {
    "lark": "https://open.feishu.cn/open-apis/bot/v2/hook/7f3c-key",
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=abc-key",
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a-key",
}


def settings(platform: str = "lark", **more: Any) -> Settings:
    values = {"kind": "webhook", "platform": platform, "url": URLS.get(platform, "x"), **more}
    return Settings.model_validate(values)


@pytest.mark.parametrize(
    ("timestamp", "secret", "sign"),
    [
        (1700000000, "testsecret", "AOc8oJ7//5OlQlfWC3nRL0R+IkuzcD1FKcAyibRK9Q8="),
        (1599360473, "abc", "cgtpJzI2j6bUDggbdGYjskCK3FPgKpTkwosfWsMzKqM="),
        (1735689600, "飞书密钥", "xk9G1uQF7YtmGZ9Lrqo2ncSrmHMdy/RDzU5SSWfPfIc="),
    ],
)
def test_signatures_of_lark(timestamp: int, secret: str, sign: str) -> None:
    assert lark_sign(timestamp, secret) == sign


@pytest.mark.parametrize(
    ("timestamp", "secret", "encoded"),
    [
        (1700000000000, "SEC0123456789abcdef", "TSZbRFUuvaSQaRKUpF970OPCb2%2FLcQAP3wOvwZIzBZk%3D"),
        (1735689600000, "SECabc", "Hy2YyE%2B3qwSg9%2F%2FdsLljFAjX6jAUtF7A3UY6cqo8BWA%3D"),
    ],
)
def test_signatures_of_dingtalk(timestamp: int, secret: str, encoded: str) -> None:
    assert quote_plus(dingtalk_sign(timestamp, secret)) == encoded


@pytest.mark.parametrize("platform", list(URLS))
def test_addresses_as_the_platforms_show_them(platform: str) -> None:
    made = settings(platform)
    assert made.url.get_secret_value() == URLS[platform]
    assert "-key" not in repr(made)
    assert adapters.webhook.Settings is Settings


def test_lark_outside_china() -> None:
    url = "https://open.larksuite.com/open-apis/bot/v2/hook/7f3c-key"
    assert settings(url=url).url.get_secret_value() == url


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"url": URLS["wecom"]}, "open.feishu.cn"),
        ({"url": "http://open.feishu.cn/open-apis/bot/v2/hook/7f3c-key"}, "whole address"),
        ({"url": "https://open.feishu.cn.evil.test/open-apis/bot/v2/hook/7f3c-key"}, "whole"),
        ({"url": "https://evil@open.feishu.cn/open-apis/bot/v2/hook/7f3c-key"}, "whole"),
        ({"url": "https://open.feishu.cn@evil.test/open-apis/bot/v2/hook/7f3c-key"}, "whole"),
        ({"url": "https://open.feishu.cn:8443/open-apis/bot/v2/hook/7f3c-key"}, "whole"),
        ({"url": "https://open.feishu.cn:x/open-apis/bot/v2/hook/7f3c-key"}, "whole"),
        ({"url": "https://open.feishu.cn/"}, "whole"),
        ({"url": "7f3c-key"}, "whole"),
        ({"platform": "dingtalk", "url": "https://oapi.dingtalk.com/robot/send"}, "access_token"),
        ({"platform": "wecom", "secret": "x-key", "url": URLS["wecom"]}, "must stay empty"),
        ({"platform": "slack"}, "platform"),
        ({"from": "lobby"}, "such as web:lobby"),
        ({"from": ["web:"]}, "such as web:lobby"),
        ({"from": ["web:lobby", ":x"]}, "such as web:lobby"),
        ({"groups": "web:lobby"}, "groups"),
    ],
)
def test_wrong_settings_are_refused_and_not_quoted(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings(**{"platform": "lark", **more})
    assert says in str(error.value)
    assert "-key" not in str(error.value)


def test_one_group_or_several() -> None:
    assert settings(**{"from": "web:lobby"}).groups == ("web:lobby",)
    strict = Settings.model_validate_json(
        '{"kind": "webhook", "platform": "lark", "from": ["web:lobby", "lark:oc_1"],'
        f'"url": "{URLS["lark"]}"}}',
        strict=True,
    )
    assert strict.groups == ("web:lobby", "lark:oc_1")


@pytest.mark.parametrize(
    ("platform", "secret", "groups", "marks"),
    [
        ("lark", "s", "web:lobby", ["ok", "ok", "ok", "note"]),
        ("lark", "", "web:lobby", ["ok", "note", "ok", "note"]),
        ("dingtalk", "SECx", [], ["ok", "ok", "note", "note"]),
        ("dingtalk", "x", [], ["ok", "bad", "note", "note"]),
        ("wecom", "", "web:lobby", ["ok", "note", "ok", "note"]),
    ],
)
async def test_check_posts_nothing_and_says_so(
    platform: str, secret: str, groups: Any, marks: list[str]
) -> None:
    made = settings(platform, secret=secret, **{"from": groups})
    found = [finding async for finding in create(made, context()).check()]
    assert [finding.mark for finding in found] == marks
    assert "nothing was posted" in found[-1].text
    assert not any("-key" in finding.text for finding in found)
