"""Pictures of messages: each comes as a code, for which DingTalk names an address."""

from typing import Any

import pytest

from adapters.base import MAX_PICTURES, Picture
from tests.adapters.dingtalk.running import opened, running, settings
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_api import Answer
from tests.fakes.dingtalk_server import DingTalkServer

PNG, GIF = b"\x89PNG\r\n\x1a\n and so on", b"GIF89a"
SEEN = [Picture(PNG, "image/png")]
DOWNLOAD = "robot/messageFiles/download"
ALONE: dict[str, Any] = {"msgtype": "picture", "text": None, "content": {"downloadCode": "png"}}
PIECE = {"type": "picture", "downloadCode": "png", "pictureDownloadCode": "no"}


def quoting(kind: str, content: Any) -> dict[str, Any]:
    replied = {"msgId": "m0", "msgType": kind, "content": content}
    return {"text": {"content": " why?", "isReplyMsg": True, "repliedMsg": replied}}


@pytest.fixture(autouse=True)
def _drawn(server: DingTalkServer) -> None:
    server.pictures = {"png": PNG, "gif": GIF, "svg": b"<svg onload=alert()>"}


@pytest.mark.parametrize(
    "fields",
    [
        ALONE,
        {"msgtype": "richText", "text": None, "content": {"richText": [{"text": "why?"}, PIECE]}},
        quoting("picture", {"downloadCode": "png"}),
        quoting("picture", '{"downloadCode": "png"}'),
        quoting("richText", {"richText": [{"msgType": "text", "content": "see"}, PIECE]}),
    ],
)
async def test_pictures_of_a_message_and_of_what_it_quotes_are_fetched(
    server: DingTalkServer, clock: FakeClock, fields: dict[str, Any]
) -> None:
    async with running(server, clock) as bot:
        message = await bot.hears(server.message(**fields))
        assert message.attachments == ("image",)
        assert await bot.adapter.pictures(message) == SEEN


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"msgtype": "file", "text": None, "content": {"downloadCode": "png"}},
        quoting("file", {"downloadCode": "png"}),
        quoting("picture", {"downloadCode": 5}),
    ],
)
async def test_what_is_no_picture_is_not_fetched(
    server: DingTalkServer, clock: FakeClock, fields: dict[str, Any]
) -> None:
    async with running(server, clock) as bot:
        assert await bot.adapter.pictures(await bot.hears(server.message(**fields))) == []
        assert server.calls[DOWNLOAD] == 0


async def test_only_the_first_pictures_are_fetched_and_only_kinds_that_models_take(
    server: DingTalkServer, clock: FakeClock
) -> None:
    pieces = [{"type": "picture", "downloadCode": code} for code in ("svg", "gif", "png")]
    post = {"msgtype": "richText", "text": None, "content": {"richText": pieces}}
    async with running(server, clock) as bot:
        message = await bot.hears(server.message(**post))
        assert await bot.adapter.pictures(message) == [Picture(GIF, "image/gif")]
        assert server.calls[DOWNLOAD] == MAX_PICTURES


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"downloadUrl": "http://169.254.169.254/latest/meta-data"}),
        Answer(200, {"downloadUrl": "http://[::1"}),
        Answer(200, {}),
        Answer(403, {"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied"}),
    ],
)
async def test_what_cannot_be_fetched_is_done_without(
    server: DingTalkServer, clock: FakeClock, answer: Answer
) -> None:
    server.answers[DOWNLOAD].append(answer)
    async with running(server, clock) as bot:
        assert await bot.adapter.pictures(await bot.hears(server.message(**ALONE))) == []
        gone = await bot.hears(server.message(**ALONE | {"content": {"downloadCode": "gone"}}))
        assert await bot.adapter.pictures(gone) == []


async def test_beside_one_that_cannot_be_fetched_the_other_is_shown(
    server: DingTalkServer, clock: FakeClock
) -> None:
    pieces = [{"type": "picture", "downloadCode": code} for code in ("gone", "png")]
    post = {"msgtype": "richText", "text": None, "content": {"richText": pieces}}
    async with running(server, clock) as bot:
        message = await bot.hears(server.message(**post))
        assert await bot.adapter.pictures(message) == [Picture(PNG, "image/png")]


async def test_after_a_restart_a_message_has_no_pictures_any_more(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        message = await bot.hears(server.message(**ALONE))
    async with opened(server, clock) as adapter:
        assert await adapter.pictures(message) == []


@pytest.mark.parametrize(
    ("named", "fetched"),
    [
        ("http://wukong-file-im-zjk.oss-cn-zhangjiakou.aliyuncs.com/a%2Fb.jpg?s=x%2By%3D", True),
        ("https://down.dingtalk.com/media/x.png", True),
        ("https://evil.aliyuncs.com/x", False),
        ("https://wukong-file-im-zjk.oss-cn-x.aliyuncs.com.evil.com/x", False),
        ("https://down.dingtalk.com@evil.com/x", False),
        ("https://down.dingtalk.com:8443/x", False),
        ("file://down.dingtalk.com/etc/passwd", False),
        ("http://127.0.0.1/x", False),
        ("", False),
    ],
)
def test_pictures_come_from_dingtalks_own_hosts_by_tls(
    server: DingTalkServer, named: str, fetched: bool
) -> None:
    real = settings(server, openapi_endpoint="https://api.dingtalk.com")
    expected = named.replace("http://", "https://") if fetched else ""
    assert real.picture_address(named) == expected
