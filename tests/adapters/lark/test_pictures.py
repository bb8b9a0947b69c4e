"""Pictures of messages, as a model that sees them needs them."""

from dataclasses import replace

import pytest

from adapters.base import MAX_PICTURE_BYTES, IncomingMessage, Picture, picture_of
from tests.adapters.lark.stand import CHAT, adapter
from tests.fakes.lark_rest import Refused
from tests.fakes.lark_server import FakeLark

PNG = b"\x89PNG\r\n\x1a\n and so on"


def message(message_id: str) -> IncomingMessage:
    return IncomingMessage("lark", CHAT, "ou_ann", message_id, "", 0.0, attachments=("image",))


async def test_the_pictures_of_a_message_are_fetched_by_their_keys(lark: FakeLark) -> None:
    lark.rest.pictures = {"img_1": PNG, "img_2": b"GIF89a", "img_3": b"<svg onload=alert()>"}
    one = lark.chats.say(CHAT, kind="image", content={"image_key": "img_1"})
    shown = [
        [
            {"tag": "text", "text": "why?"},
            *({"tag": "img", "image_key": f"img_{n}"} for n in (3, 2)),
        ]
    ]
    post = lark.chats.say(CHAT, kind="post", content={"title": "", "content": shown})
    async with adapter(lark) as bot:
        assert await bot.pictures(message(one["message_id"])) == [Picture(PNG, "image/png")]
        assert await bot.pictures(message(post["message_id"])) == [Picture(b"GIF89a", "image/gif")]
        said = replace(message(one["message_id"]), attachments=())
        assert await bot.pictures(said) == ()


@pytest.mark.parametrize("call", ["get_message", "get_picture"])
async def test_what_cannot_be_fetched_is_done_without(lark: FakeLark, call: str) -> None:
    lark.rest.pictures = {"img_1": PNG}
    one = lark.chats.say(CHAT, kind="image", content={"image_key": "img_1"})
    lark.order(call, Refused(234003))
    async with adapter(lark) as bot:
        assert not await bot.pictures(message(one["message_id"]))


async def test_beside_one_that_cannot_be_fetched_the_other_is_shown(lark: FakeLark) -> None:
    lark.rest.pictures = {"img_1": PNG, "img_2": PNG}
    shown = [[{"tag": "img", "image_key": key} for key in ("img_1", "img_2")]]
    post = lark.chats.say(CHAT, kind="post", content={"title": "", "content": shown})
    lark.order("get_picture", Refused(234003))
    async with adapter(lark) as bot:
        assert await bot.pictures(message(post["message_id"])) == [Picture(PNG, "image/png")]


def test_a_picture_is_known_by_how_it_begins_and_bounded() -> None:
    assert picture_of(b"\xff\xd8\xff\xe0") == Picture(b"\xff\xd8\xff\xe0", "image/jpeg")
    assert picture_of(b"%PDF-1.7") is None
    assert picture_of(PNG + bytes(MAX_PICTURE_BYTES)) is None
