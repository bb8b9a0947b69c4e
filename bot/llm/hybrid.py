"""The hybrid LLM: local and remote backends in an order per purpose, one standing in for another.

Section 3.3 of the paper (arXiv 2401.08772): a local model for the many small decisions, a remote
one with a long context for what needs it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.llm.backend import Backend
from bot.llm.budget import Budget
from bot.llm.types import (
    Completion,
    ContextTooLong,
    Down,
    LlmError,
    OnText,
    RateLimited,
    Request,
    Route,
    Spent,
)
from bot.metrics import Metrics
from common.clock import Clock

log = logging.getLogger(__name__)

PROBE_EVERY_S = 10.0
"""How often the daemon asks servers that are left alone whether they are back."""

SMALLER = 0.6
"""Share of the context for a second try, when a server counts more tokens than we estimated."""

PATIENCE_S = 2.0
"""The longest pause that a backend may ask for, where another one can be asked instead."""


@dataclass(slots=True)
class Usage:
    """What the calls so far took, as the servers count; for `estimated` calls they didn't, and
    the tokens are our estimate."""

    calls: int = 0
    estimated: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


class Hybrid:
    """Routes calls to backends. Open it with `opened`."""

    def __init__(
        self,
        routes: Mapping[Route, Sequence[Backend]],
        metrics: Metrics,
        clock: Clock,
        budget: Budget,
    ) -> None:
        self._routes, self._metrics, self._clock = routes, metrics, clock
        self.budget = budget
        self.backends = tuple(dict.fromkeys(b for route in routes.values() for b in route))
        self.usage = Usage()
        self.notes: list[Callable[[], str]] = []
        for backend in self.backends:
            metrics.llm_up.labels(backend.name).set_function(partial(getattr, backend, "up"))

    @property
    def up(self) -> bool:
        """Does every route have a backend that can be asked?"""
        return all(any(backend.up for backend in route) for route in self._routes.values())

    def problems(self) -> list[str]:
        """What is wrong: a line per backend that is down, per server of others, per note."""
        wrong = [
            f"llm {backend.name}: {problem}"
            for backend in self.backends
            for problem in backend.pool.problems()
        ]
        spent = self.budget.problem()
        wrong += [f"llm: {spent}; answers are quoted until midnight"] if spent else []
        return [*wrong, *(note for note in (one() for one in self.notes) if note)]

    def figures(self) -> list[dict[str, Any]]:
        """What each backend took today: its model, calls, tokens, the share of its prompts that
        came from a cache, and the cost, None where its price is unknown."""
        return [
            {
                "backend": name,
                "model": one.model,
                "calls": one.calls,
                "tokens": one.tokens,
                "cached": round(one.cached / max(1, one.prompt), 3),
                "cost": round(one.cost, 4) if one.cost else None,
            }
            for name, one in self.budget.by_backend.items()
        ]

    def hints(self) -> list[str]:
        """What should be changed in the configuration, though it works."""
        return [f"llm {backend.name}: {backend.hint}" for backend in self.backends if backend.hint]

    def context(self, route: Route) -> int:
        """Tokens of the context of the backend that would be asked first."""
        return self._in_order(route)[0].options.context_tokens

    async def complete(
        self, route: Route, make: Callable[[int], Request], on_text: OnText | None = None
    ) -> Completion:
        """Asks the route's backends in turn until one answers.

        `make` builds the request for a context of so many tokens. Raises the last LlmError when
        no backend answered.
        """
        problem: LlmError = Down(f"no backend serves {route}")
        order = self._in_order(route)
        tries: list[tuple[Backend, float | None]] = [
            (backend, PATIENCE_S if any(other.up for other in order[turn:]) else None)
            for turn, backend in enumerate(order, 1)
        ]
        for backend, patience in tries:
            ask = partial(self._asked, backend, route, on_text, patience)
            context = backend.options.context_tokens
            try:
                try:
                    return await ask(make(context))
                except ContextTooLong:
                    return await ask(make(int(context * SMALLER)))
            except Spent:
                raise
            except LlmError as error:
                known = isinstance(error, Down)  # it was told when it went down
                level = logging.DEBUG if known else logging.WARNING
                log.log(level, "%s could not serve %s: %s", backend.name, route, error)
                problem = error
                if patience is not None and isinstance(error, RateLimited):
                    tries.append((backend, None))  # waited for after all, if nobody stands in
        raise problem

    async def probe(self, *, everything: bool = False) -> None:
        """Asks servers that are left alone, or all of them, whether they can be used."""
        await asyncio.gather(*(b.probe(everything=everything) for b in self.backends))

    def _in_order(self, route: Route) -> list[Backend]:
        """As configured; who is down, or asked for a pause, comes last."""
        return sorted(self._routes[route], key=lambda b: (not b.up, b.pool.pause() > PATIENCE_S))

    async def _asked(
        self,
        backend: Backend,
        route: Route,
        on_text: OnText | None,
        patience: float | None,
        request: Request,
    ) -> Completion:
        """Asks one backend, and counts what that took."""
        self.budget.check(request.group)
        began = time.perf_counter()
        calls = self._metrics.llm_calls
        try:
            done = await backend.complete(request, route, on_text, patience)
        except LlmError as error:
            calls.labels(backend.name, route, type(error).__name__).inc()
            raise
        calls.labels(backend.name, route, "done").inc()
        self._metrics.llm_seconds.labels(backend.name, route).observe(time.perf_counter() - began)
        for kind, tokens in (
            ("prompt", done.prompt_tokens),
            ("cached", done.cached_tokens),
            ("completion", done.completion_tokens),
        ):
            self._metrics.llm_tokens.labels(backend.name, kind).inc(tokens)
        await self.budget.count(request.group, done)
        self.usage.calls += 1
        self.usage.estimated += done.estimated
        self.usage.prompt_tokens += done.prompt_tokens
        self.usage.cached_tokens += done.cached_tokens
        self.usage.completion_tokens += done.completion_tokens
        return done

    async def _watch(self) -> None:
        """Recovers by itself: an idle bot finds out that its model is back."""
        await self.probe(everything=True)
        while True:
            await self._clock.wait(asyncio.Event(), self._clock.now() + PROBE_EVERY_S)
            await self.probe()


@asynccontextmanager
async def opened(hybrid: Hybrid, *, watch: bool) -> AsyncIterator[Hybrid]:
    """Opens the backends; with `watch` servers are probed in the background."""
    async with AsyncExitStack() as stack:
        for backend in hybrid.backends:
            await stack.enter_async_context(backend)
        watcher = asyncio.create_task(hybrid._watch()) if watch else None
        try:
            yield hybrid
        finally:
            if watcher:
                watcher.cancel()
                await asyncio.wait({watcher})
