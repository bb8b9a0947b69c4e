"""Too many connections: who works goes on, who waits makes place, and half-sent requests end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from adapters.http_guard import HEADERS, read_body
from bot.config.http import HttpSettings
from bot.daemon.connections import MAX_HEAD_BYTES, Connections, counted
from bot.daemon.server import HEADERS_TIMEOUT_S, listening
from tests.fakes.loop_time import leap

MOST = 8
HALF = b"GET / HTTP/1.1\r\nHost: x\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[..., "asyncio.Future[Connection]"]


class Site:
    """A server with few places; who asks for /slow waits until the gate is open."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.gate, self.at_work, self.port = asyncio.Event(), 0, 0
        self.writers: list[asyncio.StreamWriter] = []

    async def slow(self, _: web.Request) -> web.Response:
        self.at_work += 1
        await self.gate.wait()
        return web.Response(text="done")

    def application(self) -> web.Application:
        async def quick(_: web.Request) -> web.Response:
            return web.Response(text="here")

        application = web.Application(middlewares=(counted,))

        async def body(request: web.Request) -> web.Response:
            return web.Response(body=await read_body(request, 100))

        application.add_routes(
            [web.get("/", quick), web.get("/slow", self.slow), web.post("/body", body)]
        )
        return application

    async def send(self, data: bytes) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        self.writers.append(writer)
        writer.write(data)
        return reader

    def close(self) -> None:
        for writer in self.writers:
            writer.close()


@asynccontextmanager
async def served(proxy: str = "", host: str = "127.0.0.1") -> AsyncIterator[Site]:
    site = Site(host)
    runner = web.AppRunner(site.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    assert runner.server
    server = await asyncio.get_running_loop().create_server(
        Connections(runner.server, MOST, proxy), host, 0, backlog=4
    )
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        site.gate.set()
        server.close()
        await runner.cleanup()
        site.close()


def request(path: str, *more: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: x", *more, "", "")).encode()


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The status line, or b"" where the connection was cut."""
    async with asyncio.timeout(60):
        try:
            return await reader.readline()
        except ConnectionError:
            return b""


async def test_half_sent_requests_keep_nobody_out_and_work_goes_on() -> None:
    async with served() as site:
        working = [await site.send(request("/slow")) for _ in range(2)]
        while site.at_work < 2:
            await asyncio.sleep(0)
        half = [await site.send(HALF) for _ in range(50)]
        assert (await answer(await site.send(request("/")))).endswith(b"200 OK\r\n")
        cut = [await answer(one) for one in half[: 50 - MOST // 2]]
        assert cut == [b""] * len(cut), "the oldest went first"
        site.gate.set()
        assert [await answer(one) for one in working] == [b"HTTP/1.1 200 OK\r\n"] * 2


async def test_a_head_without_an_end_is_cut_and_one_after_another_counts_anew() -> None:
    line = b"X: " + b"a" * 1000 + b"\r\n"
    async with served() as site:
        endless = await site.send(HALF)
        for _ in range(MAX_HEAD_BYTES // len(line) + 1):
            site.writers[-1].write(line)
            await asyncio.sleep(0)
        assert await answer(endless) == b""
        kept = await site.send(b"")
        for _ in range(5):
            site.writers[-1].write(HALF + 10 * line)
            await site.writers[-1].drain()
            site.writers[-1].write(b"\r\n")
            assert (await answer(kept)).endswith(b"200 OK\r\n")
            await kept.readuntil(b"here")


async def test_half_sent_bodies_keep_nobody_out_either(caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
    async with served() as site:
        half = [await site.send(head + b"ab") for _ in range(MOST)]
        assert (await answer(await site.send(request("/")))).endswith(b"200 OK\r\n")
        assert (await answer(await site.send(head + b"abcd"))).endswith(b"200 OK\r\n")
        assert await answer(half[0]) == b"", "the oldest went first"
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("proxy", "host", "places"),
    [("", "127.0.0.1", MOST // 2), ("127.0.0.1", "127.0.0.1", MOST), ("::1", "::1", MOST)],
)
async def test_one_address_has_half_of_the_places_and_a_proxy_all(
    proxy: str, host: str, places: int
) -> None:
    async with served(proxy, host) as site:
        working = [await site.send(request("/slow")) for _ in range(places)]
        while site.at_work < places:
            await asyncio.sleep(0)
        assert await answer(await site.send(request("/"))) == b""
        site.gate.set()
        assert all([await answer(one) for one in working])
        assert (await answer(await site.send(request("/")))).endswith(b"200 OK\r\n")


async def test_streams_leave_places_for_requests() -> None:
    upgrade = request("/slow", "Connection: Upgrade", "Upgrade: websocket")
    async with served("127.0.0.1") as site:
        streams = [await site.send(upgrade) for _ in range(MOST // 2)]
        while site.at_work < MOST // 2:
            await asyncio.sleep(0)
        assert b"503" in await answer(await site.send(upgrade))
        assert (await answer(await site.send(request("/")))).endswith(b"200 OK\r\n")
        site.gate.set()
        assert all([await answer(one) for one in streams])


async def test_headers_have_to_arrive_in_time_and_a_trickle_buys_none() -> None:
    site = Site()
    async with listening(HttpSettings(port=0), site.application()) as url:
        site.port = int(url.rsplit(":")[-1].strip("/"))
        half = await site.send(HALF)
        kept = await site.send(request("/"))
        assert (await answer(kept)).endswith(b"200 OK\r\n")
        leap(HEADERS_TIMEOUT_S - 1)
        site.writers[0].write(b"X-More: 1\r\n")
        leap(2)
        assert await answer(half) == b""
        site.close()


@pytest.mark.parametrize("sent", [b"no HTTP\r\n\r\n", request("/bug")])
async def test_what_the_server_itself_answers_has_safe_headers(sent: bytes) -> None:
    async def bug(_: web.Request) -> web.Response:
        raise ValueError

    site, application = Site(), web.Application()
    application.add_routes([web.get("/bug", bug)])
    async with listening(HttpSettings(port=0), application) as url:
        site.port = int(url.rsplit(":")[-1].strip("/"))
        answered = await site.send(sent)
        async with asyncio.timeout(60):
            said = (await answered.readuntil(b"\r\n\r\n")).decode()
        site.close()
    assert said.split()[1] in {"400", "500"}
    for name, value in HEADERS.items():
        assert f"\r\n{name}: {value}\r\n" in said
