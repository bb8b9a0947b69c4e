"""The pictures of messages: each lies encrypted at an address, for five minutes."""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field

from Crypto.Cipher import AES
from Crypto.Util.Padding import unpad

from adapters.base import MAX_PICTURES, NetworkError, Picture, picture_of
from adapters.payload import Json, inside, objects, text
from adapters.rest import Rest
from adapters.wecom.settings import Settings

KEY_BYTES, PADDED_TO = 32, 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies, and the key to it, "" where it lies open."""

    url: str = field(repr=False)
    key: str = field(repr=False)


def places_in(body: Json) -> tuple[Place, ...]:
    """Of the pictures of a message, and then of what it quotes."""
    return tuple([*_places(body), *_places(inside(body, "quote"))][:MAX_PICTURES])


def _places(part: Json) -> Iterator[Place]:
    mixed = objects(part, "mixed", "msg_item") if text(part, "msgtype") == "mixed" else [part]
    for item in mixed:
        if text(item, "msgtype") == "image":
            yield Place(text(item, "image", "url"), text(item, "image", "aeskey"))


async def fetch(rest: Rest, settings: Settings, place: Place) -> Picture | None:
    """The picture; None for what is none, or too large. Raises NetworkError."""
    if not settings.trusts_picture(place.url):
        raise NetworkError("WeCom keeps the picture at a place that is not known as its own")
    data = await rest.picture(place.url)
    return picture_of(await asyncio.to_thread(opened, data, place.key) if place.key else data)


def opened(data: bytes, key: str) -> bytes:
    """What was encrypted (AES-256-CBC, the vector is the key's beginning, padded to 32 bytes) with
    a key in base64; nothing where it was not."""
    try:
        secret = b64decode(key + "=" * (-len(key) % 4))
        if len(secret) != KEY_BYTES:
            return b""
        cipher = AES.new(secret, AES.MODE_CBC, secret[: AES.block_size])
        return unpad(cipher.decrypt(data), PADDED_TO)
    except (ValueError, binascii.Error):
        return b""
