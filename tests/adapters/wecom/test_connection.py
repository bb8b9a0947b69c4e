"""The life of a connection: signing in, pings, ends of every kind, and what arrives meanwhile."""

import asyncio
import logging
from itertools import pairwise
from typing import Any

import pytest

from adapters.base import IncomingMessage, LoginRefused, NetworkError, Reply, StoreFailed
from adapters.wecom.socket import ACK_S
from tests.adapters.wecom.running import adapter_on, answer, once, pass_time, running, until
from tests.fakes.clock import FakeClock
from tests.fakes.wecom_server import BOT, SECRET, Say


async def test_it_signs_in_at_once_and_says_that_it_is_up() -> None:
    async with running() as live:
        (signed,) = live.server.commands("aibot_subscribe")
        assert signed.body == {"bot_id": BOT, "secret": SECRET}
        assert signed.req_id.startswith("aibot_subscribe_")
        status = live.adapter.link()
        assert (status.up, status.reconnects, status.problem) == (True, 0, "")
        await live.ask()
        assert live.adapter.link().event >= status.heard


async def test_a_wrong_secret_is_a_clear_message_and_closes_the_connection() -> None:
    async with running(connect=False, secret="wrong-one") as live:
        await live.connect()
        error = await live.ended()
        assert isinstance(error, LoginRefused)
        assert "bot_id and secret" in str(error) and "853000" in str(error)
        assert "BotID" in error.zh
        assert "wrong-one" not in repr(error)
        assert live.adapter.link().problem == str(error)
        with pytest.raises(LoginRefused):  # so that the answer waits for the right secret
            await live.adapter.send(Reply("k1", "group", None, "use pip"))
        await until(lambda: not live.server._connections)


async def test_a_refused_sign_in_is_worth_a_retry() -> None:
    async with running(connect=False) as live:
        live.server.script = once("aibot_subscribe", Say(code=45009))
        await live.connect()
        assert "45009" in str(await live.ended())


async def test_a_connection_that_ends_at_the_sign_in_says_why() -> None:
    async with running(connect=False) as live:
        live.server.script = once("aibot_subscribe", Say(ack=False, drop=True))
        await live.connect()
        assert "ended the connection" in str(await live.ended())


async def test_silence_at_the_sign_in_is_noticed() -> None:
    clock = FakeClock()
    async with running(clock, connect=False) as live:
        live.server.script = once("aibot_subscribe", Say(ack=False))
        run = asyncio.create_task(live.adapter.run(live.publish))
        await pass_time(clock, run.done)
        assert isinstance(run.exception(), NetworkError)


async def test_a_refused_handshake_and_no_server_at_all() -> None:
    async with running(connect=False) as live:
        live.server.status = 503
        await live.connect()
        assert "HTTP 503" in str(await live.ended())
    await live.connect()
    error = await live.ended()
    assert isinstance(error, NetworkError)
    assert "can't be reached" in str(error)


async def test_a_process_with_the_same_bot_takes_the_connection_and_the_message_says_so() -> None:
    async with running() as live:
        other = adapter_on(live.server)
        run = asyncio.create_task(other.run(live.publish))
        error = await live.ended()
        assert isinstance(error, LoginRefused)
        assert "another process has signed in with the same bot_id" in str(error)
        assert live.server.kicked == 1
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await other.__aexit__(None, None, None)


@pytest.mark.parametrize("code", [1000, 1001, 1011])
async def test_a_clean_close_is_an_end_worth_a_reconnect(code: int) -> None:
    async with running() as live:
        await live.server.close(code)
        error = await live.ended()
        assert isinstance(error, NetworkError)
        assert str(code) in str(error)
        assert not live.adapter.link().up
        await live.connect()
        assert (live.adapter.link().up, live.adapter.link().reconnects) == (True, 1)
        await live.ask()


async def test_a_cut_connection_is_an_end() -> None:
    async with running() as live:
        live.server.drop()
        assert isinstance(await live.ended(), NetworkError)


async def test_a_half_open_connection_is_noticed_and_replaced() -> None:
    clock = FakeClock()
    async with running(clock) as live:
        began = clock.now()
        live.server.go_deaf()
        assert live.task
        await pass_time(clock, live.task.done)
        assert "2 pings were not answered" in str(await live.ended())
        assert 30 < clock.now() - began <= 45
        await live.connect()
        assert live.adapter.link().up


async def test_pings_keep_the_connection_and_one_without_an_answer_is_forgiven() -> None:
    clock = FakeClock()
    async with running(clock, ping_s=10) as live:
        live.server.script = once("ping", Say(ack=False))
        for pings in range(6):
            # The first ping is never acknowledged; any other's ack takes real time, and none on
            # the clock.
            ahead = 0.0 if pings == 1 else ACK_S

            def waits(n: int = pings, s: float = ahead) -> bool:
                due = clock.deadline or 0.0
                return len(live.server.commands("ping")) == n and due > clock.now() + s

            await until(waits)
            clock.jump()
        await until(lambda: len(live.server.commands("ping")) == 6)
        times = [seen.at for seen in live.server.commands("ping")]
        assert [round(b - a) for a, b in pairwise(times)] == [5, 10, 10, 10, 10]
        assert live.adapter.link().up


async def test_messages_before_the_end_are_published_before_it() -> None:
    async with running() as live:
        for number in range(50):
            await live.server.say(f"question {number}")
        live.server.drop()
        await live.ended()
        assert len(live.ids()) <= 50
        assert [e.text for e in live.events if isinstance(e, IncomingMessage)] == [
            f"question {number}" for number in range(len(live.events))
        ]


async def test_what_has_arrived_is_stored_when_the_bot_stops() -> None:
    async with running() as live:
        asked = await live.ask()
        slow, stored = asyncio.Event(), []

        async def publish(event: object) -> bool:
            if not slow.is_set():
                await slow.wait()
            stored.append(event)
            return True

        await live.stop()
        live.task = asyncio.create_task(live.adapter.run(publish))
        await until(lambda: live.adapter.link().up)
        for number in range(5):
            await live.server.say(f"question {number}")
        await live.adapter.send(answer(asked))  # which is acknowledged behind them
        live.task.cancel()
        await asyncio.sleep(0)
        slow.set()
        await asyncio.gather(live.task, return_exceptions=True)
        assert len(stored) == 5
        await live.server.say("too late")
        await asyncio.sleep(0.02)
        assert len(stored) == 5


@pytest.mark.parametrize("failure", [OSError("disk full"), StoreFailed("locked")])
async def test_a_message_that_can_not_be_stored_is_logged_by_its_id(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as live:
        live.failure = failure
        msgid = await live.server.say("the text of it")
        await live.ask("another one")
        assert f"message {msgid} could not be stored" in caplog.text
        assert "the text of it" not in caplog.text
        assert live.adapter.link().up


async def test_the_same_message_again_is_published_under_the_same_id() -> None:
    async with running() as live:
        await live.ask("once", msgid="M1")
        await live.server.say("once", msgid="M1")
        await live.ask("next")
        assert len([e for e in live.events if isinstance(e, IncomingMessage)]) == 3
        assert len(live.ids()) == 2


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        '{"headers": []}',
        '{"headers": {"req_id": 5}, "errcode": 0}',
        '{"headers": {"req_id": "x"}, "errcode": "0"}',
        '{"headers": {"req_id": "x"}, "errcode": true}',
        '{"headers": {"req_id": "unknown"}, "errcode": 0}',
        '{"cmd": "aibot_msg_callback", "headers": {"req_id": "x"}}',
        '{"cmd": "aibot_msg_callback", "headers": {"req_id": "x"}, "body": [1]}',
        '{"cmd": "aibot_msg_callback", "headers": {"req_id": "x"}, "body": {"event": [1]}}',
        '{"cmd": "aibot_event_callback", "headers": {"req_id": "x"}, "body": {"event": 3}}',
        '{"cmd": ["x"], "headers": {"req_id": "x"}, "body": {}}',
        '{"cmd": "aibot_future", "headers": {"req_id": "x"}, "body": {}}',
        "[" * 100_000,
        "9" * 5000,
    ],
)
async def test_malformed_frames_are_left_out(raw: str, caplog: pytest.LogCaptureFixture) -> None:
    async with running() as live:
        await live.server.tell_raw(raw)
        await live.ask()
        assert live.adapter.link().up
        assert len(live.events) == 1
        assert not raw or raw not in caplog.text


async def test_a_surrogate_in_a_message_can_be_stored() -> None:
    async with running() as live:
        asked = await live.ask("half of \ud83d an emoji")
        assert asked.text.encode() == b"half of ? an emoji"


@pytest.mark.parametrize("created", [10**400, float("inf"), float("nan"), 2**70, "soon", [[]]])
async def test_a_senseless_time_costs_neither_message_nor_connection(created: object) -> None:
    clock = FakeClock()
    async with running(clock) as live:
        asked = await live.ask(create_time=created)
        assert asked.sent_at == clock.now()
        assert live.adapter.link().up


async def test_half_an_emoji_in_an_id_can_be_stored_and_answered() -> None:
    half = "\ud800"
    more: Any = {"msgid": f"m{half}", "from": {"userid": f"li{half}"}}
    async with running() as live:
        await live.server.say("how?", **more)
        await until(lambda: live.events)
        (event,) = live.events
        assert isinstance(event, IncomingMessage)
        assert (event.message_id, event.user) == ("m?", "li?")
        await live.adapter.send(answer(event))
        assert live.server.in_chat("wrk1") == ["Run `make install` [1]."]


async def test_the_secret_is_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running() as live:
        asked = await live.ask("a text of somebody")
        assert SECRET not in repr(live.adapter._settings)
        live.server.drop()
        error = await live.ended()
        assert SECRET not in f"{error!r}{caplog.text}"
        assert asked.text not in caplog.text


async def test_a_welcome_only_where_it_is_set_and_only_to_one_person() -> None:
    async with running(welcome="你好，问我茴香豆的问题。") as live:
        await live.server.happen("enter_chat")
        await live.server.happen("enter_chat", group="wrk1")
        await until(lambda: live.server.welcomes)
        await live.ask()
        assert live.server.welcomes == ["你好，问我茴香豆的问题。"]
    async with running() as live:
        await live.server.happen("enter_chat")
        await live.ask()
        assert not live.server.commands("aibot_respond_welcome_msg")


async def test_a_welcome_that_is_refused_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with running(welcome="hi") as live:
        live.server.script = once("aibot_respond_welcome_msg", Say(code=40058))
        await live.server.happen("enter_chat")
        await until(lambda: "code 40058" in caplog.text)
        await live.ask()


@pytest.mark.parametrize("eventtype", ["template_card_event", "feedback_event", "new_thing"])
async def test_other_events_are_left_alone(eventtype: str) -> None:
    async with running() as live:
        await live.server.happen(eventtype, template_card_event={"event_key": "x"})
        await live.ask()
        assert len(live.events) == 1
