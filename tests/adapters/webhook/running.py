"""The adapter on the fake robots."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias

from adapters.base import Citation, Reply
from adapters.webhook.adapter import WebhookAdapter, create
from adapters.webhook.settings import Settings
from common.clock import Clock
from tests.fakes.context import context
from tests.fakes.webhook_server import SECRETS, WebhookServer, webhook_server

Platform: TypeAlias = Literal["lark", "dingtalk", "wecom"]
PLATFORMS: list[Platform] = ["lark", "dingtalk", "wecom"]
CITATION = Citation("docs/install.md", "安装", 3, "https://docs.example/install")


@asynccontextmanager
async def webhook(
    platform: Platform, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[tuple[WebhookServer, WebhookAdapter]]:
    """An open adapter and its server."""
    async with webhook_server(clock) as server:
        values = {"url": server.address(platform), "secret": SECRETS[platform], **settings}
        made = Settings.model_validate({"kind": "webhook", "platform": platform, **values})
        async with create(made, context(clock=clock)) as adapter:
            yield server, adapter


def reply(text: str = "**小李**：怎么安装？\n\n运行 `make install` [1]。", **more: Any) -> Reply:
    """A question and its answer, as the bot posts them."""
    return Reply("k1", "", None, text, **{"citations": (CITATION,), "chinese": True, **more})
