"""The daemon as a process: its API, its end, and what survives a kill."""

import asyncio
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.daemon import daemon, run, run_process
from tests.fakes.embeddings_api import embeddings_api

ASK = "which port does the kettle server listen on?"


async def test_it_answers_stays_silent_and_stops_in_seconds(tmp_path: Path) -> None:
    async with daemon(tmp_path, ("--set", "bot.shutdown_grace_s=600")) as bot:
        assert (await bot.get("readyz"))["status"] == "ready"
        assert await bot.post("alice", ASK, mention=True, message_id="q") == 202
        assert await bot.post("bob", "what's for lunch today?", message_id="l") == 202
        answered, silent = await bot.decided("q"), await bot.decided("l")
        assert (answered["outcome"], silent["outcome"]) == ("answer", "silence")
        assert "7311" in answered["text"]
        address, _, anchor = answered["citations"][0]["url"].partition("#")
        assert address == "https://docs.test/en/serving.md"
        assert anchor
        assert silent["reason"] == "off_topic"
        async with bot.http.get(f"{bot.url}metrics") as response:
            metrics = await response.text()
        assert 'huixiangdou_decisions_total{outcome="answer",reason="answered"} 1.0' in metrics
        assert await bot.stop(signal.SIGTERM) == 0
        assert not any("Traceback" in line for line in bot.log)
        assert not any(ASK in line for line in bot.log), "no message texts in the log"


async def test_while_the_index_is_built_for_the_first_time_everybody_is_told(
    tmp_path: Path,
) -> None:
    with embeddings_api() as api:
        api.open.clear()
        embedder = f"{{kind: openai, model: letters, base_url: '{api.url}', dim: 3}}"
        more = ("--set", f"knowledge.embedder={embedder}")
        async with daemon(tmp_path, more, until="page ") as bot:
            while (await bot.get("healthz"))["loading"]["stage"] != "embed":
                await asyncio.sleep(0.05)
            state = await bot.get("readyz")
            assert state["status"] == "not ready"
            assert "built for the first time: embedded 0/" in state["problems"][0]
            assert await bot.post("alice", ASK, mention=True, message_id="q") == 202
            await bot.go_on_without_logins()
            for number, command in enumerate(("/dou status", "豆哥状态", "/dou reload")):
                await bot.post("admin", command, message_id=f"c{number}")
                await bot.decided(f"c{number}")
            english, chinese, reload = [row["text"] for row in await bot.rows("notice")]
            assert "built for the first time: embedded 0/" in english
            assert "第一次建立知识库索引：计算向量 0/" in chinese
            assert "still being loaded" in reload
            assert (await bot.get("api/decisions/q"))["state"] == "pending"
            api.open.set()
            assert (await bot.decided("q"))["state"] != "pending"
            assert (await bot.get("readyz"))["loading"] is None


@pytest.mark.slow
async def test_a_kill_loses_nothing_and_repeats_nothing(indexed: Path) -> None:
    """Five kills at awkward moments; every mention that was accepted is answered exactly once."""
    accepted: list[str] = []
    for turn in range(5):
        async with daemon(indexed, ("--set", "flood.repeat_window_s=0")) as bot:
            for n in range(3):
                name = f"q{turn}-{n}"
                status = await bot.post(f"user{turn}{n}", ASK, mention=True, message_id=name)
                accepted += [name] if status == 202 else []
            await asyncio.sleep(0.05 * turn)
            await bot.stop(signal.SIGKILL)
    async with daemon(indexed, ("--set", "flood.repeat_window_s=0")) as bot:
        for name in accepted:
            found = await bot.decided(name)
            assert (found["outcome"], found["reason"]) == ("answer", "answered")
        replies = [row["reply_to"] for row in await bot.rows("answer")]
    assert sorted(replies) == sorted(accepted)
    assert len(accepted) == 15


@pytest.mark.slow
async def test_an_attack_on_few_handles_keeps_nobody_out(indexed: Path) -> None:
    """500 half-sent requests, 200 streams and 50 guesses without a login, on 64 file handles."""
    token = "a-long-token-0123456789"
    more = ("--set", f"http.token={token}")
    async with daemon(indexed, more, handles=64) as bot:
        bot.http.headers["Authorization"] = f"Bearer {token}"
        assert await bot.post("alice", ASK, mention=True, message_id="before") == 202
        port = int(bot.url.rpartition(":")[2].strip("/"))
        half = [await asyncio.open_connection("127.0.0.1", port) for _ in range(500)]
        for _, writer in half:
            writer.write(b"POST /api/messages HTTP/1.1\r\nHost: x\r\nX")
        async with aiohttp.ClientSession(bot.url.rstrip("/")) as stranger:
            for _ in range(200):
                with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
                    await stranger.ws_connect("/api/stream?group=g")
            guesses = [await _guess(stranger, number) for number in range(50)]
        assert guesses[:5] == [401] * 5
        # One more is listened to after 1 s, 2 s, 4 s: how many depends on the machine.
        assert guesses[5:].count(429) >= 35
        assert set(guesses) == {401, 429}
        assert await bot.post("bob", ASK, mention=True, message_id="after") == 202
        assert (await bot.decided("before"))["reason"] == "answered"
        for _, writer in half:
            writer.close()
        assert await bot.stop() == 0


async def _guess(client: aiohttp.ClientSession, number: int) -> int:
    headers = {"Authorization": f"Bearer guess-{number}"}
    async with client.get("/api/groups/g/messages", headers=headers) as response:
        return response.status


async def test_admins_reload_by_chat(tmp_path: Path) -> None:
    async with daemon(tmp_path) as bot:
        page = "# Teapots\n\nThe teapot protocol answers every coffee request with status 418.\n"
        (tmp_path / "docs/teapot.md").write_text(page)
        await bot.post("admin", "/dou mute 1h", message_id="m")
        await bot.decided("m")
        assert "log in" in (await bot.rows("notice"))[-1]["text"], "a name is only a name"
        await bot.go_on_without_logins()
        await bot.post("alice", "/dou reload", message_id="r")
        await bot.decided("r")
        said = [row["text"] for row in await bot.rows("notice")]
        assert "1 added" in said[-1]
        await bot.post(
            "alice", "what does the teapot protocol answer?", mention=True, message_id="t"
        )
        assert "418" in (await bot.decided("t"))["text"]


async def test_a_port_that_is_taken_is_a_clear_error(indexed: Path) -> None:
    async with daemon(indexed) as bot:
        port = bot.url.rsplit(":", 1)[1].strip("/")
        other = indexed / "other"
        other.mkdir()
        status, _, err = await run_process(other, "run", more=("--set", f"http.port={port}"))
        assert status == 1
        assert "is another bot running?" in err
        assert "Traceback" not in err


async def test_a_second_bot_is_refused_and_check_live_asks_the_first(indexed: Path) -> None:
    async with daemon(indexed) as bot:
        status, _, err = await run_process(indexed, "run")
        assert status == 1
        (line,) = err.strip().splitlines()
        assert f"a bot runs here: process {bot.process.pid}, since" in line
        port = bot.url.rsplit(":", 1)[1].strip("/")
        live = ("--set", f"http.port={port}")
        status, out, err = await run(indexed, "check", "--live", more=live)
        assert status == 0, out + err
        assert "ok    bot: ready" in out
        assert "ok    bot: web connected for" in out
        assert re.search(r"^ok    bot: '.+' was decided in [\d.]+ s: answered$", out, re.MULTILINE)
        asked = await bot.get("api/groups/check%20--live/messages")
        assert [row["text"] for row in asked["messages"] if row["kind"] == "message"] == [""]
    status, out, _ = await run(indexed, "check", "--live", more=live)
    assert "note  bot: none runs on" in out


async def test_the_console_is_a_group_in_the_terminal(indexed: Path) -> None:
    status, out, err = await run_process(
        indexed,
        "run",
        "--burst",
        stdin=f"alice @bot: {ASK}\nbob: lunch anyone?\n",
        more=("--set", "adapters=[{kind: console}]"),
    )
    assert status == 0, err
    assert "7311" in out
    assert "en/serving.md" in out


async def test_a_bot_beyond_loopback_demands_a_token(indexed: Path) -> None:
    status, _, err = await run_process(indexed, "run", more=("--set", "http.host=0.0.0.0"))
    assert status == 2
    assert "http.token" in err
    async with daemon(indexed, ("--set", "http.token=sesame")) as bot:
        assert await bot.post("alice", ASK) == 401
        bot.http.headers["Authorization"] = "Bearer sesame"
        assert await bot.post("alice", ASK) == 202
