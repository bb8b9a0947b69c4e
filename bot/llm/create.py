"""From the configuration to an opened language model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.llm.backend import Backend
from bot.llm.hybrid import Hybrid, opened
from bot.llm.llm import Llm, LlmOptions, Thresholds
from bot.llm.lmdeploy.supervisor import Server, State
from bot.llm.presets import LMDEPLOY, PROVIDERS, BackendOptions, Limits, Timeouts
from bot.llm.prompts import load_prompts
from bot.llm.settings import (
    LlmSettings,
    LocalSettings,
    RemoteSettings,
    ServeSettings,
    TimeoutSettings,
)
from bot.llm.types import Route
from bot.metrics import Metrics
from common.clock import Clock


@asynccontextmanager
async def open_llm(
    settings: LlmSettings, metrics: Metrics, clock: Clock, *, watch: bool
) -> AsyncIterator[Llm | None]:
    """The language model, None where none is configured; `watch` probes it in the background."""
    if not settings.configured:
        yield None
        return
    timeouts = _timeouts(settings.timeouts)
    made = {
        "local": Backend(_local(settings.local, settings.retries, timeouts), clock),
        "remote": Backend(_remote(settings.remote, settings.retries, timeouts), clock),
    }
    orders = {
        Route.SCORE: settings.routes.score,
        Route.KEYWORDS: settings.routes.keywords,
        Route.ANSWER: settings.routes.answer,
    }
    routes = {
        # A route that names only what isn't there is served by what is.
        route: [made[side] for side in order if side in settings.configured]
        or [made[side] for side in settings.configured]
        for route, order in orders.items()
    }
    async with opened(Hybrid(routes, metrics, clock), watch=watch) as hybrid:
        llm = Llm(hybrid, load_prompts(), llm_options(settings), metrics)
        if not (watch and settings.local.serve.model):
            yield llm
            return
        async with serving(settings.local.serve, made["local"], hybrid, clock):
            yield llm


@asynccontextmanager
async def serving(
    settings: ServeSettings, backend: Backend, hybrid: Hybrid, clock: Clock
) -> AsyncIterator[Server]:
    """Runs an api_server of our own while the context is open; `backend` asks no other."""

    async def ready() -> None:
        await hybrid.probe(everything=True)

    server = Server(settings, clock, ready)
    backend.ready = lambda: server.state is State.READY
    hybrid.notes.append(lambda: "" if server.state is State.READY else _described(server))
    task = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.wait({task})


def _described(server: Server) -> str:
    return f"lmdeploy is {server.state}" + (f": {server.problem}" if server.problem else "")


def llm_options(settings: LlmSettings) -> LlmOptions:
    """Limits and thresholds."""
    limits = settings.thresholds
    thresholds = Thresholds(
        limits.question, limits.relevance, limits.dodge, limits.unsafe_question,
        limits.unsafe_answer,
    )  # fmt: skip
    return LlmOptions(
        thresholds,
        settings.min_evidence,
        settings.evidence_tokens,
        settings.answer_tokens,
        settings.history_turns,
    )


def _timeouts(settings: TimeoutSettings) -> Timeouts:
    tries = {
        Route.SCORE: settings.score_s,
        Route.KEYWORDS: settings.keywords_s,
        Route.ANSWER: settings.answer_s,
    }
    return Timeouts(tries, Limits(settings.first_chunk_s, settings.chunk_s), settings.wait_s)


def _local(settings: LocalSettings, retries: int, timeouts: Timeouts) -> BackendOptions:
    serve = settings.serve
    own = serve.model != ""
    return BackendOptions(
        name="local",
        base_urls=(f"http://127.0.0.1:{serve.port}/v1",) if own else settings.base_urls,
        model=serve.model_name if own else settings.model,
        context_tokens=serve.session_len if own else settings.context_tokens,
        preset=LMDEPLOY,
        api_key=settings.api_key.get_secret_value(),
        concurrency=min(settings.concurrency, serve.max_batch_size) if own
        else settings.concurrency,
        retries=retries,
        thinking=settings.thinking,
        timeouts=timeouts,
    )  # fmt: skip


def _remote(settings: RemoteSettings, retries: int, timeouts: Timeouts) -> BackendOptions:
    preset = PROVIDERS[settings.provider or "custom"]
    return BackendOptions(
        name="remote",
        base_urls=(settings.base_url or preset.base_url,),
        model=settings.model or ("auto" if preset.by_length else ""),
        context_tokens=settings.context_tokens,
        preset=preset,
        api_key=settings.api_key.get_secret_value(),
        concurrency=settings.concurrency,
        rpm=settings.rpm,
        tpm=settings.tpm,
        retries=retries,
        thinking=settings.thinking,
        timeouts=timeouts,
    )
