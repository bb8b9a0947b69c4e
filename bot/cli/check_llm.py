"""`check` of the language model: each backend answers, knows the model, gives readable scores."""

from collections.abc import Sequence

from bot.cli.check_serve import check_serve
from bot.cli.findings import BAD, NOTE, OK
from bot.config.schema import Config
from bot.llm.backend import Backend
from bot.llm.llm import SCORE_TOKENS, Llm
from bot.llm.lmdeploy.supervisor import is_taken
from bot.llm.scoring import Rubric, read_score
from bot.llm.settings import Side
from bot.llm.types import Completion, LlmError, Request, Route

SCORED = "How do I install it with pip?"

SLOW_S = 60.0
"""A question that takes longer for its calls to be allowed is worth a note."""


async def check_llm(config: Config, llm: Llm | None) -> list[str]:
    """A finding per line."""
    if llm is None:
        return [f"{OK}llm: none configured; answers are quoted from the documents"]
    serve = config.llm.local.serve
    findings = await check_serve(serve) if serve.model else []
    for backend in llm.hybrid.backends:
        own = bool(serve.model) and backend.name == "local"
        if not own:
            findings += await _backend(llm, backend, config)
        elif await is_taken(serve.port):
            found = await _backend(llm, backend, config)
            findings += found if backend.up else [*found, _not_ours(serve.port)]
        else:
            findings.append(
                f"{NOTE}llm local: port {serve.port} is free; the daemon starts the server there, "
                "so its answers could not be tested now"
            )
    return [*findings, *_pace(config)]


def _not_ours(port: int) -> str:
    return (
        f"{BAD}llm local: what listens on port {port} is no api_server of the bot; end it, or set "
        "llm.local.serve.port"
    )


async def _backend(llm: Llm, backend: Backend, config: Config) -> list[str]:
    await backend.probe(everything=True)
    prefix = f"llm {backend.name}:"
    findings = [f"{BAD}{said}" for said in llm.hybrid.problems() if said.startswith(prefix)]
    if not backend.up:
        return findings
    prompt = llm.score_prompt(Rubric.QUESTION, chinese=False, message=SCORED)
    try:
        done = await backend.complete(Request(prompt, SCORE_TOKENS, digit=True), Route.SCORE)
    except LlmError as error:
        return [*findings, f"{BAD}{prefix} it can be reached but does not answer: {error}"]
    findings.append(_readable(backend.name, done, config))
    return [*findings, *([f"{NOTE}{prefix} {backend.hint}"] if backend.hint else [])]


def _readable(name: str, done: Completion, config: Config) -> str:
    how = read_score(Rubric.QUESTION, done).how
    if how != "unreadable":
        return f"{OK}llm {name}: {done.model} can be reached, its scores are {how}"
    scores = name in config.llm.routes.score
    wrote = f"it wrote “{' '.join(done.text.split())[:60]}”" if done.text else "it wrote nothing"
    thinks = config.llm.local.thinking if name == "local" else config.llm.remote.thinking
    advice = (
        "take a model that can answer with a digit"
        if thinks
        else f"if it is a model that thinks, set llm.{name}.thinking: true"
    )
    return f"{BAD if scores else NOTE}llm {name}: its scores can't be read, {wrote}; {advice}"


def _pace(config: Config) -> Sequence[str]:
    """What a limit of requests per minute means for a question."""
    rpm, calls = config.llm.remote.rpm, _remote_calls(config)
    seconds = 60 * calls / rpm if rpm else 0.0
    if seconds <= SLOW_S:
        return []
    return [
        f"{NOTE}llm.remote.rpm {rpm}: an answered question takes about {calls} calls of the remote "
        f"API, so one in {seconds:.0f} s; lower answer.max_passages, or let a local model score"
    ]


def _remote_calls(config: Config) -> int:
    """A question: two scores of it, one of each passage, the answer, two scores of that."""
    there = config.llm.configured

    def is_remote(route: Sequence[Side]) -> bool:
        return next((side for side in route if side in there), there[0]) == "remote"

    scores = 4 + config.answer.max_passages if is_remote(config.llm.routes.score) else 0
    return scores + is_remote(config.llm.routes.answer)
