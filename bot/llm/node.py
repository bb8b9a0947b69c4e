"""One server: how it is asked, and the circuit breaker that leaves it alone after failures."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

from bot.clock import Clock
from bot.llm import wire
from bot.llm.types import (
    Completion,
    LlmError,
    ModelMissing,
    OnText,
    ServerFault,
    Unavailable,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LEFT_ALONE_S = 30.0
"""How long a failed server gets no requests; then it is probed before it gets another."""

FAILURES = 3
"""Failures in a row until a server is left alone; a refused connection is enough."""

PROBE_TIMEOUT_S = 10.0


class Node:
    """A server's address, its client, and whether it can be asked.

    The breaker is closed (asked), open (left alone until a time) or half-open: the time has
    passed, and one probe decides.
    """

    def __init__(self, url: str, client: "AsyncOpenAI", clock: Clock) -> None:
        self.url, self.client, self._clock = url, client, clock
        self.in_flight = 0
        self._failures = 0
        self._retry_at: float | None = None
        self._names: list[str] = []

    @property
    def closed(self) -> bool:
        """May it be asked without a probe?"""
        return self._retry_at is None

    def due(self) -> bool:
        """Has it been left alone long enough for a probe?"""
        return self._retry_at is not None and self._clock.now() >= self._retry_at

    def failed(self, error: LlmError) -> bool:
        """Counts a failure; True when the server is left alone from now on."""
        self._failures += 1
        unreachable = isinstance(error, Unavailable) and "can't be reached" in str(error)
        if not self.closed or (self._failures < FAILURES and not unreachable):
            return False
        self._retry_at = self._clock.now() + LEFT_ALONE_S
        return True

    def worked(self) -> None:
        """It answered: the breaker is closed."""
        self._failures, self._retry_at = 0, None

    async def probe(self) -> list[str]:
        """Asks for the models it serves; closes the breaker or holds it open. Raises LlmError."""
        self._retry_at = self._clock.now() + LEFT_ALONE_S  # nobody else probes meanwhile
        names = await self.models()
        self.worked()
        return names

    async def models(self) -> list[str]:
        """The names of the models it serves. Raises LlmError."""
        from openai import APIError

        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                page = await self.client.models.with_raw_response.list()
            found = json.loads(page.text)
        except APIError as error:
            raise wire.kind_of_error(error, self.url) from error
        except TimeoutError as error:
            raise Unavailable(f"{self.url} did not answer in {PROBE_TIMEOUT_S:g} s") from error
        except ValueError as error:
            raise ServerFault(f"{self.url}models is no JSON") from error
        entries = found.get("data") if isinstance(found, dict) else None
        self._names = [str(entry.get("id")) for entry in entries or [] if isinstance(entry, dict)]
        return self._names

    async def first_model(self) -> str:
        """The model to ask for where none is configured. Raises LlmError."""
        names = self._names or await self.models()
        if not names:
            raise ModelMissing(f"{self.url} lists no model; set its name in the configuration")
        return names[0]

    async def whole(self, body: dict[str, Any], backend: str) -> Completion:
        """Sends a request and waits for the whole answer. Raises LlmError."""
        from openai import APIError

        try:
            raw = await self.client.chat.completions.with_raw_response.create(**body)
        except APIError as error:
            raise wire.kind_of_error(error, backend) from error
        return wire.parse_completion(raw.text, backend, body["model"])

    async def stream(self, body: dict[str, Any], backend: str, on_text: OnText) -> Completion:
        """Sends a request and hands on the text as it grows. A stream that ends without saying
        that it is complete was cut. Raises LlmError."""
        from openai import APIError

        text, finish, usage = "", None, None
        try:
            create: Any = self.client.chat.completions.create  # its overloads know no dict
            options = {"stream": True, "stream_options": {"include_usage": True}}
            async with await create(**body, **options) as chunks:
                async for chunk in chunks:
                    if chunk.usage:
                        usage = chunk.usage.model_dump()
                    if not chunk.choices:
                        continue
                    finish = chunk.choices[0].finish_reason or finish
                    if piece := chunk.choices[0].delta.content:
                        text += piece
                        await on_text(wire.without_thoughts(text))
        except APIError as error:
            raise wire.kind_of_error(error, backend) from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ServerFault(f"{backend} sent a stream that makes no sense: {error}") from error
        if finish is None:
            raise Unavailable(f"{backend} broke off its answer")
        return wire.completion_of(text, backend, body["model"], finish, usage)
