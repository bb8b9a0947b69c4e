"""One model, behind one or several servers: balanced, limited, retried, left alone when broken."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from adapters.pace import Pace
from bot.clock import Clock
from bot.llm import wire
from bot.llm.node import Node
from bot.llm.presets import Preset
from bot.llm.tokens import estimate
from bot.llm.types import (
    AuthError,
    BadRequest,
    Completion,
    ContextTooLong,
    Down,
    LlmError,
    ModelMissing,
    OnText,
    RateLimited,
    Request,
    Route,
    ServerFault,
    Unavailable,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

MARGIN_TOKENS = 64
"""Left free in a context: chat templates add some tokens of their own."""

BACKOFF = wait_random_exponential(multiplier=0.5, max=20)
"""Seconds: a random time below 0.5, 1, 2, ..."""


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """One backend as configured. `model` "" takes the first one served, "auto" chooses by
    length; `timeouts` are seconds per route, waiting and retries included."""

    name: str
    base_urls: tuple[str, ...]
    model: str
    context_tokens: int
    preset: Preset
    api_key: str = field(default="", repr=False)
    concurrency: int = 4
    rpm: int = 0
    tpm: int = 0
    retries: int = 2
    thinking: bool = False
    timeouts: Mapping[Route, float] = field(default_factory=dict)


class Backend:
    """Open it with `async with`; nothing is sent before the first call."""

    def __init__(self, options: BackendOptions, clock: Clock) -> None:
        self.options = options
        self._clock = clock
        self._slots = asyncio.Semaphore(options.concurrency)
        self._requests = Pace(clock, options.rpm, burst=options.rpm // 10)
        self._tokens = Pace(clock, options.tpm)
        self._nodes: list[Node] = []
        self._turn = 0
        self._fields = wire.Fields.ALL
        self.problem = ""

    async def __aenter__(self) -> Self:
        self._nodes = [
            Node(url, _client(url, self.options), self._clock) for url in self.options.base_urls
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in self._nodes:
            await node.client.close()

    @property
    def name(self) -> str:
        """The backend's name in the configuration."""
        return self.options.name

    @property
    def up(self) -> bool:
        """Is there a server that is not left alone, and nothing known to be wrong with it?"""
        return not self.problem and any(node.closed for node in self._nodes)

    def room(self, request: Request) -> int:
        """Tokens of the context that the request leaves free; below 0 it doesn't fit."""
        prompt = estimate(request.prompt.fixed) + estimate(request.prompt.variable)
        thoughts = wire.THINKING_TOKENS if self.options.thinking else 0
        taken = prompt + request.max_tokens + thoughts + MARGIN_TOKENS
        return self.options.context_tokens - taken

    async def complete(
        self, request: Request, route: Route, on_text: OnText | None = None
    ) -> Completion:
        """Asks the model; with `on_text` the answer is streamed. Raises LlmError."""
        if self.room(request) < 0:
            raise ContextTooLong(f"the prompt is too long for {self.name}")
        seconds = self.options.timeouts.get(route, 120.0)
        attempts = AsyncRetrying(
            stop=stop_after_attempt(1 + self.options.retries),
            retry=retry_if_exception(lambda error: _worth_another_try(error, seconds)),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        tried: set[Node] = set()
        try:
            async with asyncio.timeout(seconds):
                done: Completion = await attempts(self._attempt, request, on_text, tried)
        except TimeoutError as error:
            raise Unavailable(f"{self.name} did not answer within {seconds:g} s") from error
        self.problem = ""
        return done

    async def probe(self, *, everything: bool = False) -> None:
        """Asks servers that were left alone long enough, or all, whether they can be used."""
        nodes = [node for node in self._nodes if everything or node.due()]
        await asyncio.gather(*(self._probe(node) for node in nodes))

    async def _probe(self, node: Node) -> None:
        try:
            self._check_model(await node.probe())
        except ModelMissing as error:
            log.warning("%s at %s: %s", self.name, node.url, error)
        except LlmError as error:
            log.warning("%s at %s can't be used: %s", self.name, node.url, error)
            self.problem = str(error) if isinstance(error, AuthError) else self.problem
        else:
            self.problem = ""

    async def _attempt(
        self, request: Request, on_text: OnText | None, tried: set[Node]
    ) -> Completion:
        await self._requests.wait()
        tokens = estimate(request.prompt.fixed + request.prompt.variable) + request.max_tokens
        await self._tokens.wait(units=tokens)
        async with self._slots, self._borrowed(tried) as node:
            return await self._ask(node, request, on_text)

    @asynccontextmanager
    async def _borrowed(self, tried: set[Node]) -> AsyncIterator[Node]:
        """The best server for one request; it learns how that went."""
        node = await self._pick(tried)
        tried.add(node)
        node.in_flight += 1
        try:
            yield node
        except RateLimited:
            raise
        except (Unavailable, ServerFault) as error:
            if node.failed(error):
                log.warning("%s at %s is left alone: %s", self.name, node.url, error)
            raise
        except asyncio.CancelledError:
            node.failed(Unavailable("it did not answer in time"))
            raise
        except LlmError as error:
            self.problem = "" if isinstance(error, BadRequest | ContextTooLong) else str(error)
            raise
        else:
            node.worked()
        finally:
            node.in_flight -= 1

    async def _pick(self, tried: set[Node]) -> Node:
        """The server with the least in flight, one that was not tried yet if there is one."""
        self._turn += 1
        turn = self._turn % len(self._nodes)
        ready = [node for node in self._nodes[turn:] + self._nodes[:turn] if node.closed]
        if not ready:
            for node in self._nodes:
                if node.due():
                    self._check_model(await node.probe())
                    ready.append(node)
                    break
        if not ready:
            raise Down(f"{self.name} failed lately; it is asked again soon")
        return min(ready, key=lambda node: (node in tried, node.in_flight))

    async def _ask(self, node: Node, request: Request, on_text: OnText | None) -> Completion:
        model = await self._model(node, request)
        for fields in wire.Fields:
            if fields < self._fields:
                continue
            try:
                done = await self._send(node, request, model, on_text, fields)
            except BadRequest as refused:
                if fields is wire.Fields.NONE:
                    raise
                problem = refused
                continue
            if fields > self._fields:
                log.warning("%s refuses fields, they are left out from now on: %s",
                            self.name, problem)  # fmt: skip
                self._fields = fields
            return done
        raise AssertionError("the last round returns or raises")

    async def _send(
        self,
        node: Node,
        request: Request,
        model: str,
        on_text: OnText | None,
        fields: wire.Fields,
    ) -> Completion:
        options = self.options
        body = wire.body_of(
            request, model, options.preset, thinking=options.thinking, fields=fields
        )
        if on_text is not None:
            return await node.stream(body, self.name, on_text)
        return await node.whole(body, self.name)

    async def _model(self, node: Node, request: Request) -> str:
        options = self.options
        if options.model == "auto":
            for context, name in options.preset.by_length:
                if options.context_tokens - self.room(request) <= context:
                    return name
            return options.preset.by_length[-1][1]
        return options.model or await node.first_model()

    def _check_model(self, names: Sequence[str]) -> None:
        """A server that lists its models must list ours."""
        wanted = self.options.model
        if wanted and wanted != "auto" and names and wanted not in names:
            self.problem = f"{self.name} has no model {wanted}, but {', '.join(names[:8])}"
            raise ModelMissing(self.problem)

    async def _sleep(self, seconds: float) -> None:
        await self._clock.wait(asyncio.Event(), self._clock.now() + seconds)


def _client(url: str, options: BackendOptions) -> "AsyncOpenAI":
    import httpx2  # with openai, half a second that a bot without a model need not wait
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    # uvicorn closes idle connections after 5 s: ours must not outlive that.
    limits = httpx2.Limits(max_connections=options.concurrency + 4, keepalive_expiry=4.0)
    return AsyncOpenAI(
        base_url=url,
        api_key=options.api_key or "none",  # local servers want no key, but the client wants one
        max_retries=0,
        timeout=httpx2.Timeout(None, connect=10.0),
        http_client=DefaultAsyncHttpxClient(limits=limits),
    )


def _worth_another_try(error: BaseException, seconds: float) -> bool:
    """Not where the pause that the server asks for would take all the time there is."""
    if isinstance(error, RateLimited) and error.retry_after_s >= seconds:
        return False
    return isinstance(error, Unavailable | ServerFault) and not isinstance(error, Down)


def _wait(state: RetryCallState) -> float:
    """Exponential with jitter, and never less than the server asks for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, RateLimited) else 0.0
    return max(asked, BACKOFF(state))
