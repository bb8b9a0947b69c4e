"""How servers are reached: not by every proxy, and not for every number of bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.llm.http_client import MOST_BYTES
from bot.llm.types import LlmError, Unavailable
from tests.bot.llm.models import model, remote
from tests.fakes.llm_api import agreeable, llm_api

ALL = "ALL_PROXY"


async def test_a_proxy_of_another_kind_is_no_matter_for_a_server_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (ALL, "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:9")
    async with llm_api(agreeable("7311")) as api, model({"remote": remote(api)}) as llm:
        assert (await llm.answer("which port?", ["It listens on port 7311."], "")).text == "7311"


async def test_a_proxy_that_can_not_be_used_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALL, "socks5://127.0.0.1:9")
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    section = {"provider": "custom", "base_url": "https://api.test/v1", "model": "chat"}
    with pytest.raises(LlmError, match=f"api.test/v1 can't be asked: {ALL} names a proxy"):
        async with model({"remote": section}):
            pass


@asynccontextmanager
async def endless() -> AsyncIterator[str]:
    """A server whose answer has no end."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        try:
            for _ in range(4 * MOST_BYTES >> 16):
                writer.write(b"[" * (1 << 16))
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def test_an_answer_without_an_end_is_left() -> None:
    async with endless() as url:
        section = {"provider": "custom", "base_url": url, "model": "chat"}
        async with model({"remote": section}) as llm:
            with pytest.raises(Unavailable, match="longer than 16 MB"):
                await llm.answer("which port?", ["It listens on port 7311."], "")
