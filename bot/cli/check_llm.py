"""`check` of the language model: each backend answers, knows the model, gives readable scores, and
the api_server that the daemon would start could be started."""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters.base import Finding
from bot.config.schema import Config
from bot.llm.backend import Backend
from bot.llm.llm import SCORE_TOKENS, Llm
from bot.llm.lmdeploy.exit_codes import INSTALL, interpreter, serve_environment
from bot.llm.lmdeploy.supervisor import is_taken
from bot.llm.scoring import Rubric, read_score
from bot.llm.settings import LlmSettings, ServeSettings, Side
from bot.llm.types import Completion, LlmError, Request, Route
from common.process import CANNOT_START, Command, run

SCORED = "How do I install it with pip?"

SLOW_S = 60.0
"""A question that takes longer for its calls to be allowed is worth a note."""

OLDEST = (0, 16)
"""The first lmdeploy that tells errors by their status."""

IMPORT_S = 120.0
IMPORT = "import lmdeploy; print('lmdeploy', lmdeploy.__version__)"


async def check_llm(config: Config, llm: Llm | None) -> list[Finding]:
    """What is found about each backend, and about the limit of requests."""
    if llm is None:
        return [Finding("ok", "llm: none configured; answers are quoted from the documents")]
    serve = config.llm.local.serve
    findings = await check_serve(serve) if serve.model else []
    for backend in llm.hybrid.backends:
        own = bool(serve.model) and backend.name == "local"
        if own and not await is_taken(serve.port):
            free = f"llm local: port {serve.port} is free; the daemon starts the server there, "
            findings.append(Finding("note", f"{free}so its answers could not be tested now"))
            continue
        findings += await _backend(llm, backend, config.llm)
        if own and not backend.up:
            stranger = f"what listens on port {serve.port} is no api_server of the bot"
            advice = "end it, or set llm.local.serve.port"
            findings.append(Finding("bad", f"llm local: {stranger}; {advice}"))
    return [*findings, *_pace(config)]


async def _backend(llm: Llm, backend: Backend, settings: LlmSettings) -> list[Finding]:
    await backend.probe(everything=True)
    prefix = f"llm {backend.name}:"
    problems = [said for said in llm.hybrid.problems() if said.startswith(prefix)]
    findings = [Finding("bad", said) for said in problems]
    if not backend.up:
        return findings
    prompt = llm.score_prompt(Rubric.QUESTION, chinese=False, message=SCORED)
    try:
        done = await backend.complete(Request(prompt, SCORE_TOKENS, digit=True), Route.SCORE)
    except LlmError as error:
        silent = f"{prefix} it can be reached but does not answer: {error}"
        return [*findings, Finding("bad", silent)]
    hints = [Finding("note", f"{prefix} {backend.hint}")] if backend.hint else []
    return [*findings, _readable(backend.name, done, settings), *hints]


def _readable(name: str, done: Completion, settings: LlmSettings) -> Finding:
    how = read_score(Rubric.QUESTION, done).how
    if how != "unreadable":
        return Finding("ok", f"llm {name}: {done.model} can be reached, its scores are {how}")
    wrote = f"it wrote “{' '.join(done.text.split())[:60]}”" if done.text else "it wrote nothing"
    thinks = settings.local.thinking if name == "local" else settings.remote.thinking
    advice = f"if it is a model that thinks, set llm.{name}.thinking: true"
    if thinks:
        advice = "take a model that can answer with a digit"
    line = f"llm {name}: its scores can't be read, {wrote}; {advice}"
    return Finding("bad" if name in settings.routes.score else "note", line)


def _pace(config: Config) -> Iterator[Finding]:
    """What a limit of requests per minute means for a question."""
    rpm, calls = config.llm.remote.rpm, _remote_calls(config)
    seconds = 60 * calls / rpm if rpm else 0.0
    if seconds > SLOW_S:
        takes = f"an answered question takes about {calls} calls of the remote API"
        advice = "lower answer.max_passages, or let a local model score"
        line = f"llm.remote.rpm {rpm}: {takes}, so one in {seconds:.0f} s; {advice}"
        yield Finding("note", line)


def _remote_calls(config: Config) -> int:
    """A question: two scores of it, one of each passage, the answer, two scores of that, and one
    call for its sentences."""
    there = config.llm.configured

    def is_remote(route: Sequence[Side]) -> bool:
        return next((side for side in route if side in there), there[0]) == "remote"

    scores = 4 + config.answer.max_passages if is_remote(config.llm.routes.score) else 0
    checks = config.llm.check_sentences and is_remote(config.llm.routes.check)
    return scores + is_remote(config.llm.routes.answer) + checks


async def check_serve(settings: ServeSettings) -> list[Finding]:
    """Findings about the interpreter, lmdeploy in it, the model and the GPU."""
    findings = [await _lmdeploy(settings), _model(settings.model)]
    if not shutil.which("nvidia-smi"):
        missing = "llm.local.serve: there is no nvidia-smi; lmdeploy needs a GPU"
        findings.append(Finding("note", missing))
    return findings


async def _lmdeploy(settings: ServeSettings) -> Finding:
    key, python = "llm.local.serve", interpreter(settings)
    command = Command((python, "-c", IMPORT), serve_environment(settings))
    try:
        done = await asyncio.to_thread(run, command, IMPORT_S)
    except TimeoutError:
        return Finding("bad", f"{key}: {python} did not import lmdeploy in {IMPORT_S:g} s")
    said = done.output.decode("utf-8", "replace") or done.last_words or "nothing"
    last = said.strip().splitlines()[-1]
    if done.status == CANNOT_START:
        return Finding("bad", f"{key}: {last}; {INSTALL}")
    if done.status:
        return Finding("bad", f"{key}: {python} can't import lmdeploy: {last}; {INSTALL}")
    if _version(last) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        return Finding("bad", f"{key}: {last} is too old; {needed} is needed")
    return Finding("ok", f"{key}: {last} in {python}")


def _version(said: str) -> tuple[int, ...]:
    numbers = said.removeprefix("lmdeploy ").split(".")[:2]
    return tuple(int(number) if number.isdecimal() else 0 for number in numbers)


def _model(model: str) -> Finding:
    key, folder = "llm.local.serve.model", Path(model)
    if (folder / "config.json").is_file():
        return Finding("ok", f"{key}: {folder} holds a model")
    if folder.is_dir():
        return Finding("bad", f"{key}: {folder} holds no model: config.json is missing")
    if model.startswith(("/", ".", "~")):
        more = "; ~ is not understood here, write the whole path" if model[0] == "~" else ""
        return Finding("bad", f"{key}: there is no folder {model}{more}")
    return Finding("note", f"{key}: {model} is fetched from the hub at the first start")
