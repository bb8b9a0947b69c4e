"""The command line and the daemon with a language model, as processes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.llm.prompts import load_prompts
from tests.daemon import daemon, lines_of_json, run
from tests.fakes.llm_api import SCORES, Call, LlmApi, Say, agreeable, digit, llm_api

GOOD = "The server listens on port 7311 by default [1]."
MESSAGES = [
    ("which port does the kettle server listen on?", 1),
    ("DLL load failed on windows when importing kettle", 1),
    ("lunch?", 0),
    ("the kettle server is in the kitchen", 0),
]


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api(agreeable(GOOD)) as running:
        yield running


def remote(api: LlmApi) -> list[str]:
    return ["--set", f"llm.remote={{provider: custom, base_url: '{api.url}', model: chat}}"]


def data(folder: Path) -> str:
    file = folder / "messages.jsonl"
    file.write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in MESSAGES))
    return str(file)


async def test_ask_writes_an_answer_with_its_source(tmp_path: Path, api: LlmApi) -> None:
    status, out, _ = await run(
        tmp_path, "ask", "--json", "which port does the server listen on?", more=remote(api)
    )
    (answer,) = lines_of_json(out)
    assert (status, answer["outcome"], answer["text"]) == (0, "answer", GOOD)
    assert answer["citations"][0]["path"] == "en/serving.md"


async def test_check_asks_the_model_for_a_score(tmp_path: Path, api: LlmApi) -> None:
    await run(tmp_path, "index")
    status, out, _ = await run(tmp_path, "check", more=remote(api))
    assert status == 0
    assert "llm: scores are expected" in out
    api.models = ("other",)
    status, out, _ = await run(tmp_path, "check", more=remote(api))
    assert status == 1
    assert "remote has no model chat, but other" in out


async def test_eval_scoring_shows_the_distribution_by_label(tmp_path: Path, api: LlmApi) -> None:
    api.script = lambda call: digit(9 if "?" in call.text or "DLL" in call.text else 1)
    more = remote(api)
    command = ("eval", "scoring", "--data", data(tmp_path))
    status, out, _ = await run(tmp_path, *command, "--json", more=more)
    (figures,) = lines_of_json(out)
    assert status == 0
    assert (figures["n"], figures["expected"], figures["unreadable"]) == (4, 4, 0)
    assert figures["label_1"] == [0] * 9 + [2]
    assert figures["label_0"] == [0, 1] + [0] * 7 + [1]  # "lunch?" has a question mark
    status, out, _ = await run(tmp_path, *command, more=more)
    assert "best_threshold" in out


async def test_eval_gate_counts_what_the_model_costs(tmp_path: Path, api: LlmApi) -> None:
    api.script = lambda call: digit({**SCORES, "question": 0}[call.kind] if "kitchen" in call.text
                                    else SCORES[call.kind])  # fmt: skip
    command = ("eval", "gate", "--llm", "--json", "--data", data(tmp_path))
    status, out, _ = await run(tmp_path, *command, more=remote(api))
    (figures,) = lines_of_json(out)
    assert status == 0
    asked = {call.text for call in api.calls}
    assert figures["calls_per_1000"] == 1000 * len(api.calls) / len(MESSAGES)
    assert not any("lunch" in text for text in asked)  # the gate is first, the model second
    assert figures["llm_precision"] == 1.0
    assert 0 < figures["share_of_llm_first"] < 1


@pytest.mark.parametrize("command", [("scoring",), ("gate", "--llm")])
async def test_without_a_model_it_says_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    status, _, err = await run(tmp_path, "eval", *command, "--data", data(tmp_path))
    assert status == 1
    assert "configure llm.local or llm.remote" in err


async def test_readiness_status_and_metrics_tell_of_a_model_that_is_down(
    tmp_path: Path, api: LlmApi
) -> None:
    api.down = True
    async with daemon(tmp_path, remote(api)) as bot:
        async with asyncio.timeout(20):
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
        await bot.post("admin", "/dou status")
        async with asyncio.timeout(20):
            while not (notices := await bot.rows("notice")):
                await asyncio.sleep(0.02)
        assert "llm remote: not reachable" in notices[-1]["text"]


async def test_sigterm_while_the_model_writes_ends_in_seconds(tmp_path: Path, api: LlmApi) -> None:
    reached = asyncio.Event()

    def script(call: Call) -> Say:
        if call.kind == "answer":
            reached.set()
            return Say(hang=True)
        return agreeable()(call)

    api.script = script
    more = [*remote(api), "--set", "bot.shutdown_grace_s=0.2"]
    async with daemon(tmp_path, more) as bot:
        ask = {"mention": True, "message_id": "m1"}
        await bot.post("alice", "which port does the kettle server listen on?", **ask)
        async with asyncio.timeout(20):
            await reached.wait()
        assert await bot.stop() == 0
        assert "Traceback" not in "".join(bot.log)
    api.script = agreeable(GOOD)
    async with daemon(tmp_path, more) as bot:
        decided = await bot.decided("m1")
        assert (decided["outcome"], decided["text"]) == ("answer", GOOD)


def test_the_prompts_are_part_of_the_image() -> None:
    root = Path(__file__).parent.parent
    assert "!bot" in (root / ".dockerignore").read_text().split()
    assert load_prompts().by_name
