"""The live stream over real WebSockets: order, catching up, slow and unwelcome clients."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from adapters.base import Decision, IncomingMessage, StoreFailed
from adapters.web import adapter
from adapters.web.stream import StreamHub, TooManyStreams
from tests.fakes.context import context
from tests.fakes.memory_bot import MemoryBot
from tests.fakes.web_app import Served, serving


async def say(client: aiohttp.ClientSession, text: str, **more: Any) -> str:
    body = {"group": "g", "user": "Alice", "text": text, **more}
    async with client.post("/api/messages", json=body) as response:
        assert response.status == 202
        return str((await response.json())["message_id"])


async def receive(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[dict[str, Any]]:
    return [await socket.receive_json(timeout=60) for _ in range(count)]


async def test_a_question_its_answer_and_the_decision_come_in_order(
    client: aiohttp.ClientSession,
) -> None:
    async with client.ws_connect("/api/stream?group=g") as socket:
        message_id = await say(client, "@bot how do I install?")
        question, answer, decided = await receive(socket, 3)
    assert [one["type"] for one in (question, answer, decided)] == [
        "message",
        "message",
        "decision",
    ]
    assert question["message_id"] == message_id
    assert question["seq"] < answer["seq"]
    assert (answer["kind"], answer["reply_to"], answer["group"]) == ("answer", message_id, "g")
    assert decided["message_id"] == message_id
    assert decided["reply_id"] == answer["message_id"]
    assert decided["reason_text"]["en"]


async def test_silence_is_told_with_its_reason(client: aiohttp.ClientSession) -> None:
    async with client.ws_connect("/api/stream?group=g") as socket:
        await say(client, "lunch?")
        _, decided = await receive(socket, 2)
    assert (decided["type"], decided["outcome"], decided["reason"]) == (
        "decision",
        "silence",
        "off_topic",
    )


async def test_recalls_are_told(client: aiohttp.ClientSession) -> None:
    async with client.ws_connect("/api/stream?group=g") as socket:
        message_id = await say(client, "oops")
        await receive(socket, 2)
        author = {"group": "g", "user": "Alice"}
        async with client.delete(f"/api/messages/{message_id}", json=author) as response:
            assert response.status == 200
        (event,) = await receive(socket, 1)
    assert event == {"type": "recall", "group": "g", "message_id": message_id}


async def test_the_bots_answer_is_recalled_by_command(client: aiohttp.ClientSession) -> None:
    async with client.ws_connect("/api/stream?group=g") as socket:
        await say(client, "install")
        _, answer, _ = await receive(socket, 3)
        await say(client, "/dou recall", reply_to=answer["message_id"])
        command, event, _ = await receive(socket, 3)
    assert command["type"] == "message"
    assert event == {"type": "recall", "group": "g", "message_id": answer["message_id"]}


async def test_groups_are_apart(client: aiohttp.ClientSession) -> None:
    async with client.ws_connect("/api/stream?group=g") as socket:
        await say(client, "elsewhere", group="other")
        await say(client, "here")
        (first,) = await receive(socket, 1)
    assert first["text"] == "here"


async def test_many_at_once_arrive_complete_and_in_the_historys_order(
    client: aiohttp.ClientSession, served: Served
) -> None:
    async with (
        client.ws_connect("/api/stream?group=g") as one,
        client.ws_connect("/api/stream?group=g") as two,
    ):
        await asyncio.gather(*(say(client, f"m{number}") for number in range(60)))
        seen = [await receive(socket, 120) for socket in (one, two)]
    wanted = [row["seq"] for row in served.bot.rows]
    for events in seen:
        sequence = [event["seq"] for event in events if event["type"] == "message"]
        assert sequence == wanted
        told: set[str] = set()
        for event in events:
            if event["type"] == "message":
                told.add(event["message_id"])
            else:
                assert event["message_id"] in told


async def test_after_a_reconnect_nothing_is_missing(client: aiohttp.ClientSession) -> None:
    async with client.ws_connect("/api/stream?group=g") as socket:
        await say(client, "one")
        (first, _) = await receive(socket, 2)
    await say(client, "two")
    async with client.ws_connect("/api/stream?group=g") as socket:
        await say(client, "three")
        path = f"/api/groups/g/messages?after={first['seq']}"
        async with client.get(path) as response:
            missed = (await response.json())["messages"]
        (live,) = await receive(socket, 1)
    assert [row["text"] for row in missed] == ["two", "three"]
    assert live["text"] == "three"


async def test_a_client_that_does_not_read_is_dropped(
    client: aiohttp.ClientSession, served: Served
) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        b"GET /api/stream?group=g HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert b"101" in await reader.readline()
    async with client.ws_connect("/api/stream?group=g", max_msg_size=2**20) as healthy:
        for _ in range(400):
            await served.bot.answer(served.adapter, "g", "x" * 100_000, None)
            event = await healthy.receive_json(timeout=60)
            assert len(event["text"]) == 100_000
    async with asyncio.timeout(60):  # without a cut the end would never come
        received = 0
        while chunk := await reader.read(65536):
            received += len(chunk)
    assert received < 400 * 100_000
    writer.close()
    await writer.wait_closed()


async def test_clients_are_told_when_the_bot_stops() -> None:
    async with aiohttp.ClientSession() as session:
        async with serving() as served:
            socket = await session.ws_connect(f"{served.url}/api/stream?group=g")
        message = await socket.receive(timeout=60)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == 1001


async def test_a_stopped_bot_takes_no_messages() -> None:
    async with serving() as other:
        adapter = other.adapter
    app = aiohttp.web.Application()
    app.add_routes(adapter.routes())
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/messages"
    body = {"group": "g", "user": "u", "text": "t"}
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        assert response.status == 503
    await runner.cleanup()


async def test_a_client_that_sends_too_much_is_closed(client: aiohttp.ClientSession) -> None:
    async with client.ws_connect("/api/stream?group=g") as socket:
        await socket.send_str("x" * 10_000)
        message = await socket.receive(timeout=60)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_nobody_listening_costs_nothing(served: Served) -> None:
    await served.adapter.show(Decision("g", ("m1",), "silence", "off_topic"))
    await served.adapter.recall("g", "m1")


class BrokenHistory(MemoryBot):
    """Fails when told to."""

    broken = False

    async def messages(
        self, adapter: str, group: str, after: int | None, limit: int
    ) -> list[dict[str, Any]]:
        if self.broken:
            raise StoreFailed("disk I/O error")
        return await super().messages(adapter, group, after, limit)


async def test_a_stream_whose_history_fails_is_cut_rather_than_left_with_a_gap() -> None:
    history = BrokenHistory()
    hub = StreamHub(history, "web")
    dropped: list[str] = []
    async with hub.listen("g", lambda: dropped.append("one")):
        history.broken = True
        await hub.push_messages("g")
    assert dropped == ["one"]
    assert not hub.has_listeners("g")


async def test_there_is_a_limit_to_open_streams() -> None:
    hub = StreamHub(MemoryBot(), "web", max_streams=1)
    async with hub.listen("g", lambda: None):
        with pytest.raises(TooManyStreams):
            async with hub.listen("h", lambda: None):
                pass
    async with hub.listen("h", lambda: None):
        pass


async def test_an_event_comes_after_the_messages_before_it() -> None:
    bot = MemoryBot()
    hub = StreamHub(bot, "web")
    async with hub.listen("g", lambda: None) as outbox:
        await bot.publish(IncomingMessage("web", "g", "Alice", "m1", "hi", 0.0))
        await hub.push("g", {"type": "decision", "message_id": "m1"})
        types = [json.loads(outbox.get_nowait() or "")["type"] for _ in range(2)]
    assert types == ["message", "decision"]


async def test_what_another_process_wrote_into_the_history_is_shown_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adapter, "FOLLOW_S", 0.01)
    bot = MemoryBot()
    web = adapter.create(adapter.Settings(kind="web"), replace(context(bot), shared=True))
    running = asyncio.create_task(web.run(bot.publish))
    async with web._hub.listen("g", lambda: None) as outbox, asyncio.timeout(60):
        await bot.publish(IncomingMessage("web", "g", "Alice", "m1", "hi", 0.0))
        assert json.loads(await outbox.get() or "")["message_id"] == "m1"
    running.cancel()
    await asyncio.wait({running})
