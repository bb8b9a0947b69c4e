"""Who may talk to the server: host, origin and token; and the headers on every answer."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.web_app import Served, serving

TOKEN = "a-long-token-0123456789"
BODY = {"group": "g", "user": "u", "text": "t"}
STREAM = "/api/stream?group=g"


@pytest.fixture
async def locked() -> AsyncIterator[Served]:
    async with serving(TOKEN) as running:
        yield running


@pytest.fixture
async def visitor(locked: Served) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(locked.url, timeout=timeout) as session:
        yield session


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/groups/g/messages"])
async def test_every_answer_has_the_headers(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Server"] == "HuixiangDou"


async def test_answers_of_the_api_are_not_cached(client: aiohttp.ClientSession) -> None:
    async with client.get("/api/groups/g/messages") as response:
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        "https://evil.example",
        "null",
        "file://",
        "",
    ],
)
async def test_other_sites_can_change_nothing(
    client: aiohttp.ClientSession, served: Served, origin: str
) -> None:
    headers = {"Origin": origin}
    async with client.post("/api/messages", json=BODY, headers=headers) as response:
        assert response.status == 403
        assert "Origin" in (await response.json())["error"]
    async with client.delete("/api/messages/m", json=BODY, headers=headers) as response:
        assert response.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect(STREAM, headers=headers)
    assert caught.value.status == 403
    assert served.bot.events == []


async def test_the_page_itself_may(client: aiohttp.ClientSession, served: Served) -> None:
    headers = {"Origin": served.url}
    async with client.post("/api/messages", json=BODY, headers=headers) as response:
        assert response.status == 202
    async with client.ws_connect(STREAM, headers=headers) as socket:
        assert not socket.closed


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "10.0.0.1", "["],
)
async def test_without_a_token_other_host_names_are_refused(
    client: aiohttp.ClientSession, host: str
) -> None:
    async with client.get("/healthz", headers={"Host": host}) as response:
        assert response.status == 403
        assert "http.token" in (await response.json())["error"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:99", "127.0.0.1:1", "127.9.9.9", "[::1]:80", "dou.localhost"]
)
async def test_loopback_has_many_names(client: aiohttp.ClientSession, host: str) -> None:
    async with client.get("/healthz", headers={"Host": host}) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"],
)
async def test_without_the_token_nothing_is_shown_or_taken(
    visitor: aiohttp.ClientSession, locked: Served, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in [
        ("POST", "/api/messages"),
        ("DELETE", "/api/messages/m"),
        ("GET", "/api/groups/g/messages"),
        ("GET", "/api/decisions/m"),
        ("GET", "/api/nowhere"),
        ("GET", "/api/../api/groups/g/messages"),
        ("GET", "/%61pi/groups/g/messages"),
    ]:
        async with visitor.request(method, path, json=BODY, headers=headers) as response:
            assert response.status in {401, 429}
            if response.status == 401:
                assert response.headers["WWW-Authenticate"] == "Bearer"
            assert TOKEN not in await response.text()
    assert locked.bot.events == []


async def test_with_the_token_it_works(visitor: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"bearer {TOKEN}"}
    async with visitor.post("/api/messages", json=BODY, headers=headers) as response:
        assert response.status == 202
    async with visitor.get("/api/groups/g/messages", headers=headers) as response:
        assert len((await response.json())["messages"]) == 1


async def test_the_page_needs_no_token_and_any_host_may_be_used_with_one(
    visitor: aiohttp.ClientSession,
) -> None:
    async with visitor.get("/healthz", headers={"Host": "bot.example"}) as response:
        assert response.status == 200
        assert TOKEN not in await response.text()


async def test_a_stream_demands_a_login_before_it_takes_a_place(
    visitor: aiohttp.ClientSession,
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for _ in range(201):  # as many as there are places, and one
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await visitor.ws_connect(STREAM)
        assert caught.value.status == 401
    async with visitor.ws_connect(STREAM, headers=headers) as socket:
        async with visitor.post("/api/messages", json=BODY, headers=headers) as response:
            assert response.status == 202
        assert (await socket.receive_json(timeout=60))["text"] == "t"


async def test_a_token_in_the_address_is_refused(visitor: aiohttp.ClientSession) -> None:
    async with visitor.get("/api/groups/g/messages", params={"token": TOKEN}) as response:
        assert response.status == 401
