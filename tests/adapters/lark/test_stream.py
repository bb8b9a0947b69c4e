"""Events over the long connection: the official SDK against a fake that speaks its frames."""

import asyncio
from typing import Any

import pytest

from adapters.base import BotMoved, Event, IncomingMessage, MessageRecalled, StoreFailed
from adapters.lark import intake, socket
from tests.adapters.lark.stand import CHAT, Listener, adapter, running, until
from tests.fakes import lark_frames as frames
from tests.fakes.lark_server import BOT, FakeLark


async def test_a_mention_arrives_and_is_acknowledged(lark: FakeLark, bot: Listener) -> None:
    item = lark.chats.say(CHAT, "{0} how do I install it?", mentions=(BOT,))
    async with running(adapter(lark, bot), bot.publish):
        assert await lark.push_message(item) == {"code": 200}
    (event,) = bot.events
    assert isinstance(event, IncomingMessage)
    assert (event.adapter, event.group, event.user) == ("lark", CHAT, "ou_ann")
    assert (event.text, event.mention) == ("how do I install it?", True)
    assert lark.unacked == {}


async def test_it_is_acknowledged_only_once_it_is_stored(lark: FakeLark) -> None:
    stored = asyncio.Event()

    async def publish(_: Event) -> bool:
        await stored.wait()
        return True

    async with running(adapter(lark), publish):
        push = asyncio.create_task(lark.push_message(lark.chats.say(CHAT, "hi")))
        await asyncio.sleep(0.2)
        assert not push.done()
        stored.set()
        assert await push == {"code": 200}


async def test_many_are_stored_at_once_and_begun_in_their_order(lark: FakeLark) -> None:
    begun: list[Event] = []
    stored = asyncio.Event()

    async def publish(event: Event) -> bool:
        begun.append(event)
        await stored.wait()
        return True

    async with running(adapter(lark), publish):
        said = [lark.chats.say(CHAT, f"message {number}") for number in range(30)]
        pushes = [asyncio.create_task(lark.push_message(item)) for item in said]
        await until(lambda: len(begun) == 30)
        stored.set()
        assert await asyncio.gather(*pushes) == [{"code": 200}] * 30
    assert [event.text for event in begun if isinstance(event, IncomingMessage)] == [
        f"message {number}" for number in range(30)
    ]


async def test_what_follows_a_bundle_waits_until_that_is_read(
    lark: FakeLark, bot: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "FORWARD_S", 60)
    lark.hold["get_message"] = asyncio.Event()
    bundle = lark.chats.say(CHAT, kind="merge_forward", content="Merged and Forwarded Message")
    lark.chats.say(CHAT, "it fails", upper_message_id=bundle["message_id"])
    then, elsewhere = lark.chats.say(CHAT, "why is that?"), lark.chats.say("oc_2", "hi")
    async with running(adapter(lark, bot), bot.publish):
        pushes = [
            asyncio.create_task(lark.push_message(each)) for each in (bundle, then, elsewhere)
        ]
        await until(lambda: bot.texts and lark.held)
        lark.hold["get_message"].set()
        await asyncio.gather(*pushes)
    assert bot.texts == ["hi", "it fails", "why is that?"]


@pytest.mark.parametrize("failure", [OSError("disk full"), StoreFailed("locked")])
async def test_what_cannot_be_stored_is_pushed_again(
    lark: FakeLark, bot: Listener, failure: Exception
) -> None:
    bot.failure = failure
    async with running(adapter(lark, bot), bot.publish):
        assert await lark.push_message(lark.chats.say(CHAT, "hi")) == {"code": 500}
        bot.failure = None
        await lark.redeliver()
    assert lark.unacked == {}
    assert len(bot.events) == 1


async def test_a_slow_store_is_not_waited_for_beyond_the_limit(
    lark: FakeLark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "ACK_S", 0.1)
    begun: list[Event] = []
    done: list[Event] = []
    go_on = asyncio.Event()

    async def publish(event: Event) -> bool:
        begun.append(event)
        await go_on.wait()
        done.append(event)
        return len(done) == 1

    async with running(adapter(lark), publish):
        assert await lark.push_message(lark.chats.say(CHAT, "hi")) == {"code": 500}
        go_on.set()
        await until(lambda: done)
        await lark.redeliver()
        assert lark.unacked == {}
    assert begun[0] == begun[1]  # the bot knows by its id that it is the same one


async def test_an_event_in_several_parts(lark: FakeLark, bot: Listener) -> None:
    async with running(adapter(lark, bot), bot.publish):
        item = lark.chats.say(CHAT, "长" * 1000)
        event = {"sender": {"sender_id": {"open_id": "ou_a"}, "sender_type": "user"}}
        event["message"] = {
            "message_id": item["message_id"],
            "chat_id": CHAT,
            "message_type": "text",
            "content": item["body"]["content"],
            "create_time": item["create_time"],
        }
        assert await lark.push("im.message.receive_v1", event, parts=3) == {"code": 200}
    assert isinstance(bot.events[0], IncomingMessage)
    assert bot.events[0].text == "长" * 1000


async def test_events_that_need_nothing_are_not_pushed_again(lark: FakeLark, bot: Listener) -> None:
    kinds = ("im.message.message_read_v1", "im.chat.updated_v1", "im.chat.member.user.added_v1")
    async with running(adapter(lark, bot), bot.publish):
        for kind in kinds:
            assert await lark.push(kind, {"chat_id": CHAT}) == {"code": 200}
        from_a_bot = lark.chats.add(CHAT, "text", '{"text": "beep"}', "cli_other", "app")
        assert await lark.push_message(from_a_bot) == {"code": 200}
    assert bot.events == []


async def test_recalls_and_moves_arrive(lark: FakeLark, bot: Listener) -> None:
    async with running(adapter(lark, bot), bot.publish):
        gone = {"message_id": "om_9", "chat_id": CHAT, "recall_time": "1", "recall_type": "x"}
        await lark.push("im.message.recalled_v1", gone)
        await lark.push("im.chat.member.bot.added_v1", {"chat_id": CHAT, "name": "Dev"})
        await lark.push("im.chat.member.bot.deleted_v1", {"chat_id": CHAT, "name": "Dev"})
        await lark.push("im.chat.disbanded_v1", {"chat_id": CHAT})
    assert bot.events == [
        MessageRecalled("lark", CHAT, "om_9"),
        BotMoved("lark", CHAT, joined=True, title="Dev"),
        BotMoved("lark", CHAT, joined=False, title="Dev"),
        BotMoved("lark", CHAT, joined=False),
    ]


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff\xfe", b"[]", b"{}", b"null", b'{"schema": "2.0"}', b'{"schema": "2.0", "header"'],
)
async def test_malformed_events_do_no_harm(lark: FakeLark, bot: Listener, payload: bytes) -> None:
    async with running(adapter(lark, bot), bot.publish):
        lark.ack_s = 0.5
        await lark.push_bytes(payload)
        lark.ack_s = 60
        assert await lark.push_message(lark.chats.say(CHAT, "still there?")) == {"code": 200}
    assert len(bot.events) == 1


async def test_malformed_messages_are_dropped_and_acknowledged(
    lark: FakeLark, bot: Listener
) -> None:
    good = {"sender_id": {"open_id": "ou_a"}, "sender_type": "user"}
    events: list[Any] = [
        {"sender": good},
        {"sender": good, "message": {"message_id": 5}},
        {"sender": "x", "message": []},
        [],
    ]
    async with running(adapter(lark, bot), bot.publish):
        for event in events:
            assert await lark.push("im.message.receive_v1", event) == {"code": 200}
        assert await lark.push_message(lark.chats.say(CHAT, "ok")) == {"code": 200}
    assert len(bot.events) == 1


async def test_malformed_frames_do_no_harm(lark: FakeLark, bot: Listener) -> None:
    async with running(adapter(lark, bot), bot.publish):
        for frame in (
            b"",
            b"\xff" * 30,
            frames.encode(7, {}, b""),
            frames.encode(frames.DATA, {}, b"{}"),
            frames.encode(frames.CONTROL, {"type": "pong"}, b'{"PingInterval": null}'),
            frames.encode(frames.CONTROL, {"type": "pong"}, b"nonsense"),
        ):
            await lark.send_frame(frame)
        assert await lark.push_message(lark.chats.say(CHAT, "ok")) == {"code": 200}
    assert len(bot.events) == 1


async def test_half_an_emoji_is_stored_and_acknowledged(lark: FakeLark, bot: Listener) -> None:
    half = "\ud800"
    item = lark.chats.say(
        f"{CHAT}{half}",
        f"{{0}} how{half}?",
        user=f"ou_ann{half}",
        mentions=(f"ou_bob{half}",),
        message_id=f"om_1{half}",
    )
    async with running(adapter(lark, bot), bot.publish):
        assert await lark.push_message(item) == {"code": 200}
    (message,) = bot.messages
    assert (message.message_id, message.group, message.user) == ("om_1?", f"{CHAT}?", "ou_ann?")
    assert message.text == "@name of ou_bob? how??"
    assert message.mentions == ("ou_bob?",)
