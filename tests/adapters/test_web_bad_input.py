"""Whatever is wrong with a request, the answer is a JSON error that names it; nothing is stored."""

import gzip
import json
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.web.types import PostedMessage
from tests.fakes.web_app import Served

GOOD = {"group": "g", "user": "u", "text": "t"}
JSON = {"Content-Type": "application/json"}


async def error_of(response: aiohttp.ClientResponse) -> str:
    assert response.content_type == "application/json"
    body = await response.json()
    assert set(body) == {"error"}
    return str(body["error"])


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"user": "u", "text": "t"}, "group"),
        ({"group": "g", "text": "t"}, "user"),
        ({"group": "g", "user": "u"}, "text"),
        ({**GOOD, "text": ""}, "text"),
        ({**GOOD, "text": " \n\t"}, "text: must not be blank"),
        ({**GOOD, "text": "x" * 8001}, "8000"),
        ({**GOOD, "text": 5}, "text"),
        ({**GOOD, "text": None}, "text"),
        ({**GOOD, "group": ""}, "group"),
        ({**GOOD, "group": "   "}, "group"),
        ({**GOOD, "group": ".."}, "group"),
        ({**GOOD, "group": "g" * 65}, "64"),
        ({**GOOD, "group": "a\nb"}, "control characters"),
        ({**GOOD, "group": "a\x00b"}, "control characters"),
        ({**GOOD, "group": ["g"]}, "group"),
        ({**GOOD, "user": "u" * 65}, "64"),
        ({**GOOD, "user": "a\u2028b"}, "control characters"),
        ({**GOOD, "mention": "yes"}, "mention"),
        ({**GOOD, "mention": 1}, "mention"),
        ({**GOOD, "message_id": ""}, "message_id: must be 1 to 128"),
        ({**GOOD, "message_id": "a b"}, "message_id"),
        ({**GOOD, "message_id": "a\n"}, "message_id"),
        ({**GOOD, "message_id": "é"}, "message_id"),
        ({**GOOD, "message_id": "m" * 129}, "message_id"),
        ({**GOOD, "reply_to": "../x"}, "reply_to"),
        ({**GOOD, "colour": "red"}, "colour: unknown field; known are group, user, text"),
        ([], "body"),
        ("text", "body"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_bad_message_is_refused(
    client: aiohttp.ClientSession, served: Served, body: Any, word: str
) -> None:
    async with client.post("/api/messages", json=body) as response:
        assert response.status == 400
        assert word in await error_of(response)
    assert served.bot.events == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'group': 1}",
        b'{"group": "g", "user": "u", "text": "\xff"}',
        b'{"group": "g", "user": "u", "text": "\\ud800"}',
        b"[" * 5000,
        b"NaN",
        b"null",
    ],
    ids=lambda value: str(value[:20]),
)
async def test_what_is_no_json_is_refused(
    client: aiohttp.ClientSession, served: Served, body: bytes
) -> None:
    async with client.post("/api/messages", data=body, headers=JSON) as response:
        assert response.status == 400
        await error_of(response)
    assert served.bot.events == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x"])
async def test_another_content_type_is_refused(client: aiohttp.ClientSession, kind: str) -> None:
    body = json.dumps(GOOD).encode()
    async with client.post("/api/messages", data=body, headers={"Content-Type": kind}) as response:
        assert response.status == 415
        assert "application/json" in await error_of(response)


async def test_a_body_that_is_too_large_is_refused(
    client: aiohttp.ClientSession, served: Served
) -> None:
    body = json.dumps({**GOOD, "pad": "x" * 70_000}).encode()
    async with client.post("/api/messages", data=body, headers=JSON) as response:
        assert response.status == 413
        assert "65536" in await error_of(response)
    assert served.bot.events == []


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused(
    client: aiohttp.ClientSession, served: Served
) -> None:
    body = gzip.compress(json.dumps({**GOOD, "pad": "x" * 5_000_000}).encode())
    headers = {**JSON, "Content-Encoding": "gzip"}
    async with client.post("/api/messages", data=body, headers=headers) as response:
        assert response.status == 413
    assert served.bot.events == []


async def test_the_longest_message_is_taken(client: aiohttp.ClientSession, served: Served) -> None:
    body = {"group": "群" * 64, "user": "人" * 64, "text": "字" * 8000, "message_id": "m" * 128}
    async with client.post("/api/messages", json=body) as response:
        assert response.status == 202
    assert len(served.bot.events) == 1


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/api/groups/g/messages?after=x", "after"),
        ("/api/groups/g/messages?after=-1", "after"),
        ("/api/groups/g/messages?after=1.5", "after"),
        ("/api/groups/g/messages?after=99999999999999999999", "after"),
        ("/api/groups/g/messages?limit=0", "limit"),
        ("/api/groups/g/messages?limit=501", "limit"),
        ("/api/groups/g/messages?before=1", "before"),
        (f"/api/groups/{'g' * 65}/messages", "group"),
        ("/api/groups/a%0Ab/messages", "group"),
        ("/api/stream", "group"),
        ("/api/stream?group=", "group"),
        ("/api/stream?group=a%00b", "group"),
        ("/api/stream?group=g&token=x", "token"),
    ],
)
async def test_a_bad_address_is_refused(
    client: aiohttp.ClientSession, path: str, word: str
) -> None:
    async with client.get(path) as response:
        assert response.status == 400
        assert word in await error_of(response)


async def test_a_stream_without_websocket_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.get("/api/stream?group=g") as response:
        assert response.status == 400
        await error_of(response)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/nowhere", 404),
        ("GET", "/api/decisions/unknown", 404),
        ("GET", "/api/decisions/%F0%9F%98%80", 404),
        ("GET", "/api/messages", 405),
        ("PUT", "/api/messages", 405),
        ("POST", "/api/messages/m1", 405),
        ("POST", "/api/stream", 405),
        ("DELETE", "/api/groups/g/messages", 405),
    ],
)
async def test_a_wrong_path_or_method_is_refused(
    client: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with client.request(method, path) as response:
        assert response.status == status
        await error_of(response)
        assert (status == 405) == ("Allow" in response.headers)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from([*PostedMessage.model_fields, "other"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JUNK | st.dictionaries(FIELDS, JUNK))
async def test_no_json_at_all_breaks_it(client: aiohttp.ClientSession, body: object) -> None:
    async with client.post("/api/messages", data=json.dumps(body), headers=JSON) as response:
        assert response.status in {202, 400}
        if response.status == 400:
            await error_of(response)
