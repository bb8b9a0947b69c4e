"""Posts through a webhook; nothing can be heard, changed or withdrawn there."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any, Self
from urllib.parse import urlsplit

from adapters.base import Finding, Publish, RateLimited, Reply
from adapters.budget import Budget
from adapters.contract import Adapter, Context
from adapters.dialects import DINGTALK, LARK, WECOM, hard_lines
from adapters.markup import byte_size, composed, json_size
from adapters.rest import Rest
from adapters.webhook.codes import refusal, result_of
from adapters.webhook.settings import Platform, Settings
from common.clock import Clock
from common.rate_limit import Pace

MAX_BYTES = 19_800
"""Of the whole body, less a signature, for Lark (20 KB) and DingTalk (20000)."""
MAX_WECOM_BYTES = 4096
"""Of the text alone."""

_LARK = replace(LARK, tables=5)

_UNSIGNED = {
    "lark": "no secret: set one under the robot's security settings (签名校验), or keywords, else "
    "anybody who learns the address can post",
    "dingtalk": "no secret: DingTalk demands one of signature (加签), keywords and addresses; with "
    "keywords, each message must hold one",
    "wecom": "WeCom knows no signature: anybody who learns the address can post. The robot's owner "
    "can delete it and make a new one",
}
_NOT_POSTED = "nothing was posted: whether the robot is still there shows with the first answer"


def create(settings: Settings, context: Context) -> "WebhookAdapter":
    """Builds the adapter; it posts once it is open."""
    return WebhookAdapter(settings, context)


class WebhookAdapter(Adapter):
    """One robot in one group. What may have been posted is not repeated: it would stand there
    twice."""

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings.name, context.clock)
        self._settings, self._clock = settings, context.clock
        self._title = context.bot_name
        self._rest = Rest(self._link, partial(result_of, settings.platform))
        self._budget = _budget(settings.platform, context.clock)

    async def __aenter__(self) -> Self:
        await self._rest.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._rest.__aexit__()

    async def run(self, publish: Publish) -> None:
        """Stays up; there is nothing to receive."""
        del publish
        with self._link.connected():
            await asyncio.Event().wait()

    async def send(self, reply: Reply) -> str:
        """Posts a reply. Returns its key, as webhooks name no messages."""
        self._budget.take()
        platform = self._settings.platform
        shown = await asyncio.to_thread(message, platform, reply, self._title)
        body, params = self._signed(shown)
        url = self._settings.url.get_secret_value()
        response = await self._rest.request(
            "webhook", "POST", url, repeatable=False, body=body, params=params
        )
        self._link.heard()
        problem = refusal(platform, response)
        if isinstance(problem, RateLimited):
            self._budget.block(problem.retry_after_s)
        with self._link.noting("webhook"):
            if problem:
                raise problem
        return reply.key

    def copies(self, adapter: str, group: str) -> bool:
        """Is it one of the groups of `from`?"""
        return f"{adapter}:{group}" in self._settings.groups

    async def check(self) -> AsyncIterator[Finding]:
        """Looks at the settings; posts nothing."""
        settings = self._settings
        host = urlsplit(settings.url.get_secret_value()).hostname
        yield Finding("ok", f"url is an address of a {settings.platform} robot at {host}")
        secret = settings.secret.get_secret_value()
        if not secret:
            yield Finding("note", _UNSIGNED[settings.platform])
        elif settings.platform == "dingtalk" and not secret.startswith("SEC"):
            yield Finding(
                "bad", "secret: DingTalk's begin with SEC; copy it from 加签 of the robot"
            )
        else:
            yield Finding("ok", "messages are signed")
        if settings.groups:
            yield Finding("ok", f"answers of {', '.join(settings.groups)} are posted here")
        else:
            yield Finding("note", "from is empty: no group's answers are posted here")
        yield Finding("note", _NOT_POSTED)

    def _signed(self, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str] | None]:
        secret, now = self._settings.secret.get_secret_value(), self._clock.now()
        if not secret:
            return body, None
        if self._settings.platform == "lark":
            timestamp = int(now)
            return {"timestamp": str(timestamp), "sign": lark_sign(timestamp, secret), **body}, None
        timestamp = int(now * 1000)
        return body, {"timestamp": str(timestamp), "sign": dingtalk_sign(timestamp, secret)}


def _budget(platform: Platform, clock: Clock) -> Budget:
    """Never more than Lark's 5 in a second and 100 in a minute, or 20 in a minute elsewhere."""
    if platform == "lark":
        return Budget(clock, whole=(Pace(clock, 3, 1, burst=2), Pace(clock, 80, 60, burst=20)))
    return Budget(clock, whole=(Pace(clock, 15, 60, burst=5),))


def lark_sign(timestamp_s: int, secret: str) -> str:
    """What is signed is the key, and the message is empty."""
    return _hmac(f"{timestamp_s}\n{secret}", "")


def dingtalk_sign(timestamp_ms: int, secret: str) -> str:
    """Bare: whoever puts it into an address has to encode it, once."""
    return _hmac(secret, f"{timestamp_ms}\n{secret}")


def _hmac(key: str, message: str) -> str:
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def message(platform: Platform, reply: Reply, title: str) -> dict[str, Any]:
    """The body to post."""
    if platform == "lark":
        return composed(reply, _LARK, MAX_BYTES, lambda text: _lark(text, title), json_size)
    if platform == "dingtalk":
        return composed(reply, DINGTALK, MAX_BYTES, lambda text: _dingtalk(text, title), json_size)
    text = composed(reply, WECOM, MAX_WECOM_BYTES, str, byte_size)
    return {"msgtype": "markdown_v2", "markdown_v2": {"content": text}}


def _lark(text: str, title: str) -> dict[str, Any]:
    card = {
        "schema": "2.0",
        "header": {"title": {"tag": "plain_text", "content": title}, "template": "blue"},
        "body": {"elements": [{"tag": "markdown", "content": text}]},
    }
    return {"msg_type": "interactive", "card": card}


def _dingtalk(text: str, title: str) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"title": title, "text": hard_lines(text)}}
