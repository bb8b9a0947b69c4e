"""Events over HTTP: is a request from the platform, and what does it say?"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

from aiohttp import web
from Crypto.Cipher import AES
from Crypto.Util.Padding import unpad

from adapters.base import StoreFailed
from adapters.http_guard import json_response, read_body
from adapters.lark.intake import Intake
from adapters.lark.settings import Settings
from adapters.payload import Json, parsed, text
from common.clock import Clock

MAX_AGE_S = 300.0
"""Requests that were signed longer ago, or that far ahead, are refused: somebody repeats them."""

MAX_BODY_BYTES = 1 << 20

SIGNATURE = "X-Lark-Signature"


class Callback:
    """Answers the platform's requests. `intake` is there while the adapter runs."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._encrypt_key = settings.encrypt_key.get_secret_value()
        self._token = settings.verification_token.get_secret_value()
        self._clock = clock
        self.intake: Intake | None = None

    async def handle(self, request: web.Request) -> web.Response:
        """Stores an event before it says so; 503 where it could not, and it comes again."""
        body = await read_body(request, MAX_BODY_BYTES)
        signed = SIGNATURE in request.headers
        if signed and not self.is_genuine(request.headers, body):
            raise web.HTTPForbidden(text="the signature is wrong or old")
        payload = decrypted(text(parsed(body), "encrypt"), self._encrypt_key)
        if not self._has_token(payload):
            raise web.HTTPForbidden(
                text="this is not encrypted with encrypt_key, or the token is wrong"
            )
        if text(payload, "type") == "url_verification":
            return json_response({"challenge": text(payload, "challenge")})
        if not signed:
            raise web.HTTPForbidden(text="there is no signature")
        if self.intake is None:
            raise web.HTTPServiceUnavailable(text="the bot is starting or stopping; try again")
        try:
            return json_response(await self.intake.take(payload))
        except (OSError, StoreFailed):
            raise web.HTTPServiceUnavailable(text="it could not be stored; try again") from None

    def is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Was the body signed with our key, and lately?"""
        stamp = headers.get("X-Lark-Request-Timestamp", "")
        nonce = headers.get("X-Lark-Request-Nonce", "")
        if not re.fullmatch(r"[0-9]{1,12}", stamp):
            return False
        signed = f"{stamp}{nonce}{self._encrypt_key}".encode() + body
        expected = hashlib.sha256(signed).hexdigest()
        lately = abs(self._clock.now() - int(stamp)) <= MAX_AGE_S
        return _same(expected, headers.get(SIGNATURE, "")) and lately

    def _has_token(self, payload: Json) -> bool:
        return _same(self._token, text(payload, "header", "token") or text(payload, "token"))


def decrypted(encrypted: str, key: str) -> Json:
    """The JSON that was encrypted with a key; {} where it was not."""
    try:
        data = base64.b64decode(encrypted, validate=True)
        cipher = AES.new(hashlib.sha256(key.encode()).digest(), AES.MODE_CBC, data[:16])
        return parsed(unpad(cipher.decrypt(data[16:]), AES.block_size))
    except (binascii.Error, ValueError):
        return {}


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))
