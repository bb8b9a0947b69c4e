"""`check` of llm.local.serve: could the daemon start its api_server?"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

from bot.cli.findings import BAD, NOTE, OK
from bot.llm.lmdeploy.exit_codes import INSTALL, interpreter, serve_environment
from bot.llm.settings import ServeSettings
from common.process import CANNOT_START, Command, run

OLDEST = (0, 16)
"""The first lmdeploy that tells errors by their status."""

IMPORT_S = 120.0
IMPORT = "import lmdeploy; print('lmdeploy', lmdeploy.__version__)"


async def check_serve(settings: ServeSettings) -> list[str]:
    """Findings about the interpreter, lmdeploy in it, the model and the GPU."""
    findings = [await _lmdeploy(settings), *_model(settings.model)]
    if not shutil.which("nvidia-smi"):
        findings.append(f"{NOTE}llm.local.serve: there is no nvidia-smi; lmdeploy needs a GPU")
    return findings


async def _lmdeploy(settings: ServeSettings) -> str:
    python = interpreter(settings)
    command = Command((python, "-c", IMPORT), serve_environment(settings))
    try:
        done = await asyncio.to_thread(run, command, IMPORT_S)
    except TimeoutError:
        return f"{BAD}llm.local.serve: {python} did not import lmdeploy in {IMPORT_S:g} s"
    said = done.output.decode("utf-8", "replace") or done.last_words or "nothing"
    last = said.strip().splitlines()[-1]
    if done.status == CANNOT_START:
        return f"{BAD}llm.local.serve: {last}; {INSTALL}"
    if done.status:
        return f"{BAD}llm.local.serve: {python} can't import lmdeploy: {last}; {INSTALL}"
    if _version(last) < OLDEST:
        return f"{BAD}llm.local.serve: {last} is too old; {'.'.join(map(str, OLDEST))} is needed"
    return f"{OK}llm.local.serve: {last} in {python}"


def _version(said: str) -> tuple[int, ...]:
    numbers = said.removeprefix("lmdeploy ").split(".")[:2]
    return tuple(int(number) if number.isdecimal() else 0 for number in numbers)


def _model(model: str) -> Iterator[str]:
    folder = Path(model)
    if folder.is_dir():
        good = (folder / "config.json").is_file()
        what = "a model" if good else "no model: config.json is missing"
        yield f"{OK if good else BAD}llm.local.serve.model: {folder} holds {what}"
    elif model.startswith(("/", ".", "~")):
        more = "; ~ is not understood here, write the whole path" if model[0] == "~" else ""
        yield f"{BAD}llm.local.serve.model: there is no folder {model}{more}"
    else:
        yield f"{NOTE}llm.local.serve.model: {model} is fetched from the hub at the first start"
