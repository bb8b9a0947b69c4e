"""Posting and taking back: which way a reply goes, and what it looks like."""

from typing import Any

import pytest

from adapters.base import NotSupported, RateLimited, SendRefused
from tests.adapters.dingtalk.running import GROUP, opened, reply, running
from tests.adapters.dingtalk.test_events import PRIVATE
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_api import Answer
from tests.fakes.dingtalk_server import DingTalkServer

SEND, PERSON = "robot/groupMessages/send", "robot/oToMessages/batchSend"
REFUSES = Answer(400, {"code": "invalidParameter.robotCode.empty", "message": "no"})
GONE = Answer(200, {"errcode": 300001, "errmsg": "session 不存在"})


async def test_a_reply_goes_by_the_session_webhook_and_names_the_asker(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        await bot.adapter.send(reply())
        (posted,) = server.posted
        assert (posted.via, posted.group, posted.at) == ("session", GROUP, ("ann",))
        assert posted.text == "@ann\n\nWith **make** [1]."
        assert server.calls["oauth2/accessToken"] == 0
        body = dict(server.bodies)["sessionWebhook"]
        assert body["at"]["isAtAll"] is False


@pytest.mark.parametrize(
    ("fields", "user"), [({"mention_asker": False}, "ann"), ({}, ""), ({}, "$:LWCP_v1:$guest")]
)
async def test_nobody_is_mentioned(
    server: DingTalkServer, clock: FakeClock, fields: dict[str, Any], user: str
) -> None:
    async with running(server, clock, **fields) as bot:
        await bot.hears(server.message())
        await bot.adapter.send(reply(user=user))
        assert server.posted[0].at == ()
        assert "at" not in dict(server.bodies)["sessionWebhook"]


async def test_a_reply_goes_out_while_the_connection_is_down(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        server.drop()
        await bot.failure()
        await bot.adapter.send(reply())
        assert len(server.posted) == 1


async def test_without_a_session_the_robot_api_is_used(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock) as adapter:
        assert await adapter.send(reply()) == server.posted[0].key
        assert (server.posted[0].via, server.posted[0].text) == ("robot", "With **make** [1].")


async def test_no_connection_is_used_twice(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        await bot.adapter.send(reply())
        await bot.adapter.send(reply(group="cidB=="))
        assert (len(server.posted), server.kept_open) == (2, 0)


async def test_a_session_that_ran_out_is_not_used(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        clock.advance(server.session_s - 30)
        await bot.adapter.send(reply())
        assert server.posted[0].via == "robot"
        assert server.calls["sessionWebhook"] == 0


@pytest.mark.parametrize("gone", [GONE, Answer(200, {"errcode": 1234}), Answer(404, {})])
async def test_a_session_that_is_gone_falls_back_once(
    server: DingTalkServer, clock: FakeClock, gone: Answer
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        server.answers["sessionWebhook"].append(gone)
        for key in ("k1", "k2"):
            await bot.adapter.send(reply(key=key))
        assert [posted.via for posted in server.posted] == ["robot", "robot"]
        assert server.calls["sessionWebhook"] == 1
        await bot.hears(server.message())
        await bot.adapter.send(reply())
        assert server.posted[2].via == "session"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/robot/sendBySession?session=1",
        "https://oapi.dingtalk.com@evil.example/robot/sendBySession",
        "https://oapi.dingtalk.com.evil.example/x",
        "https://[",
        "file:///etc/passwd",
        "",
        5,
    ],
)
async def test_a_webhook_to_somewhere_else_is_not_used(
    server: DingTalkServer, clock: FakeClock, url: Any
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message(sessionWebhook=url))
        await bot.adapter.send(reply())
        assert server.posted[0].via == "robot"


async def test_with_recallable_everything_goes_by_the_robot_api_and_can_be_taken_back(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock, recallable=True) as bot:
        await bot.hears(server.message())
        key = await bot.adapter.send(reply())
        assert server.posted[0].via == "robot"
        await bot.adapter.recall(GROUP, key)
        assert server.recalled == [key]
        with pytest.raises(SendRefused, match="not found"):
            await bot.adapter.recall(GROUP, key)


async def test_what_went_by_a_session_cannot_be_taken_back(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        key = await bot.adapter.send(reply())
        with pytest.raises(NotSupported, match="recallable"):
            await bot.adapter.recall(GROUP, key)


async def test_a_private_chat_is_answered_by_session_then_by_staff_id(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        message = await bot.hears(server.message(**PRIVATE))
        await bot.adapter.send(reply(group=message.group))
        clock.advance(server.session_s)
        key = await bot.adapter.send(reply(group=message.group))
        assert [(post.via, post.group) for post in server.posted] == [
            ("session", "private:ann"),
            ("person", "private:ann"),
        ]
        assert server.posted[0].at == ()
        await bot.adapter.recall(message.group, key)
        assert server.calls["robot/otoMessages/batchRecall"] == 1
        assert server.recalled == [key]


async def test_a_person_who_cannot_be_written_to(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock) as adapter:
        with pytest.raises(SendRefused, match="another organisation"):
            await adapter.send(reply(group="private:$:LWCP_v1:$x"))
        with pytest.raises(SendRefused, match="does not know"):
            await adapter.send(reply(group="private:stranger"))
        busy = {"processQueryKey": "", "flowControlledStaffIdList": ["ann"]}
        server.answers[PERSON].append(Answer(200, busy))
        with pytest.raises(RateLimited):
            await adapter.send(reply(group="private:ann"))


async def test_a_robot_of_another_code(server: DingTalkServer, clock: FakeClock) -> None:
    async with opened(server, clock, robot_code="other") as adapter:
        with pytest.raises(SendRefused, match="robot_code"):
            await adapter.send(reply())
        server.apps["other"] = "x"
        await adapter.send(reply())
        assert len(server.posted) == 1


async def test_long_answers_are_cut_to_what_the_platform_takes(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with opened(server, clock) as adapter:
        await adapter.send(reply('很长 "的" 回答\n' * 3000, chinese=True))
        assert "其余部分见来源" in server.posted[0].text


async def test_a_reaction_is_posted_as_text(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message())
        await bot.adapter.send(reply("🤔", kind="reaction"))
        assert (server.posted[0].text, server.posted[0].at) == ("🤔", ())
