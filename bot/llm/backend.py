"""One model, behind one or several servers: queued, retried, and asked for what it can do."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from bot.llm.pool import Pool
from bot.llm.request import Sender, prompt_tokens
from bot.llm.request_queue import RequestQueue
from bot.llm.server import ApiServer
from bot.llm.settings import BackendOptions
from bot.llm.types import (
    AuthError,
    Busy,
    Completion,
    ContextTooLong,
    Down,
    ModelMissing,
    OnText,
    Overdue,
    RateLimited,
    Request,
    Route,
    ServerFault,
    Unavailable,
)
from bot.llm.wire import THINKING_TOKENS
from common.clock import Clock

MARGIN_TOKENS = 64
"""Left free in a context: chat templates add some tokens of their own."""

CROWDED = 0.5
"""Share of a context that is estimated to be taken from which on its tokens are counted, where
the server counts: the worst text has about twice as many as estimated."""

BACKOFF = wait_random_exponential(multiplier=0.5, max=20)
"""Seconds: a random time below 0.5, 1, 2, ..."""


@dataclass(eq=False, slots=True)
class _Call:
    """A request on its way, through all its tries. `patience` is the longest pause that a server
    may ask it for."""

    number: int
    request: Request
    on_text: OnText | None
    seconds: float
    patience: float
    deadline: float
    tried: set[ApiServer] = field(default_factory=set)


class Backend:
    """Open it with `async with`; nothing is sent before the first call, nor while `ready` says
    no: what answers at the address may be a stranger."""

    def __init__(
        self, options: BackendOptions, clock: Clock, sharers: Callable[[], int] = lambda: 1
    ) -> None:
        self.options = options
        self._clock = clock
        self.ready: Callable[[], bool] = lambda: True
        self._queue = RequestQueue(clock, options.concurrency, options.rpm, options.tpm, sharers)
        self._sender = Sender(options, clock)
        self._numbers = itertools.count(1)
        self.pool = Pool(options, [])

    async def __aenter__(self) -> Self:
        from bot.llm.http_client import create_client  # a second that no other bot need wait

        options, most = self.options, self.options.concurrency + 4
        servers = [
            ApiServer(url, create_client(url, options.api_key, most), self._clock)
            for url in options.base_urls
        ]
        self.pool = Pool(self.options, servers)
        return self

    async def __aexit__(self, *error: object) -> None:
        for server in self.pool.servers:
            await server.client.close()

    @property
    def name(self) -> str:
        """The backend's name in the configuration."""
        return self.options.name

    @property
    def up(self) -> bool:
        """Is there a server that is not left alone?"""
        return self.ready() and self.pool.up

    @property
    def hint(self) -> str:
        """What should be changed in the configuration, though it works; "" where nothing."""
        return self._sender.hint

    def room(self, request: Request) -> int:
        """Tokens of the context that the request leaves free; below 0 it doesn't fit."""
        return self._left(prompt_tokens(request), request)

    async def complete(
        self,
        request: Request,
        route: Route,
        on_text: OnText | None = None,
        patience: float | None = None,
    ) -> Completion:
        """Asks the model; with `on_text` the answer is streamed. A pause that the server asks for
        is waited for if it is no longer than `patience` seconds. Raises LlmError."""
        if not self.ready():
            raise Down(f"{self.name}: its server is not ready")
        if await self._free(request) < 0:
            raise ContextTooLong(f"the prompt is too long for {self.name}")
        timeouts = self.options.timeouts
        seconds = timeouts.of(route)
        call = _Call(
            number=next(self._numbers),
            request=request,
            on_text=on_text,
            seconds=seconds,
            patience=seconds if patience is None else patience,
            deadline=self._clock.now() + timeouts.wait_s,
        )
        tries = AsyncRetrying(
            stop=lambda state: self._enough(state, call),
            retry=retry_if_exception(lambda error: self._worth_another_try(error, call)),
            wait=lambda state: self._pause(state, call),
            sleep=self._sleep,
            reraise=True,
        )
        done: Completion = await tries(self._try, call)
        return done

    async def probe(self, *, everything: bool = False) -> None:
        """Asks servers that were left alone long enough, or all, whether they can be used."""
        if self.ready():
            await self.pool.probe(everything=everything)

    async def _try(self, call: _Call) -> Completion:
        request = call.request
        tokens = prompt_tokens(request) + request.max_tokens
        async with (
            self._queue.turn(request.priority, call.number, tokens, call.deadline),
            self.pool.lent(call.tried, call.number) as server,
        ):
            try:
                async with asyncio.timeout(call.seconds):
                    return await self._asked(server, call)
            except TimeoutError as error:
                said = f"{self.name} did not answer within {call.seconds:g} s"
                raise Overdue(said) from error

    async def _asked(self, server: ApiServer, call: _Call) -> Completion:
        """The server's answer, of another model where it doesn't know the configured one."""
        request, room = call.request, self.room(call.request)
        while True:
            model = await self.pool.model_of(server)
            try:
                return await self._sender.ask(server, model, request, call.on_text, room)
            except ModelMissing:
                if not await self.pool.find_stand_in(server):
                    raise

    async def _free(self, request: Request) -> int:
        """As `room`, by the server's own count where it matters."""
        room, context = self.room(request), self.options.context_tokens
        if not self.options.preset.counts or context - room < CROWDED * context:
            return room
        if (server := self.pool.any_server()) is None:
            return room
        prompt = request.prompt
        tokens = await server.count((prompt.fixed, prompt.variable), self.name)
        return room if tokens is None else self._left(tokens, request)

    def _left(self, prompt_tokens: int, request: Request) -> int:
        thoughts = THINKING_TOKENS if self._sender.thinking else 0
        taken = prompt_tokens + request.max_tokens + thoughts + MARGIN_TOKENS
        return self.options.context_tokens - taken

    def _enough(self, state: RetryCallState, call: _Call) -> bool:
        """Another server costs no retry."""
        return state.attempt_number > self.options.retries and not self.pool.has_other(call.tried)

    def _worth_another_try(self, error: BaseException, call: _Call) -> bool:
        if isinstance(error, Down | Busy) or self._clock.now() + self.pool.pause() >= call.deadline:
            return False
        if isinstance(error, RateLimited):
            return self.pool.pause() <= call.patience
        if isinstance(error, Overdue | AuthError | ModelMissing):
            return self.pool.has_other(call.tried)  # this one will not be better at once
        return isinstance(error, Unavailable | ServerFault) and self.pool.up

    def _pause(self, state: RetryCallState, call: _Call) -> float:
        """Exponential with jitter, and never less than the server asks for."""
        return max(self.pool.pause(), 0.0 if self.pool.has_other(call.tried) else BACKOFF(state))

    async def _sleep(self, seconds: float) -> None:
        await self._clock.wait(asyncio.Event(), self._clock.now() + seconds)
