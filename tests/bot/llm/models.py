"""Opens the language model of a configuration on fake servers, for tests."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.llm.budget import Books
from bot.llm.create import open_llm
from bot.llm.llm import Llm
from bot.llm.settings import LlmSettings
from bot.metrics import Metrics, create_metrics
from common.clock import Clock, SystemClock
from tests.fakes.llm_api import LlmApi


def local(*apis: LlmApi, **fields: Any) -> dict[str, Any]:
    """The section llm.local for some servers."""
    return {"base_urls": [api.url for api in apis], **fields}


def remote(api: LlmApi, **fields: Any) -> dict[str, Any]:
    """The section llm.remote for a server."""
    return {"provider": "custom", "base_url": api.url, "model": "chat", **fields}


@asynccontextmanager
async def model(
    sections: dict[str, Any],
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    *,
    watch: bool = False,
    books: Books | None = None,
) -> AsyncIterator[Llm]:
    """The language model of the section `llm`."""
    settings = LlmSettings.model_validate_json(json.dumps(sections))
    metrics, clock = metrics or create_metrics(), clock or SystemClock()
    made = open_llm(settings, metrics, clock, watch=watch, books=books)
    async with made as llm:
        assert llm is not None
        yield llm
