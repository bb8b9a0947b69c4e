"""Events over HTTP: only what the platform signed is taken, and it is stored before we say so."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Feedback, IncomingMessage
from adapters.http_guard import security_middlewares
from adapters.lark.callback import decrypted
from tests.adapters.lark.stand import CHAT, Listener, adapter, connection, until
from tests.fakes.clock import FakeClock
from tests.fakes.lark_chats import receive_event
from tests.fakes.lark_server import FakeLark

KEY, TOKEN = "the-encrypt-key", "the-token"
PATH = "/lark/lark/events"
SETTINGS = {"mode": "callback", "encrypt_key": KEY, "verification_token": TOKEN}


def encrypted(payload: Any, key: str = KEY) -> bytes:
    """A body as Lark encrypts it."""
    iv = b"0123456789abcdef"
    cipher = AES.new(hashlib.sha256(key.encode()).digest(), AES.MODE_CBC, iv)
    data = iv + cipher.encrypt(pad(json.dumps(payload).encode(), 16))
    return json.dumps({"encrypt": base64.b64encode(data).decode()}).encode()


def signed(body: bytes, at: float, key: str = KEY) -> dict[str, str]:
    """The headers of a signed body."""
    stamp, nonce = str(int(at)), "nonce"
    signature = hashlib.sha256(f"{stamp}{nonce}{key}".encode() + body).hexdigest()
    return {
        "X-Lark-Request-Timestamp": stamp,
        "X-Lark-Request-Nonce": nonce,
        "X-Lark-Signature": signature,
    }


async def nobody(_: web.Request) -> None:
    """Nobody is logged in."""


class Site:
    """The bot's own HTTP server, with the adapter behind it."""

    def __init__(self, lark: FakeLark, clock: FakeClock, bot: Listener) -> None:
        self.lark, self.clock, self.bot = lark, clock, bot
        self.adapter = adapter(lark, bot, clock, **SETTINGS)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[aiohttp.ClientSession]:
        app = web.Application(middlewares=security_middlewares(nobody))
        app.add_routes(self.adapter.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession(url) as session, self.adapter:
                yield session
        finally:
            await runner.cleanup()

    async def post(
        self, session: aiohttp.ClientSession, body: bytes, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Posts a body, signed unless headers are given; (status, JSON)."""
        given = signed(body, self.clock.now()) if headers is None else headers
        async with session.post(PATH, data=body, headers=given) as response:
            return response.status, await response.json()

    def event(self, text: str, token: str = TOKEN) -> Any:
        """A message event."""
        event = receive_event(self.lark.chats.say(CHAT, text))
        return self.lark.payload("im.message.receive_v1", event, token=token)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        yield Site(lark, clock, Listener())


async def test_an_event_is_stored_before_it_is_accepted(site: Site) -> None:
    async with site.served() as session, connection(site.adapter, site.bot.publish):
        assert await site.post(session, encrypted(site.event("hi"))) == (200, {})
        assert site.bot.texts == ["hi"]
        assert site.adapter.link().event > 0
        site.bot.failure = OSError("disk full")
        status, answer = await site.post(session, encrypted(site.event("not stored")))
        assert status == 503
        assert "again" in answer["error"]
    assert site.bot.texts == ["hi"]
    assert site.lark.asked("discover") == []


async def test_the_address_is_confirmed_even_before_the_bot_runs(site: Site) -> None:
    asked = {"type": "url_verification", "challenge": "xyz", "token": TOKEN}
    async with site.served() as session:
        assert await site.post(session, encrypted(asked), {}) == (200, {"challenge": "xyz"})
        status, _ = await site.post(session, encrypted({**asked, "token": "wrong"}), {})
        assert status == 403
        status, _ = await site.post(session, encrypted(site.event("early")))
        assert status == 503
    assert site.bot.events == []


async def test_only_what_the_platform_signed_is_taken(site: Site) -> None:
    async with site.served() as session, connection(site.adapter, site.bot.publish):
        body = encrypted(site.event("forged"))
        now = site.clock.now()
        good = signed(body, now)
        wrong: list[tuple[bytes, dict[str, str]]] = [
            (body, {}),
            (body, signed(body, now, "another-key")),
            (body, signed(body + b" ", now)),
            (body, {**good, "X-Lark-Signature": ""}),
            (body, {**good, "X-Lark-Signature": "ä"}),
            (body, {**good, "X-Lark-Request-Nonce": "other"}),
            (body, {**good, "X-Lark-Request-Timestamp": "soon"}),
            (body, {name: text for name, text in good.items() if "Timestamp" not in name}),
            (body, signed(body, now - 301)),
            (body, signed(body, now + 302)),
        ]
        garbage = (
            b"",
            b"{}",
            b"[]",
            b'{"encrypt": 5}',
            b'{"encrypt": "####"}',
            b'{"encrypt": "QUJD"}',
            json.dumps(site.event("in clear")).encode(),
            encrypted(site.event("wrong key"), "another-key"),
            encrypted(site.event("wrong token", token="wrong")),
            encrypted(site.event("no token", token="")),
            encrypted([]),
        )
        wrong += [(given, signed(given, now)) for given in garbage]
        for given_body, headers in wrong:
            status, answer = await site.post(session, given_body, headers)
            assert status == 403, given_body
            assert KEY not in json.dumps(answer)
        assert await site.post(session, body, good) == (200, {})
    assert site.bot.texts == ["forged"]


async def test_a_repeated_request_is_old_after_a_while(site: Site) -> None:
    async with site.served() as session, connection(site.adapter, site.bot.publish):
        body = encrypted(site.event("once"))
        headers = signed(body, site.clock.now())
        assert (await site.post(session, body, headers))[0] == 200
        site.clock.advance(400)
        assert (await site.post(session, body, headers))[0] == 403


async def test_a_button_is_answered_with_a_line(site: Site) -> None:
    event = {
        "operator": {"open_id": "ou_ann"},
        "action": {"value": {"do": "unhelpful", "in": "en"}, "tag": "button"},
        "context": {"open_message_id": "om_1", "open_chat_id": CHAT},
    }
    async with site.served() as session, connection(site.adapter, site.bot.publish):
        body = encrypted(site.lark.payload("card.action.trigger", event, token=TOKEN))
        status, answer = await site.post(session, body)
    assert status == 200
    assert answer["toast"]["content"] == "Thank you"
    assert isinstance(site.bot.events[0], Feedback)


async def test_what_was_missed_is_fetched_in_this_mode_too(site: Site) -> None:
    site.bot.groups[CHAT] = site.clock.now() - 10
    site.lark.chats.say(CHAT, "missed")
    async with site.served(), connection(site.adapter, site.bot.publish):
        await until(lambda: site.bot.texts == ["missed"])
    assert isinstance(site.bot.events[0], IncomingMessage)


async def test_without_callbacks_there_is_no_route(site: Site) -> None:
    assert not list(adapter(site.lark).routes())


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda b: base64.b64encode(b).decode()))
def test_nonsense_decrypts_to_nothing(text: str) -> None:
    assert decrypted(text, KEY) == {}
