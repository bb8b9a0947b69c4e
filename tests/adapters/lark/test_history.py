"""What was missed is fetched from the history; what is never pushed is read in rounds."""

import asyncio
import logging
import time
from typing import Any

import pytest

from adapters.base import IncomingMessage, MessageEdited, MessageRecalled, NetworkError
from adapters.lark import intake, socket
from adapters.lark import recovery as gaps
from tests.adapters.lark.stand import (
    CHAT,
    Listener,
    adapter,
    connection,
    heard,
    reply,
    running,
    until,
)
from tests.fakes.clock import FakeClock
from tests.fakes.lark_rest import Refused
from tests.fakes.lark_server import BOT, FakeLark


async def test_missed_messages_come_in_their_order_after_a_reconnect(lark: FakeLark) -> None:
    bot = Listener()
    one = adapter(lark, bot)
    async with one:
        async with connection(one, bot.publish) as run:
            await lark.push_message(lark.chats.say(CHAT, "before"))
            lark.drop_all()
            with pytest.raises(NetworkError):
                await run
        for text in ("first", "second", "{0} third"):
            lark.chats.say(CHAT, text, mentions=(BOT,) if "{0}" in text else ())
        lark.chats.add(CHAT, "text", '{"text": "beep"}', "cli_other", "app")
        async with connection(one, bot.publish):
            await until(lambda: one.link().recovered == 3)
            await asyncio.sleep(0.05)
            assert one.link().recovered == 3
    assert bot.texts == ["before", "first", "second", "third"]
    third = [e for e in bot.events if isinstance(e, IncomingMessage)][-1]
    assert third.mention


async def test_missed_messages_come_after_a_start(lark: FakeLark) -> None:
    bot = Listener(**{CHAT: time.time() - 100})
    lark.chats.say(CHAT, "while it was down")
    async with running(adapter(lark, bot), bot.publish):
        await until(lambda: bot.texts)
    assert bot.texts == ["while it was down"]


async def test_what_is_too_old_is_not_fetched() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        bot = Listener(**{CHAT: clock.now()})
        lark.chats.say(CHAT, "too old")
        clock.advance(3601)
        lark.chats.say(CHAT, "young enough")
        async with running(adapter(lark, bot, clock), bot.publish):
            await until(lambda: bot.texts)
    assert bot.texts == ["young enough"]


async def test_recalls_and_edits_of_the_gap_come_too(lark: FakeLark) -> None:
    bot = Listener()
    one = adapter(lark, bot)
    async with one:
        async with connection(one, bot.publish):
            kept, gone = lark.chats.say(CHAT, "old words"), lark.chats.say(CHAT, "oops")
            for item in (kept, gone):
                await lark.push_message(item)
        lark.chats.edit(kept["message_id"], "new words")
        lark.chats.take_back(gone["message_id"])
        async with connection(one, bot.publish):
            await until(lambda: len(bot.events) > 4)
    assert MessageEdited("lark", CHAT, kept["message_id"], "new words") in bot.events
    assert MessageRecalled("lark", CHAT, gone["message_id"]) in bot.events
    assert one.link().recovered == 0


async def test_a_long_gap_is_read_page_by_page_and_threads_too(lark: FakeLark) -> None:
    bot = Listener(**{CHAT: time.time() - 10})
    said = [f"message {number}" for number in range(120)]
    for text in said:
        lark.chats.say(CHAT, text)
    root = lark.chats.say(CHAT, "root", thread_id="omt_1")
    lark.chats.say(CHAT, "in the thread", thread_id="omt_1", root_id=root["message_id"])
    async with running(adapter(lark, bot), bot.publish):
        await until(lambda: len(bot.texts) == 122)
    assert bot.texts == [*said, "root", "in the thread"]
    assert len(lark.asked("history")) == 4


async def test_a_private_chat_is_a_mention_in_the_history_too(lark: FakeLark) -> None:
    bot = Listener(oc_group=time.time() - 10, oc_private=time.time() - 10)
    lark.chats.private.add("oc_private")
    for chat in bot.groups:
        lark.chats.say(chat, f"hello from {chat}")
    async with running(adapter(lark, bot), bot.publish):
        await until(lambda: len(bot.texts) == 2)
    mentions = {e.group: e.mention for e in bot.events if isinstance(e, IncomingMessage)}
    assert mentions == {"oc_group": False, "oc_private": True}


async def test_failures_are_tried_again_and_nothing_is_counted_twice() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        bot = Listener(**{CHAT: clock.now() - 10})
        for number in range(60):
            lark.chats.say(CHAT, f"message {number}")
        lark.order("list_chats", Refused(None, 502))
        lark.order("history", Refused(2200), Refused(99991400, 429))
        one = adapter(lark, bot, clock)
        async with running(one, bot.publish):
            while one.link().recovered < 60:
                await until(lambda: clock.waiting >= 3 or one.link().recovered == 60)
                clock.advance(0.5)


async def test_what_could_not_be_stored_is_fetched_again(lark: FakeLark) -> None:
    bot = Listener(**{CHAT: time.time() - 10})
    lark.chats.say(CHAT, "one")
    bot.failure = OSError("disk full")
    async with running(adapter(lark, bot), bot.publish):
        await until(lambda: lark.asked("history"))
        await asyncio.sleep(0.05)
        bot.failure = None
        await until(lambda: bot.texts)


async def test_a_gap_that_was_not_closed_reaches_into_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gaps, "TRIES", 1)
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        bot = Listener(**{CHAT: clock.now()})
        clock.advance(1000)
        lark.chats.say(CHAT, "missed in the first gap")
        clock.advance(1000)
        lark.order("history", Refused(2200))
        one = adapter(lark, bot, clock)
        async with one:
            async with connection(one, bot.publish):
                await until(lambda: lark.asked("history"))
                await lark.push_message(lark.chats.say(CHAT, "pushed"))
            async with connection(one, bot.publish):
                await until(lambda: len(bot.texts) == 2)
    assert sorted(bot.texts) == ["missed in the first gap", "pushed"]


async def test_a_missing_permission_switches_it_off_with_one_line(
    lark: FakeLark, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Listener(**{f"oc_{n}": 0.0 for n in range(9)})
    lark.apps["cli_dou"].forbidden = {"history"}
    one = adapter(lark, bot)
    async with one:
        for _ in range(2):
            async with connection(one, bot.publish):
                await lark.push_message(lark.chats.say(CHAT, "hi"))
                await until(lambda: one.link().refused)
                await asyncio.sleep(0.05)
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "99991672" in warnings[0]
    assert len(lark.asked("history")) <= gaps.AT_ONCE
    assert [told.code for told in one.link().refused] == ["99991672"]


async def test_what_was_forbidden_is_tried_again_now_and_then() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        bot = Listener(**{CHAT: clock.now()})
        lark.chats.say(CHAT, "missed")
        lark.apps["cli_dou"].forbidden = {"history"}
        one = adapter(lark, bot, clock)
        async with running(one, bot.publish):
            await until(lambda: one.link().refused)
            lark.apps["cli_dou"].forbidden = set()
            await until(lambda: clock.waiting >= 3)
            clock.advance(gaps.DENIED_S - 59)
            await heard(one, clock)
            assert one.link().refused
            clock.advance(60)
            await until(lambda: not one.link().refused)
    assert bot.texts == ["missed"]


async def test_groups_never_heard_from_are_read_after_a_gap_too(lark: FakeLark) -> None:
    bot = Listener(oc_known=time.time() - 100)
    lark.chats.say("oc_silent", "the first words here")
    async with running(adapter(lark, bot), bot.publish):
        await until(lambda: bot.texts)
    assert bot.texts == ["the first words here"]


async def test_nothing_was_missed_before_the_first_start(lark: FakeLark) -> None:
    bot = Listener()
    lark.chats.say(CHAT, "before there was a bot")
    one = adapter(lark, bot)
    async with one:
        async with connection(one, bot.publish):
            await asyncio.sleep(0.05)
        assert lark.asked("history") == []
        lark.chats.say(CHAT, "in the gap")
        async with connection(one, bot.publish):
            await until(lambda: "in the gap" in bot.texts)


async def test_a_group_that_threw_the_bot_out_is_left_alone(lark: FakeLark) -> None:
    bot = Listener(oc_out=time.time() - 10, oc_in=time.time() - 10)
    lark.chats.say("oc_in", "hi")
    lark.order("history", Refused(230002))
    async with running(adapter(lark, bot), bot.publish):
        await until(lambda: len(lark.asked("history")) == 2)
    assert len(lark.asked("history")) == 2


async def test_recover_can_be_switched_off(lark: FakeLark) -> None:
    bot = Listener(**{CHAT: 0.0})
    lark.chats.say(CHAT, "missed")
    async with running(adapter(lark, bot, recover=False), bot.publish):
        await lark.push_message(lark.chats.say(CHAT, "pushed"))
        await asyncio.sleep(0.1)
    assert bot.texts == ["pushed"]
    assert lark.asked("history") == []


async def rounds(clock: FakeClock, lark: FakeLark, count: int, seconds: float = 10.0) -> None:
    """Lets so many rounds of reading go by. Between them three wait: for the next round, to ping,
    and to hear something."""
    for _ in range(count):
        await until(lambda: clock.waiting >= 3)
        before = len(lark.asked("history"))
        clock.advance(seconds)
        await until(lambda before=before: len(lark.asked("history")) > before)  # type: ignore[misc]  # bound
        await until(lambda: clock.waiting >= 3)


async def test_groups_are_read_in_rounds_where_nothing_is_pushed() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        bot = Listener()
        lark.chats.say(CHAT, "long ago")
        clock.advance(600)
        one = adapter(lark, bot, clock, poll_history_s=10)
        async with running(one, bot.publish):
            await until(lambda: lark.asked("history"))
            item = lark.chats.say(CHAT, "how do I install it?")
            await rounds(clock, lark, 2)
            assert bot.texts == ["how do I install it?"]
            lark.chats.edit(item["message_id"], "how do I install it on a Mac?")
            await rounds(clock, lark, 1)
            gone = lark.chats.say(CHAT, "oops")
            await rounds(clock, lark, 1)
            lark.chats.take_back(gone["message_id"])
            await rounds(clock, lark, 2)
        assert one.link().recovered == 0
    edited = [e for e in bot.events if isinstance(e, MessageEdited)]
    recalled = [e for e in bot.events if isinstance(e, MessageRecalled)]
    assert [e.text for e in edited] == ["how do I install it on a Mac?"]
    assert [e.message_id for e in recalled] == [gone["message_id"]]
    published = [e for e in bot.events if isinstance(e, IncomingMessage)]
    assert len(published) == 3  # each once, and the edited one a second time: it was known


async def test_a_new_group_is_read_at_once() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        bot = Listener()
        lark.chats.say(CHAT, "long ago")
        async with running(adapter(lark, bot, clock, poll_history_s=600), bot.publish):
            await until(lambda: lark.asked("history") and clock.waiting >= 3)
            lark.chats.say("oc_new", "how do I install it?")
            joined = {"chat_id": "oc_new", "name": "the new one"}
            await lark.push("im.chat.member.bot.added_v1", joined)
            await until(lambda: "how do I install it?" in bot.texts)


async def test_rounds_go_on_after_failures() -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        bot = Listener()
        lark.chats.say(CHAT, "long ago")
        async with running(adapter(lark, bot, clock, poll_history_s=10), bot.publish) as run:
            lark.order("history", Refused(None, 502), Refused(230002), Refused(99991400))
            await until(lambda: lark.asked("history"))
            lark.chats.say(CHAT, "hello")
            await rounds(clock, lark, 5)
            assert bot.texts == ["long ago", "hello"]
            lark.apps["cli_dou"].forbidden = {"history"}
            await rounds(clock, lark, 1)
            clock.advance(100)
            await asyncio.sleep(0.05)
            assert not run.done()


async def test_a_message_is_read_again_before_it_is_answered(lark: FakeLark) -> None:
    bot = Listener()
    one = adapter(lark, bot)
    async with running(one, bot.publish):
        item = lark.chats.say(CHAT, "{0} how do I instal", mentions=(BOT,))
        await lark.push_message(item)
        (message,) = bot.events
        assert isinstance(message, IncomingMessage)
        assert await one.reread(message) == message
        lark.chats.edit(message.message_id, "how do I install it?")
        now = await one.reread(message)
        assert now is not None
        assert (now.text, now.mention) == ("how do I install it?", True)
        lark.order("get_message", Refused(None, 502))
        assert await one.reread(message) == message
        lark.chats.take_back(message.message_id)
        assert await one.reread(message) is None
        lark.order("get_message", Refused(230110))
        assert await one.reread(message) is None


async def test_a_bundle_comes_with_what_it_holds(
    lark: FakeLark, bot: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert intake.FORWARD_S < socket.ACK_S
    monkeypatch.setattr(socket, "ACK_S", 60)

    def forward() -> Any:
        item = lark.chats.say(CHAT, kind="merge_forward", content="Merged and Forwarded Message")
        for text in ("it fails", "with code 3"):
            lark.chats.say(CHAT, text, upper_message_id=item["message_id"])
        return item

    async with running(adapter(lark, bot), bot.publish):
        monkeypatch.setattr(intake, "FORWARD_S", 60)
        assert await lark.push_message(forward()) == {"code": 200}
        monkeypatch.setattr(intake, "FORWARD_S", 0.1)
        lark.hold["get_message"] = asyncio.Event()
        assert await lark.push_message(forward()) == {"code": 200}
        assert lark.held
    first, second = bot.events
    assert isinstance(first, IncomingMessage)
    assert isinstance(second, IncomingMessage)
    assert (first.text, first.attachments) == ("it fails\nwith code 3", ("forward",))
    assert (second.text, second.attachments) == ("", ("forward",))


async def test_replies_are_no_part_of_what_was_missed(lark: FakeLark) -> None:
    bot = Listener(**{CHAT: time.time() - 10})
    one = adapter(lark, bot)
    async with one:
        await one.send(reply())
        async with connection(one, bot.publish):
            await until(lambda: lark.asked("history"))
            await asyncio.sleep(0.05)
    assert bot.events == []
