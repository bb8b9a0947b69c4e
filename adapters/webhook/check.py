"""What can be told of a webhook without posting, for `check --adapter`."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from adapters.base import Finding
from adapters.webhook.settings import Settings

_UNSIGNED = {
    "lark": "no secret: set one under the robot's security settings (签名校验), or keywords, else "
    "anybody who learns the address can post",
    "dingtalk": "no secret: DingTalk demands one of signature (加签), keywords and addresses; with "
    "keywords, each message must hold one",
    "wecom": "WeCom knows no signature: anybody who learns the address can post. The robot's owner "
    "can delete it and make a new one",
}


def look_at(settings: Settings) -> Iterator[Finding]:
    """Host, secret, and whose answers are posted."""
    host = urlsplit(settings.url.get_secret_value()).hostname
    yield Finding("ok", f"url is an address of a {settings.platform} robot at {host}")
    secret = settings.secret.get_secret_value()
    if not secret:
        yield Finding("note", _UNSIGNED[settings.platform])
    elif settings.platform == "dingtalk" and not secret.startswith("SEC"):
        yield Finding("bad", "secret: DingTalk's begin with SEC; copy it from 加签 of the robot")
    else:
        yield Finding("ok", "messages are signed")
    if settings.groups:
        yield Finding("ok", f"answers of {', '.join(settings.groups)} are posted here")
    else:
        yield Finding("note", "from is empty: no group's answers are posted here")
    yield Finding("note", "nothing was posted: whether the robot is still there shows with the "
                  "first answer")  # fmt: skip
