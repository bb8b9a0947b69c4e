"""From the configuration to an opened language model."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.llm.backend import Backend
from bot.llm.budget import Books, Budget, Price, price_of
from bot.llm.hybrid import Hybrid, opened
from bot.llm.llm import Llm
from bot.llm.lmdeploy.supervisor import Server, State
from bot.llm.presets import load_presets
from bot.llm.prompts import load_prompts
from bot.llm.settings import BackendOptions, LlmSettings, ServeSettings
from bot.llm.types import Route
from bot.metrics import Metrics
from common.clock import Clock


@asynccontextmanager
async def open_llm(
    settings: LlmSettings,
    metrics: Metrics,
    clock: Clock,
    *,
    watch: bool,
    books: Books | None = None,
    sharers: Callable[[], int] = lambda: 1,
) -> AsyncIterator[Llm | None]:
    """The language model, None where none is configured; `watch` probes it in the background,
    `books` are where what it takes is kept, `sharers` is how many processes share its limits."""
    if not settings.configured:
        yield None
        return
    made = {
        "local": Backend(_local(settings), clock, sharers),
        "remote": Backend(_remote(settings), clock, sharers),
    }
    orders = {
        Route.SCORE: settings.routes.score,
        Route.KEYWORDS: settings.routes.keywords,
        Route.ANSWER: settings.routes.answer,
        Route.CHECK: settings.routes.check,
    }
    routes = {
        # A route that names only what isn't there is served by what is.
        route: [made[side] for side in order if side in settings.configured]
        or [made[side] for side in settings.configured]
        for route, order in orders.items()
    }
    prices = {"local": Price(), "remote": price_of(settings.remote)}
    budget = Budget(settings.budget, prices, clock, books)
    await budget.open()
    async with opened(Hybrid(routes, metrics, clock, budget), watch=watch) as hybrid:
        llm = Llm(hybrid, load_prompts(), settings, metrics)
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


def _local(settings: LlmSettings) -> BackendOptions:
    local, serve = settings.local, settings.local.serve
    own = serve.model != ""
    most = min(local.concurrency, serve.max_batch_size) if own else local.concurrency
    return BackendOptions(
        name="local",
        base_urls=(f"http://127.0.0.1:{serve.port}/v1",) if own else local.base_urls,
        model=serve.model_name if own else local.model,
        context_tokens=serve.session_len if own else local.context_tokens,
        preset=load_presets()["lmdeploy"],
        api_key=local.api_key.get_secret_value(),
        concurrency=most,
        rpm=0,
        tpm=0,
        retries=settings.retries,
        thinking=local.thinking,
        vision=local.vision,
        timeouts=settings.timeouts,
    )


def _remote(settings: LlmSettings) -> BackendOptions:
    remote = settings.remote
    preset = load_presets()[remote.provider or "custom"]
    return BackendOptions(
        name="remote",
        base_urls=(remote.base_url or preset.base_url,),
        model=remote.model,
        context_tokens=remote.context_tokens,
        preset=preset,
        api_key=remote.api_key.get_secret_value(),
        concurrency=remote.concurrency,
        rpm=remote.rpm,
        tpm=remote.tpm,
        retries=settings.retries,
        thinking=remote.thinking,
        vision=remote.vision,
        timeouts=settings.timeouts,
    )
