"""When names can't be resolved, every connection outwards says so, and none hangs or breaks."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from yarl import URL

from adapters.base import NetworkError
from adapters.link import Link
from adapters.rest import Rest
from bot.llm.types import Unreachable
from common.clock import SystemClock
from knowledge.retrieval.rerank import RerankApi, RerankerError
from knowledge.settings import RerankerSettings
from knowledge.web.client import LIMITS, Client
from knowledge.web.guard import Guard, SystemNames
from knowledge.web.serper import Serper
from knowledge.web.types import Faulty, PageError
from tests.adapters.wecom.running import running
from tests.bot.llm.models import model
from tests.fakes.loop_time import leap, turns

NOWHERE = "https://platform.example"


@pytest.fixture(autouse=True)
def _no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **more: Any) -> Any:
        if host and "example" in str(host):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


async def rest() -> None:
    async with Rest(Link(SystemClock()), lambda answer: str(answer.status)) as calls:
        await calls.request("token", "POST", NOWHERE, repeatable=True)


async def reranker() -> None:
    one = RerankApi(RerankerSettings(kind="api", base_url=NOWHERE, api_key=SecretStr("k")))
    try:
        await one.scores("q", ["t"])
    finally:
        await one.close()


async def engine() -> None:
    async with Serper(f"{NOWHERE}/search", "key", SystemClock()) as serper:
        await serper.find("kettle", chinese=False)


async def page() -> None:
    async with Client(Guard(), SystemNames(), SystemClock(), LIMITS, "") as client:
        await client.get(URL(NOWHERE))


@pytest.mark.parametrize(
    ("call", "error"),
    [(rest, NetworkError), (reranker, RerankerError), (engine, Faulty), (page, PageError)],
)
async def test_a_name_that_cannot_be_resolved_is_a_server_that_cannot_be_reached(
    call: Callable[[], Awaitable[None]], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await call()
    assert not isinstance(caught.value, aiohttp.ClientError)


async def test_a_long_connection_tries_again_later() -> None:
    async with running(connect=False, ws_url="wss://platform.example") as live:
        await live.connect()
        assert isinstance(await live.ended(), NetworkError)


async def test_a_model_is_left_out_for_a_while() -> None:
    sections = {"remote": {"provider": "custom", "base_url": f"{NOWHERE}/v1", "model": "m"}}
    async with model(sections | {"retries": 0}) as llm:
        with pytest.raises(Unreachable):
            await llm.choose("which one?", ["a", "b"])


@pytest.mark.parametrize(
    ("call", "error"),
    [(rest, NetworkError), (reranker, TimeoutError), (engine, Faulty), (page, PageError)],
)
async def test_names_that_are_resolved_slowly_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[], Awaitable[None]], error: type[Exception]
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def resolve(*_: Any, **__: Any) -> Any:
        asked.set()
        answered.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    calling = asyncio.ensure_future(call())
    try:
        while not asked.is_set():
            await asyncio.sleep(0.005)
        while not calling.done():
            leap(60)
            await turns()
        with pytest.raises(error):
            await calling
    finally:
        answered.set()
