"""Client and supervisor on lmdeploy's own api_server, of which only the engine is a stand-in.

`make test-lmdeploy`; no part of `make test`, because it takes a minute and 1.7 GB to prepare.
LMDEPLOY_STUB is the path of the stand-in. With FREEZE=1 the server's answers are written into
tests/fixtures/lmdeploy.json, which the ordinary tests read.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.llm import wire
from bot.llm.lmdeploy.supervisor import MEMORY_KEYS, Server, State
from bot.llm.presets import load_presets
from bot.llm.prompts import load_prompts
from bot.llm.scoring import Rubric
from bot.llm.settings import ServeSettings
from bot.llm.types import AuthError, ContextTooLong, LlmError, ModelMissing, Request, Unavailable
from common.clock import SystemClock
from tests.bot.llm.models import model
from tests.ports import free_port

STUB = os.environ.get("LMDEPLOY_STUB", "")
FIXTURES = Path(__file__).parent.parent / "fixtures" / "lmdeploy.json"

pytestmark = [pytest.mark.timeout(300)]


def wrapper(folder: Path, *stub: str) -> str:
    """An executable that takes the arguments of `python -m lmdeploy serve api_server MODEL`."""
    script = folder / "python"
    extra = " ".join(f"'{part}'" for part in stub)
    script.write_text(f'#!/bin/sh\nshift 5\nexec "{sys.executable}" "{STUB}" {extra} "$@"\n')
    script.chmod(0o755)
    return str(script)


def rules(folder: Path, *entries: dict[str, Any]) -> tuple[str, str]:
    file = folder / "rules.json"
    file.write_text(json.dumps(entries))
    return "--stub-script", str(file)


@asynccontextmanager
async def served(
    folder: Path, *stub: str, wait: State = State.READY, **fields: Any
) -> AsyncIterator[tuple[Server, int]]:
    """An api_server run by our supervisor, in the state that was waited for."""
    fields = {"model": "unused", "session_len": 16384, "max_batch_size": 2, **fields}
    made = ServeSettings(port=free_port(), python=wrapper(folder, *stub), **fields)

    async def ready() -> None:
        """Nobody waits for it."""

    server = Server(made, SystemClock(), ready)
    task = asyncio.create_task(server.run())
    try:
        await until(lambda: server.state is wait)
        yield server, made.port
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(come: Callable[[], bool], seconds: float = 120) -> None:
    async with asyncio.timeout(seconds):
        while not come():
            await asyncio.sleep(0.05)


def at(port: int, **fields: Any) -> dict[str, Any]:
    local = {"base_urls": [f"http://127.0.0.1:{port}"], **fields}
    return {"local": local, "retries": 0}


async def test_it_is_started_scores_with_logprobs_and_streams(tmp_path: Path) -> None:
    script = rules(
        tmp_path,
        {"match": "One digit", "reply": "7", "top": {"7": 0.7, "9": 0.3}, "cached": 128},
        {"match": "Answer the question", "reply": "The port is 7311 [1].", "token_s": 0.01},
    )
    async with served(tmp_path, *script, model_name="stub") as (_, port):  # noqa: SIM117 - its port
        async with model(at(port, model="stub")) as llm:
            score = await llm.score(Rubric.QUESTION, chinese=False, message="which port?")
            assert score.how == "expected"
            assert score.value == pytest.approx((7 * 0.7 + 9 * 0.3) * 10 / 9, abs=0.05)
            seen: list[str] = []

            async def show(text: str) -> None:
                seen.append(text)

            done = await llm.answer("which port?", ["7311"], "", on_text=show)
            assert done.text == "The port is 7311 [1]."
            assert len(seen) > 5
            assert llm.hybrid.usage.cached_tokens >= 128


async def test_a_guided_score_is_a_digit_whatever_the_model_would_say(tmp_path: Path) -> None:
    script = rules(tmp_path, {"match": "One digit", "reply": "I think it is fine"})
    async with served(tmp_path, *script) as (_, port), model(at(port)) as llm:
        score = await llm.score(Rubric.QUESTION, chinese=False, message="which port?")
        assert score.how != "unreadable"


async def test_a_slow_load_is_waited_for(tmp_path: Path) -> None:
    async with served(tmp_path, "--stub-load-s", "3", wait=State.LOADING) as (server, port):
        async with model(at(port)) as llm:
            with pytest.raises(Unavailable):
                await llm.rewrite("and?", "", chinese=False)
        await until(lambda: server.state is State.READY)


async def test_wrong_names_keys_and_lengths_are_told_apart(tmp_path: Path) -> None:
    more = ("--api-keys", "k1")
    async with served(tmp_path, session_len=4096, extra_args=more) as (_, port):
        async with model(at(port, api_key="k1", model="other")) as llm:
            with pytest.raises(ModelMissing):
                await llm.rewrite("and?", "", chinese=False)
            await llm.hybrid.probe(everything=True)
            assert llm.hybrid.problems() == ["llm local: local has no model other, but chat"]
        async with model(at(port, api_key="k2", model="chat")) as llm:
            with pytest.raises(AuthError):
                await llm.rewrite("and?", "", chinese=False)
        async with model(at(port, api_key="k1", model="chat")) as llm:
            with pytest.raises(ContextTooLong):  # its tokenizer counts bytes
                await llm.answer("which port?", ["port " * 2000], "")


async def test_overload_queues_and_everything_is_answered(tmp_path: Path) -> None:
    script = rules(tmp_path, {"match": "", "reply": "5", "first_s": 0.3})
    async with served(tmp_path, *script) as (_, port), model(at(port, concurrency=8)) as llm:
        scores = await asyncio.gather(
            *(llm.score(Rubric.QUESTION, chinese=False, message=str(n)) for n in range(8))
        )
        assert len(scores) == 8


async def test_a_crash_under_a_request_is_survived(tmp_path: Path) -> None:
    script = rules(tmp_path, {"match": "boom", "exit": 139})
    async with served(tmp_path, *script) as (server, port), model(at(port)) as llm:
        with pytest.raises(LlmError):
            await llm.score(Rubric.QUESTION, chinese=False, message="boom")
        await until(lambda: server.state is State.PAUSING)
        assert "139" in server.problem
        await until(lambda: server.state is State.READY)


async def test_out_of_memory_at_start_names_the_keys(tmp_path: Path) -> None:
    async with served(tmp_path, "--stub-oom", wait=State.PAUSING) as (server, _):
        assert server.problem == MEMORY_KEYS


async def test_it_ends_in_seconds_though_a_stream_is_running(tmp_path: Path) -> None:
    script = rules(tmp_path, {"match": "", "reply": "x" * 3000, "token_s": 0.05})
    async with served(tmp_path, *script) as (_, port):
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        body = {"model": "chat", "messages": [{"role": "user", "content": "go"}], "stream": True}
        async with aiohttp.ClientSession() as http:
            stream = await http.post(url, json={**body, "max_completion_tokens": 2000})
            await stream.content.readline()
            began = time.monotonic()
            stream.close()
    assert time.monotonic() - began < 20


CASES: dict[str, dict[str, Any]] = {
    "score": {},
    "wrong model": {"model": "other"},
    "bad field": {"temperature": 9},
    "bad grammar": {"response_format": {"type": "regex_schema", "regex_schema": "["}},
    "engine error": {"messages": [{"role": "user", "content": "kaputt"}]},
    "too long": {"messages": [{"role": "user", "content": "x" * 20000}]},
    "stream": {"stream": True, "stream_options": {"include_usage": True}},
    "stream error": {"stream": True, "messages": [{"role": "user", "content": "kaputt"}]},
}


async def test_its_answers_are_those_that_the_ordinary_tests_read(tmp_path: Path) -> None:
    script = rules(
        tmp_path,
        {"match": "kaputt", "error": "INTERNAL_ENGINE_ERROR"},
        {"match": "", "reply": "7", "top": {"7": 0.7, "9": 0.3}, "cached": 128},
    )
    prompt = load_prompts().render("question", chinese=False, message="which port?")
    preset = load_presets()["lmdeploy"]
    request = wire.body_of(Request(prompt, 2, digit=True), "chat", preset, thinking=False)
    plain = {**request, **request.pop("extra_body")}
    frozen: dict[str, Any] = {}
    async with served(tmp_path, *script) as (_, port), aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}/v1/"
        for name, change in CASES.items():
            async with http.post(f"{url}chat/completions", json={**plain, **change}) as answer:
                frozen[name] = {"status": answer.status, "body": await answer.text()}
        async with http.get(f"{url}models") as answer:
            frozen["models"] = {"status": answer.status, "body": await answer.text()}
    if os.environ.get("FREEZE"):
        FIXTURES.parent.mkdir(exist_ok=True)
        FIXTURES.write_text(json.dumps(frozen, indent=1, ensure_ascii=False) + "\n")
    known = json.loads(FIXTURES.read_text())
    assert {k: v["status"] for k, v in frozen.items()} == {k: v["status"] for k, v in known.items()}
