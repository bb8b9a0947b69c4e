"""`check` of the language model: each backend, and what the daemon needs to start one."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.cli.check_llm import check_llm
from bot.config.schema import load_config
from bot.llm.create import open_llm
from bot.metrics import create_metrics
from common.clock import SystemClock
from tests.bot.llm.lmdeploy.test_supervisor import ROOT
from tests.daemon import run
from tests.fakes.llm_api import SCORES, LlmApi, Say, agreeable, digit
from tests.ports import free_port
from tests.test_cli_llm import api, remote

__all__ = ["api"]


async def check(folder: Path, more: Sequence[str]) -> tuple[int, list[str]]:
    """Status and the findings about the model, of the command as a process."""
    status, out, err = await run(folder, "check", more=more)
    assert "Traceback" not in err
    return status, [line for line in out.splitlines() if "llm" in line.split(":")[0]]


async def found(more: Sequence[str]) -> list[str]:
    """The findings about the model."""
    config = load_config(Path(os.devnull), more[1::2])
    async with open_llm(config.llm, create_metrics(), SystemClock(), watch=False) as llm:
        return [f"{one.mark:<6}{one.text}" for one in await check_llm(config, llm)]


async def test_each_backend_gives_a_score(indexed: Path, api: LlmApi) -> None:
    assert await check(indexed, remote(api)) == (
        0, ["ok    llm remote: chat can be reached, its scores are expected"],
    )  # fmt: skip
    api.models = ("other",)
    status, (bad, works) = await check(indexed, remote(api))
    assert status == 1
    assert "chat is not served, other is asked instead" in bad
    assert works == "ok    llm remote: other can be reached, its scores are expected"


async def test_a_backend_that_stands_behind_another_is_looked_at_too(api: LlmApi) -> None:
    dead = f"http://127.0.0.1:{free_port()}/v1"
    more = [*remote(api), "--set", f"llm.local.base_urls=['{dead}']"]
    local, other = await found(more)
    assert local.startswith("bad   llm local: ")
    assert other.startswith("ok    llm remote: ")


@pytest.mark.parametrize(
    ("thinking", "said"), [(False, "set llm.remote.thinking: true"), (True, "take a model")]
)
async def test_scores_that_cannot_be_read_are_bad_and_name_the_key(
    api: LlmApi, said: str, *, thinking: bool
) -> None:
    api.script = lambda call: Say("Hmm, let me see") if call.kind in SCORES else agreeable()(call)
    more = [*remote(api), "--set", f"llm.remote.thinking={str(thinking).lower()}"]
    (finding,) = await found(more)
    assert finding.startswith("bad   llm remote: its scores can't be read, it wrote “Hmm")
    assert said in finding


async def test_where_a_model_does_not_score_that_is_only_noted(api: LlmApi) -> None:
    api.script = lambda _: Say("Hmm")
    more = [*remote(api), "--set", f"llm.local.base_urls=['{api.url}']",
            "--set", "llm.routes.score=[local]"]  # fmt: skip
    local, other = await found(more)
    assert local.startswith("bad ")
    assert other.startswith("note ")


async def test_a_low_limit_of_requests_is_told_in_seconds(api: LlmApi) -> None:
    more = [*remote(api), "--set", "llm.remote.rpm=3"]
    _, note = await found(more)
    assert note.startswith("note  llm.remote.rpm 3: an answered question takes about 11 calls")
    assert "one in 220 s" in note


def environment(folder: Path, version: str) -> str:
    """A python that imports a stand-in for lmdeploy."""
    (folder / "lmdeploy").mkdir(exist_ok=True)
    (folder / "lmdeploy" / "__init__.py").write_text(f"__version__ = {version!r}")
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script)


def serve(**fields: Any) -> list[str]:
    made = {"model": "org/model", "port": free_port(), **fields}
    return ["--set", "llm.local.serve=" + json.dumps(made)]


def model(folder: Path) -> str:
    """A folder that looks like a model."""
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    return str(folder / "model")


async def test_before_the_daemon_runs_what_it_needs_is_looked_at(indexed: Path) -> None:
    python, port = environment(indexed, "0.18.0"), free_port()
    more = serve(python=python, model=model(indexed), port=port)
    status, findings = await check(indexed, more)
    assert status == 0
    assert findings[:2] == [
        f"ok    llm.local.serve: lmdeploy 0.18.0 in {python}",
        f"ok    llm.local.serve.model: {indexed}/model holds a model",
    ]
    assert findings[-1].startswith(f"note  llm local: port {port} is free; the daemon starts")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"python": "/none/python"},
            "can't start /none/python: No such file or directory; run make",
        ),
        ({"python": sys.executable}, "No module named 'lmdeploy'; run make local-llm"),
        ({"model": "/none/model"}, "there is no folder /none/model"),
        ({"model": "~/model"}, "~ is not understood here"),
        ({"model": str(ROOT)}, "config.json is missing"),
    ],
)
async def test_what_is_missing_is_bad(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    more = serve(**{"python": environment(tmp_path, "0.18.0"), **fields})
    (bad,) = [finding for finding in await found(more) if finding.startswith("bad ")]
    assert said in bad


async def test_an_old_lmdeploy_and_a_model_of_a_hub(tmp_path: Path) -> None:
    findings = await found(serve(python=environment(tmp_path, "0.9.2")))
    assert findings[0] == "bad   llm.local.serve: lmdeploy 0.9.2 is too old; 0.16 is needed"
    assert "org/model is fetched from the hub at the first start" in findings[1]


async def test_a_running_server_is_asked_like_any_other(tmp_path: Path, api: LlmApi) -> None:
    api.script = lambda _: digit(9)
    port = int(api.url.rsplit(":", 1)[1].split("/")[0])
    findings = await found(serve(python=environment(tmp_path, "0.18.0"), port=port))
    assert findings[-1] == "ok    llm local: chat can be reached, its scores are expected"


async def test_a_stranger_on_the_port_is_bad(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = int(server.sockets[0].getsockname()[1])
        findings = await found(serve(python=environment(tmp_path, "0.18.0"), port=port))
    assert findings[-1] == (
        f"bad   llm local: what listens on port {port} is no api_server of the bot; end it, or set "
        "llm.local.serve.port"
    )
