"""Receiving through the official client: what is stored, what is acknowledged, what is noticed."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from adapters.base import IncomingMessage, NetworkError, StoreFailed
from adapters.dingtalk.stream import LINGER_S, SHORT_LIFE_S, SILENCE_S
from tests.adapters.dingtalk.running import running
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_api import Answer
from tests.fakes.dingtalk_server import DingTalkServer, dingtalk


async def test_a_message_is_stored_and_then_acknowledged(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        frame = await server.push(server.message("how?", msgId="m1"))
        await server.until(lambda: frame in server.acks)
        message = bot.bot.events[0]
        assert isinstance(message, IncomingMessage)
        assert (message.message_id, message.text, message.user) == ("m1", "how?", "ann")
        assert message.mention
        assert server.acks[frame]["code"] == 200
        assert bot.adapter.link().event == clock.now()
        asked = dict(server.bodies)["gateway/connections/open"]["subscriptions"]
        assert asked == [{"type": "CALLBACK", "topic": "/v1.0/im/bot/messages/get"}]


async def test_the_acknowledgement_waits_for_the_disk(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        stored, publish = asyncio.Event(), bot.bot.publish

        async def slow(event: object) -> bool:
            await stored.wait()
            return await publish(event)  # type: ignore[arg-type]  # any event goes through

        bot.task.cancel()
        await server.until(lambda: not server.lines)
        task = asyncio.create_task(bot.adapter.run(slow))
        await server.until(lambda: server.lines)
        frame = await server.push(server.message())
        ping = await server.system("ping")
        await asyncio.sleep(0.05)
        assert server.acks == {}
        stored.set()
        await server.until(lambda: {frame, ping} <= set(server.acks))
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("failure", [OSError("disk full"), StoreFailed("locked")])
async def test_what_was_not_stored_is_not_acknowledged(
    server: DingTalkServer, clock: FakeClock, failure: Exception
) -> None:
    async with running(server, clock) as bot:
        bot.bot.failure = failure
        lost = await server.push(server.message(msgId="m1"))
        await server.system("ping")
        await server.until(lambda: server.acks)
        assert lost not in server.acks
        bot.bot.failure = None
        assert (await bot.hears(server.message(msgId="m1"))).message_id == "m1"


async def test_a_fault_of_ours_is_not_taken_for_a_malformed_frame(
    server: DingTalkServer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(server, clock) as bot:
        bot.bot.failure = KeyError("ours")
        await server.push(server.message())
        await server.until(lambda: "Traceback" in caplog.text)
        bot.bot.failure = None
        await bot.hears(server.message())


async def test_a_redelivered_message_is_acknowledged_and_known(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        payload = server.message()
        await bot.hears(payload)
        await bot.hears(payload)
        assert len(bot.bot.rows) == 1


async def test_the_order_is_kept(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock) as bot:
        frames = [await server.push(server.message(str(n))) for n in range(50)]
        await server.until(lambda: frames[-1] in server.acks)
        assert [row["text"] for row in bot.bot.rows] == [str(n) for n in range(50)]


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[]",
        '"text"',
        "null",
        "[" * 5000,
        '{"type": "CALLBACK"}',
        '{"type": "CALLBACK", "headers": []}',
        '{"type": "CALLBACK", "headers": {"time": "soon"}}',
        json.dumps({"type": "CALLBACK", "headers": {"topic": "/x"}, "data": "secret words"}),
        json.dumps({"type": "SYSTEM", "headers": {"topic": "ping"}, "data": "{"}),
        json.dumps({"type": "NEW", "headers": {}, "data": "{}"}),
    ],
    ids=lambda frame: frame[:30],
)
async def test_a_malformed_frame_is_dropped_and_the_connection_lives(
    server: DingTalkServer, clock: FakeClock, frame: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(server, clock) as bot:
        await server.raw(frame)
        await bot.hears(server.message())
        assert len(server.lines) == 1
        assert "secret words" not in caplog.text


async def test_a_malformed_message_is_dropped_and_the_connection_lives(
    server: DingTalkServer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(server, clock) as bot:
        malformed: list[Any] = [[], "x", {}, server.message("secret words", msgId=None)]
        frames = [await server.push(payload) for payload in malformed]
        await bot.hears(server.message())
        assert set(frames) <= set(server.acks)
        assert len(bot.bot.events) == 1
        assert "secret words" not in caplog.text


async def test_a_ping_of_the_platform_is_answered(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock):
        ping = await server.system("ping", {"opaque": "x"})
        await server.until(lambda: ping in server.acks)
        assert json.loads(server.acks[ping]["data"]) == {"opaque": "x"}


async def test_a_new_connection_is_opened_before_the_old_one_ends(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.lives(clock, SHORT_LIFE_S)
        await server.system("disconnect", {"reason": "connection is expired"})
        await server.until(lambda: len(server.lines) == 2)
        await bot.hears(server.message())
        first, second = server.lines
        first.leaving, second.leaving = False, True
        await bot.hears(server.message("still on the old one"))
        await bot.lives(clock, LINGER_S)
        await server.until(lambda: server.lines == [second])
        assert not bot.task.done()
        assert bot.adapter.link().reconnects == 1
        assert server.lost == 0


async def test_an_old_connection_that_breaks_harms_nothing(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.lives(clock, SHORT_LIFE_S)
        await server.system("disconnect")
        await server.until(lambda: len(server.lines) == 2)
        first, second = server.lines
        assert first.request.transport
        first.request.transport.abort()
        await server.until(lambda: server.lines == [second])
        await bot.hears(server.message())
        assert not bot.task.done()


async def test_a_platform_that_always_asks_to_reconnect_makes_no_hot_loop(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await server.system("disconnect")
        assert isinstance(await bot.failure(), NetworkError)
        assert server.calls["gateway/connections/open"] == 1


async def test_a_refused_second_connection_ends_the_run(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.lives(clock, SHORT_LIFE_S)
        server.answers["gateway/connections/open"].append(Answer(503, {}))
        await server.system("disconnect")
        assert isinstance(await bot.failure(), NetworkError)
        await server.until(lambda: not server.lines)


async def test_a_dropped_connection_is_noticed_at_once(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        server.drop()
        assert isinstance(await bot.failure(), NetworkError)
        assert not bot.adapter.link().up
        assert bot.adapter.link().problem


async def test_a_closed_connection_is_noticed_at_once(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await server.close()
        assert "closed" in str(await bot.failure())


async def test_a_half_open_connection_is_noticed(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock) as bot:
        server.half_open()
        for _ in range(3):
            assert not bot.task.done()
            clock.advance(10.0)
            await asyncio.sleep(0.01)
        assert "half-open" in str(await bot.failure())
        assert not bot.adapter.link().up


async def test_a_silent_connection_that_answers_pings_lives(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        await bot.lives(clock, 10 * SILENCE_S)
        assert bot.adapter.link().up


async def test_two_adapters_on_two_platforms(server: DingTalkServer, clock: FakeClock) -> None:
    async with (
        dingtalk(clock.now) as other,
        running(server, clock) as first,
        running(other, clock, name="second") as second,
    ):
        assert (await first.hears(server.message("one"))).adapter == "dingtalk"
        assert (await second.hears(other.message("two"))).adapter == "second"
        assert len(server.lines) == len(other.lines) == 1


def test_the_client_is_imported_only_when_it_is_needed() -> None:
    code = "import sys, adapters.dingtalk; assert 'dingtalk_stream' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_it_stops_at_once(server: DingTalkServer, clock: FakeClock) -> None:
    async with running(server, clock) as bot:
        bot.task.cancel()
        await asyncio.wait({bot.task}, timeout=2)
        assert bot.task.cancelled()
        await server.until(lambda: not server.lines)


async def test_an_adapter_runs_again_after_a_failure(
    server: DingTalkServer, clock: FakeClock
) -> None:
    async with running(server, clock) as bot:
        server.drop()
        await bot.failure()
        task = asyncio.create_task(bot.adapter.run(bot.bot.publish))
        await server.until(lambda: server.lines)
        await bot.hears(server.message())
        assert bot.adapter.link().reconnects == 1
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("until", [10**400, float("inf"), float("nan"), -5, "soon", [], 2**70])
async def test_a_senseless_webhook_time_costs_neither_message_nor_connection(
    server: DingTalkServer, clock: FakeClock, until: Any
) -> None:
    async with running(server, clock) as bot:
        await bot.hears(server.message("how?", sessionWebhookExpiredTime=until))
        await bot.hears(server.message("and this?"))
        assert bot.adapter.link().up


async def test_half_an_emoji_is_stored_and_acknowledged(
    server: DingTalkServer, clock: FakeClock
) -> None:
    half = "\ud800"
    async with running(server, clock) as bot:
        message = await bot.hears(
            server.message(
                f"how{half}?",
                msgId=f"m{half}",
                conversationId=f"cid{half}",
                senderStaffId=f"ann{half}",
                atUsers=[{"dingtalkId": f"$:x{half}", "staffId": f"042{half}"}],
            )
        )
        assert (message.text, message.message_id, message.group) == ("how??", "m?", "cid?")
        assert (message.user, message.mentions) == ("ann?", ("042?",))


async def test_a_frame_with_half_an_emoji_in_its_head_is_acknowledged(
    server: DingTalkServer, clock: FakeClock
) -> None:
    head = {"topic": "/v1.0/im/bot/messages/get", "messageId": "f\ud800", "time": "1"}
    frame = {"type": "CALLBACK", "headers": head, "data": json.dumps(server.message("how?"))}
    async with running(server, clock) as bot:
        await server.raw(json.dumps(frame))
        await server.until(lambda: "f?" in server.acks)
        assert len(bot.bot.rows) == 1
