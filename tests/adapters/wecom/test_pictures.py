"""Pictures of messages: encrypted, at an address of WeCom's, for a few minutes."""

from typing import Any

import pytest

from adapters.base import MAX_PICTURES, Picture
from adapters.wecom.settings import WS_URL, Settings
from tests.adapters.wecom.running import running

PNG, GIF = b"\x89PNG\r\n\x1a\n and so on", b"GIF89a"
SEEN = [Picture(PNG, "image/png")]


def image(shown: dict[str, Any]) -> dict[str, Any]:
    return {"msgtype": "image", "image": shown}


def mixed(*shown: dict[str, Any]) -> dict[str, Any]:
    words = {"msgtype": "text", "text": {"content": "why?"}}
    return {"msgtype": "mixed", "mixed": {"msg_item": [words, *map(image, shown)]}}


async def test_pictures_of_a_message_and_of_what_it_quotes_are_fetched() -> None:
    async with running() as live:
        shown = live.server.picture(PNG)
        for fields in (
            image(shown),
            mixed(shown),
            {"quote": image(shown)},
            {"quote": mixed(shown)},
        ):
            message = await live.ask(group="", **fields)
            assert message.attachments == ("image",)
            assert await live.adapter.pictures(message) == SEEN


async def test_only_the_first_pictures_are_fetched_and_only_kinds_that_models_take() -> None:
    async with running() as live:
        svg, gif, png = map(live.server.picture, (b"<svg onload=alert()>", GIF, PNG))
        message = await live.ask(group="", **mixed(svg, gif, png))
        assert len(message.attachments) > MAX_PICTURES
        assert await live.adapter.pictures(message) == [Picture(GIF, "image/gif")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"aeskey": "A" * 43},
        {"aeskey": "no key"},
        {"aeskey": ""},
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "http://[::1"},
        {"url": 5},
    ],
)
async def test_what_cannot_be_fetched_or_opened_is_done_without(wrong: dict[str, Any]) -> None:
    async with running() as live:
        message = await live.ask(group="", **image({**live.server.picture(PNG), **wrong}))
        assert not await live.adapter.pictures(message)


@pytest.mark.parametrize("first", [True, False])
async def test_beside_one_that_cannot_be_fetched_the_other_is_shown(*, first: bool) -> None:
    async with running() as live:
        good, gone = live.server.picture(PNG), live.server.picture(GIF)
        live.server.files.popitem()
        shown = (gone, good) if first else (good, gone)
        assert await live.adapter.pictures(await live.ask(group="", **mixed(*shown))) == SEEN


async def test_a_picture_that_wecom_keeps_no_longer_is_done_without() -> None:
    async with running() as live:
        message = await live.ask(group="", **mixed(live.server.picture(PNG)))
        live.server.files.clear()
        assert not await live.adapter.pictures(message)
        await live.restart()
        assert not await live.adapter.pictures(message)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com/a?sign=b", True),
        ("https://openws.work.weixin.qq.com/a", True),
        ("http://ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com/a", False),
        ("https://ww-aibot-img-666.cos.ap-guangzhou.myqcloud.com/a", False),
        ("https://work.weixin.qq.com.evil.com/a", False),
        ("https://work.weixin.qq.com@evil.com/a", False),
        ("https://127.0.0.1/a", False),
        ("", False),
    ],
)
def test_pictures_come_from_wecoms_own_hosts_by_tls(url: str, trusted: bool) -> None:
    given = {"kind": "wecom", "bot_id": "AIB1", "secret": "s", "ws_url": WS_URL}
    assert Settings.model_validate(given).trusts_picture(url) is trusted
