"""One server: how it is asked for answers, for its models, and for numbers of tokens."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.llm import wire
from bot.llm.breaker import Breaker
from bot.llm.error_mapping import kind_of_error
from bot.llm.settings import TimeoutSettings
from bot.llm.types import (
    BadRequest,
    Completion,
    ContextTooLong,
    LlmError,
    OnText,
    Overdue,
    RateLimited,
    ServerFault,
    Unavailable,
)
from common.clock import Clock

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LIST_TIMEOUT_S = 10.0
PING_TIMEOUT_S = 30.0
COUNT_TIMEOUT_S = 5.0

TICK_S = 0.01
"""Clocks wake up a little early."""


class ApiServer:
    """A server's address, its client, its breaker, and the pause it asked for."""

    def __init__(self, url: str, client: "AsyncOpenAI", clock: Clock) -> None:
        self.url, self.client, self._clock = url, client, clock
        self.breaker = Breaker(clock)
        self.probing = asyncio.Lock()
        self.in_flight = 0
        self._paused_until = 0.0
        self._names: list[str] = []

    def pause(self) -> float:
        """Seconds that it still wants to be left alone for."""
        left = self._paused_until - self._clock.now()
        return left if left > TICK_S else 0.0

    def learn(self, error: LlmError, call: int) -> bool:
        """Takes note of how a request failed; True when it is left alone from now on."""
        if isinstance(error, RateLimited):
            self._paused_until = max(self._paused_until, self._clock.now() + error.retry_after_s)
        return self.breaker.failed(error, call)

    async def models(self) -> list[str]:
        """The names of the models it serves. Raises LlmError."""
        try:
            async with asyncio.timeout(LIST_TIMEOUT_S):
                with self._errors(self.url):
                    page = await self.client.models.with_raw_response.list()
            found = json.loads(page.text)
        except TimeoutError as error:
            raise Unavailable(f"{self.url} did not answer in {LIST_TIMEOUT_S:g} s") from error
        except ValueError as error:
            raise ServerFault(f"{self.url}/models is no JSON") from error
        entries = found.get("data") if isinstance(found, dict) else None
        self._names = [str(entry.get("id")) for entry in entries or [] if isinstance(entry, dict)]
        return self._names

    async def listed(self) -> list[str]:
        """The same, asked for once. Raises LlmError."""
        return self._names or await self.models()

    async def ping(self, model: str, backend: str, max_tokens_key: str) -> None:
        """Asks for one token, which tells what no list does. Raises LlmError when it is not able
        to answer; that it dislikes this request, or is too busy for it, is a sign of life."""
        message = {"role": "user", "content": "Hello"}
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self.whole(
                    {"model": model, "messages": [message], max_tokens_key: 1}, backend
                )
        except TimeoutError as error:
            raise Unavailable(f"{backend} did not answer in {PING_TIMEOUT_S:g} s") from error
        except RateLimited as error:
            self.learn(error, 0)
        except (BadRequest, ContextTooLong):
            return

    async def count(self, texts: Sequence[str], backend: str) -> int | None:
        """Tokens of texts by the server's own tokenizer; None where it doesn't tell."""
        try:
            async with asyncio.timeout(COUNT_TIMEOUT_S):
                with self._errors(backend):
                    found = await self.client.post(
                        "/encode", body={"input": list(texts), "add_bos": False}, cast_to=object
                    )
        except (LlmError, TimeoutError):
            return None
        lengths = found.get("length") if isinstance(found, dict) else None
        if not isinstance(lengths, list) or not all(isinstance(n, int) for n in lengths):
            return None
        return sum(lengths)

    async def whole(self, body: dict[str, Any], backend: str) -> Completion:
        """Sends a request and waits for the whole answer. Raises LlmError."""
        with self._errors(backend):
            raw = await self.client.chat.completions.with_raw_response.create(**body)
        return wire.parse_completion(raw.text, backend, body["model"])

    async def stream(
        self, body: dict[str, Any], backend: str, on_text: OnText, limits: TimeoutSettings
    ) -> Completion:
        """Sends a request and hands on the text as it grows. A stream that ends without saying
        that it is complete was cut. Raises LlmError."""
        got = _Streamed()
        loop = asyncio.get_running_loop()
        create: Any = self.client.chat.completions.create  # its overloads know no dict
        try:
            async with asyncio.timeout(limits.first_chunk_s) as limit:
                with self._errors(backend):
                    async with await create(**body) as chunks:
                        async for chunk in chunks:
                            limit.reschedule(None)  # who looks on may take their time
                            if got.add(chunk):
                                await on_text(wire.without_thoughts(got.text))
                            limit.reschedule(loop.time() + limits.chunk_s)
        except TimeoutError as error:
            if not got.begun:
                seconds = f"{limits.first_chunk_s:g}"
                raise Overdue(f"{backend} did not begin its answer in {seconds} s") from error
            raise Unavailable(f"{backend} was silent for {limits.chunk_s:g} s") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ServerFault(f"{backend} sent a stream that makes no sense: {error}") from error
        if got.finish is None:
            raise Unavailable(f"{backend} broke off its answer")
        message = {"content": got.text, "reasoning": got.thoughts}
        model = body["model"]
        return wire.completion_of(message, backend, model, finish=got.finish, usage=got.usage)

    @contextmanager
    def _errors(self, backend: str) -> Iterator[None]:
        from openai import APIError  # takes half a second that a bot without a model need not wait

        try:
            yield
        except APIError as error:
            raise kind_of_error(error, backend, self._clock.now()) from error


@dataclass(slots=True)
class _Streamed:
    """What has come of a stream so far."""

    text: str = ""
    thoughts: str = ""
    finish: str | None = None
    usage: Mapping[str, Any] | None = field(default=None)
    begun: bool = False

    def add(self, chunk: Any) -> bool:
        """Takes a chunk in; True when the text grew."""
        self.begun = True
        if chunk.usage:
            self.usage = chunk.usage.model_dump()
        if not chunk.choices:
            return False
        self.finish = chunk.choices[0].finish_reason or self.finish
        delta = chunk.choices[0].delta
        self.thoughts += wire.thought_in(delta.model_dump())
        piece = delta.content
        self.text += piece or ""
        return bool(piece)
