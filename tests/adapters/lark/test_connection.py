"""The life of the long connection: lost, half-open, refused, two in one process, stopped."""

import asyncio
import logging
import subprocess
import sys
import threading
from typing import Any

import pytest

from adapters.base import Event, LoginRefused, NetworkError
from adapters.lark import socket
from adapters.link import Link
from tests.adapters.lark.stand import (
    CHAT,
    Listener,
    adapter,
    connection,
    heard,
    reply,
    running,
    settings,
    until,
)
from tests.fakes.clock import FakeClock
from tests.fakes.lark_server import SECRET, App, FakeLark


async def test_a_cut_connection_ends_the_run_and_the_next_one_is_a_reconnect(
    lark: FakeLark, bot: Listener
) -> None:
    one = adapter(lark, bot)
    async with one:
        async with connection(one, bot.publish) as run:
            lark.drop_all()
            with pytest.raises(NetworkError, match="lost"):
                await run
        assert not one.link().up
        assert "lost" in one.link().problem
        async with connection(one, bot.publish):
            assert await lark.push_message(lark.chats.say(CHAT, "back")) == {"code": 200}
            assert one.link().reconnects == 1
            assert one.link().problem == ""


async def test_replies_go_out_while_there_is_no_connection(lark: FakeLark) -> None:
    async with adapter(lark) as one:
        assert not one.link().up
        assert await one.send(reply())
    assert len(lark.chats.posted(CHAT)) == 1


async def test_a_half_open_connection_is_noticed(bot: Listener) -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark, running(adapter(lark, bot, clock), bot.publish) as run:
        await until(lambda: lark.pings == 1)
        lark.half_open = True
        clock.advance(120 + socket.MARGIN_S - 1)
        await asyncio.sleep(0.05)
        assert not run.done()
        async with asyncio.timeout(60):
            while not run.done():
                clock.advance(2)
                await asyncio.sleep(0.01)
        with pytest.raises(NetworkError, match="silent"):
            await run


async def test_a_jump_of_time_is_no_half_open_connection(bot: Listener) -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        one = adapter(lark, bot, clock)
        async with running(one, bot.publish) as run:
            await until(lambda: lark.pings == 1)
            clock.advance(5 * 3600)
            await heard(one, clock)
            clock.advance(socket.PROBE_S + 1)
            await asyncio.sleep(0.05)
            assert not run.done()
            assert await lark.push_message(lark.chats.say(CHAT, "hi")) == {"code": 200}


async def test_pings_are_as_frequent_as_the_platform_wants(bot: Listener) -> None:
    clock = FakeClock()
    async with FakeLark(clock.now) as lark:
        lark.ping_interval_s = 30
        async with running(adapter(lark, bot, clock), bot.publish):
            for count in (1, 2, 3):
                await until(lambda count=count: lark.pings == count)  # type: ignore[misc]  # bound
                await until(lambda: clock.waiting == 2)  # for the next one, and for silence
                clock.advance(31)


async def test_a_wrong_secret_names_the_setting(lark: FakeLark, bot: Listener) -> None:
    one = adapter(lark, bot, app_secret="wrong-secret-1")
    async with one:
        with pytest.raises(LoginRefused, match=r"app_secret") as caught:
            await one.run(bot.publish)
    assert "wrong-secret-1" not in repr(caught.value)
    assert "app_secret" in one.link().problem


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"code": 514, "msg": "auth failed"}, LoginRefused, "long connection is chosen"),
        ({"code": 403, "msg": "forbidden"}, LoginRefused, "app_id"),
        ({"code": 1000040350, "msg": "too many"}, NetworkError, "started twice"),
        ({"code": 1, "msg": "busy"}, NetworkError, "busy"),
        ({"code": 1000040343, "msg": "internal"}, NetworkError, "internal"),
        (
            {"code": 0, "data": {"URL": "ws://127.0.0.1:1/?x=secret-ticket"}},
            NetworkError,
            "no long connection|can't be reached",
        ),
        (
            {"code": 0, "data": {"URL": "nonsense secret-ticket"}},
            NetworkError,
            "no long connection|can't be reached",
        ),
        ({"code": 0, "data": None}, NetworkError, "no long connection|can't be reached"),
        ({"code": 0}, NetworkError, "no long connection|can't be reached"),
        ([], NetworkError, "no long connection|can't be reached"),
    ],
)
async def test_a_refused_long_connection(
    lark: FakeLark, bot: Listener, answer: Any, error: type[Exception], words: str
) -> None:
    lark.stream_refusal = answer
    one = adapter(lark, bot)
    async with one:
        with pytest.raises(error, match=words) as caught:
            await one.run(bot.publish)
    assert "secret-ticket" not in str(caught.value)


async def test_a_platform_that_cannot_be_reached(lark: FakeLark, bot: Listener) -> None:
    one = adapter(lark, bot, domain="http://127.0.0.1:1")
    async with one:
        with pytest.raises(NetworkError, match="can't be reached"):
            await one.run(bot.publish)


async def test_two_apps_in_one_process_do_not_hold_each_other_up(lark: FakeLark) -> None:
    lark.apps["cli_two"] = App("two-secret", "ou_two")
    bots = [Listener(), Listener()]
    one = adapter(lark, bots[0], name="one")
    two = adapter(lark, bots[1], name="two", app_id="cli_two", app_secret="two-secret")
    go_on = asyncio.Event()

    async def slow(event: Event) -> bool:
        await go_on.wait()
        return await bots[0].publish(event)

    async with running(one, slow), running(two, bots[1].publish):
        names = {thread.name for thread in threading.enumerate()}
        assert {"lark-one", "lark-two"} <= names
        held_up = asyncio.create_task(lark.push_message(lark.chats.say(CHAT, "to one")))
        await asyncio.sleep(0.05)
        item = lark.chats.say(CHAT, "{0} to two", mentions=("ou_two",))
        assert await lark.push_message(item, "cli_two") == {"code": 200}
        assert not held_up.done()
        go_on.set()
        assert await held_up == {"code": 200}
    assert [one_bot.texts for one_bot in bots] == [["to one"], ["to two"]]
    assert not any(thread.name.startswith("lark-") for thread in threading.enumerate())


async def test_one_app_goes_on_when_the_other_is_cut_off(lark: FakeLark) -> None:
    lark.apps["cli_two"] = App("two-secret", "ou_two")
    bot = Listener()
    one, two = (
        adapter(lark, name="one"),
        adapter(lark, bot, name="two", app_id="cli_two", app_secret="two-secret"),
    )
    async with running(two, bot.publish):
        async with running(one, bot.publish) as run:
            for transport in lark.apps["cli_dou"].sockets.values():
                transport.abort()
            with pytest.raises(NetworkError):
                await run
        assert await lark.push_message(lark.chats.say(CHAT, "hi"), "cli_two") == {"code": 200}


async def test_stopping_is_quick_and_silent(
    lark: FakeLark, bot: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(adapter(lark, bot), bot.publish):
        await lark.push_message(lark.chats.say(CHAT, "hi"))
    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == []


async def test_no_secret_and_no_text_gets_into_the_log(
    lark: FakeLark, bot: Listener, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    bot.failure = OSError("disk full")
    async with running(adapter(lark, bot), bot.publish):
        await lark.push_message(lark.chats.say(CHAT, "my private words"))
        await lark.push_bytes(b'{"my private words": ')
    printed = "".join(capsys.readouterr())
    for record in caplog.records:
        printed += record.getMessage() + str(record.exc_info)
    assert "disk full" in printed
    tokens = [token for app in lark.apps.values() for token in app.tokens]
    for secret in (SECRET, "ticket=", "private words", *tokens):
        assert secret not in printed


def test_the_sdk_is_not_imported_with_the_adapter() -> None:
    code = (
        "import sys, adapters.lark; sys.exit(any(m.startswith('lark_oapi') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.usefixtures("socks_proxy")
async def test_a_socks_proxy_is_no_matter_for_a_platform_on_this_machine(
    lark: FakeLark, bot: Listener
) -> None:
    one = adapter(lark, bot)
    async with running(one, bot.publish):
        assert await one.send(reply())


async def test_a_socks_proxy_before_the_platform_is_named_by_its_variable(
    lark: FakeLark, bot: Listener, socks_proxy: str
) -> None:
    one, link = adapter(lark, bot, domain="https://lark.test"), Link(FakeClock())
    said = f"^HTTPS_PROXY names a proxy of the kind {socks_proxy}, .*; name one in HTTPS_PROXY, or "
    async with one:
        with pytest.raises(NetworkError, match=said):  # and not Unconfirmed: nothing was sent
            await one.send(reply())
        with pytest.raises(NetworkError, match=said):
            await one.run(bot.publish)
        assert one.link().problem.startswith("HTTPS_PROXY")
    away = settings(lark, domain="https://lark.test")
    with pytest.raises(NetworkError, match=said):
        async with socket.connected(away, bot_takes_nothing, FakeClock(), link):
            pass


async def bot_takes_nothing(_: Any) -> None:
    """Nothing comes."""
