"""The command line and the daemon with a language model, as processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.llm.prompts import load_prompts
from tests.daemon import daemon, lines_of_json, run
from tests.fakes.llm_api import Call, LlmApi, Say, Script, agreeable, judged, llm_api
from tests.ports import free_port

ASK = "which port does the kettle server listen on?"
GOOD = "The server listens on port 7311 by default [1]."


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api(agreeable(GOOD)) as running:
        yield running


def remote(api: LlmApi) -> list[str]:
    return ["--set", f"llm.remote={{provider: custom, base_url: '{api.url}', model: chat}}"]


def scoring(**scores: int) -> Script:
    """An agreeable model with other scores."""

    def script(call: Call) -> Say:
        return judged(call, **scores) or Say(GOOD)

    return script


async def test_ask_writes_an_answer_with_its_source(indexed: Path, api: LlmApi) -> None:
    status, out, _ = await run(
        indexed, "ask", "--json", "which port does the server listen on?", more=remote(api)
    )
    (answer,) = lines_of_json(out)
    assert (status, answer["outcome"], answer["text"]) == (0, "answer", GOOD)
    assert answer["citations"][0]["path"] == "en/serving.md"


async def test_a_mention_is_told_why_it_gets_no_answer(indexed: Path, api: LlmApi) -> None:
    for scores, reason, text in (
        ({"unsafe": 9}, "unsafe", "I'd rather stay out of this."),
        ({"question": 0}, "not_a_question", "I can't tell what is being asked"),
        ({"relevance": 0}, "no_evidence", "I can't find this in the documents"),
    ):
        api.script = scoring(**scores)
        _, out, err = await run(indexed, "ask", "--json", ASK, more=remote(api))
        (answer,) = lines_of_json(out)
        assert (answer["reason"], answer["text"][: len(text)]) == (reason, text)
    assert "language model" not in err


async def test_ask_says_in_one_line_that_the_model_is_down(indexed: Path, api: LlmApi) -> None:
    api.down = True
    status, out, err = await run(indexed, "ask", ASK, more=remote(api))
    assert status == 0
    assert "7311" in out
    (line,) = err.splitlines()
    assert line.startswith("the language model can't be asked: llm remote: ")
    assert "quoted from the documents" in line
    _, out, _ = await run(indexed, "ask", "does the kettle support tensorrt?", more=remote(api))
    assert "language model can't be reached" in out


async def test_ask_says_that_the_daemon_starts_the_server(indexed: Path) -> None:
    more = ["--set", f"llm.local.serve={{model: /models/chat, port: {free_port()}}}"]
    status, out, err = await run(indexed, "ask", ASK, more=more)
    assert (status, "7311" in out) == (0, True)
    (line,) = err.splitlines()
    assert "llm.local.serve runs only while the daemon does" in line


async def test_readiness_status_and_metrics_tell_of_a_model_that_is_down(
    indexed: Path, api: LlmApi
) -> None:
    api.down = True
    async with daemon(indexed, remote(api)) as bot:
        async with asyncio.timeout(60):
            while (state := await bot.get("readyz"))["status"] != "degraded":
                await asyncio.sleep(0.05)
        assert state["problems"] == []
        assert state["degraded"] == ["llm remote: not reachable"]
        async with bot.http.get(f"{bot.url}metrics") as response:
            assert 'huixiangdou_llm_up{backend="remote"} 0.0' in await response.text()
        ask = {"mention": True, "message_id": "m1"}
        await bot.post("alice", "which port does the kettle server listen on?", **ask)
        decided = await bot.decided("m1")
        assert decided["outcome"] == "answer"
        assert "7311" in decided["text"]
        await bot.go_on_without_logins()
        await bot.post("admin", "/dou status")
        async with asyncio.timeout(60):
            while not (notices := await bot.rows("notice")):
                await asyncio.sleep(0.02)
        assert "llm remote: not reachable" in notices[-1]["text"]


@pytest.mark.slow
async def test_sigterm_while_the_model_writes_ends_in_seconds(indexed: Path, api: LlmApi) -> None:
    reached = asyncio.Event()

    def script(call: Call) -> Say:
        if call.kind == "answer":
            reached.set()
            return Say(hang=True)
        return agreeable()(call)

    api.script = script
    more = [*remote(api), "--set", "bot.shutdown_grace_s=0.2"]
    async with daemon(indexed, more) as bot:
        ask = {"mention": True, "message_id": "m1"}
        await bot.post("alice", "which port does the kettle server listen on?", **ask)
        async with asyncio.timeout(60):
            await reached.wait()
        assert await bot.stop() == 0
        assert "Traceback" not in "".join(bot.log)
    api.script = agreeable(GOOD)
    async with daemon(indexed, more) as bot:
        decided = await bot.decided("m1")
        assert (decided["outcome"], decided["text"]) == ("answer", GOOD)


def test_the_prompts_are_part_of_the_image() -> None:
    root = Path(__file__).parent.parent
    assert "!bot" in (root / ".dockerignore").read_text().split()
    assert load_prompts().by_name
