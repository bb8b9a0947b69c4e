"""serper.dev: Google's results as JSON, by a key."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any, Self

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_fixed,
    wait_random,
)

from common.clock import Clock
from common.hosts import proxy_for
from knowledge.web.client import read_at_most
from knowledge.web.types import (
    EngineError,
    Faulty,
    Hit,
    PageError,
    Refused,
    Rejected,
    Throttled,
    Unusable,
)

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 2 << 20
RESULTS = 10
"""More cost two credits, and free accounts refuse operators with more."""

_PATTERN = re.compile(r"query pattern not allowed", re.IGNORECASE)
_CREDITS = re.compile(r"not enough credits", re.IGNORECASE)
_PREFIX = re.compile(
    r"(?:all)?in(?:title|url|text|anchor):|(?:site|filetype|ext|related|before|after|cache):"
)
_BETWEEN = frozenset({"OR", "AND", "|"})


class _PatternRefused(Rejected):
    """A free account may not use operators."""


class Serper:
    """Open it with `async with`."""

    name = "serper"

    def __init__(
        self, endpoint: str, api_key: str, clock: Clock, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._endpoint, self._key, self._clock = endpoint, api_key, clock
        self._timeout = aiohttp.ClientTimeout(timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def find(self, query: str, *, chinese: bool) -> list[Hit]:
        """The results for a query, best first. Raises EngineError."""
        try:
            return await self._patiently(query, chinese=chinese)
        except _PatternRefused:
            return await self._patiently(without_operators(query), chinese=chinese)

    async def _patiently(self, query: str, *, chinese: bool) -> list[Hit]:
        tries = AsyncRetrying(
            stop=_enough,
            retry=retry_if_exception_type((Throttled, Faulty)),
            wait=wait_fixed(1) + wait_random(0, 0.5),
            sleep=self._sleep,
            reraise=True,
        )
        found: list[Hit] = await tries(self._ask, query, chinese)
        return found

    async def _ask(self, query: str, chinese: bool) -> list[Hit]:
        if self._session is None:
            raise Faulty("the web search is not open")
        try:
            proxy = proxy_for(self._endpoint)
        except ValueError as error:
            raise Unusable(f"serper can't be asked: {error}") from None
        place = {"gl": "cn", "hl": "zh-cn"} if chinese else {"gl": "us", "hl": "en"}
        try:
            async with self._session.post(
                self._endpoint,
                json={"q": query, "num": RESULTS, **place},
                headers={"X-API-KEY": self._key},
                proxy=proxy,
                allow_redirects=False,  # the key goes nowhere else
            ) as answer:
                status, body = answer.status, await read_at_most(answer, MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, OSError, ValueError, PageError) as error:
            # From None: the messages of these errors may quote the address.
            raise Faulty(f"serper can't be reached: {type(error).__name__}") from None
        found = _object(body)
        if status != 200:
            raise _error(status, str((found or {}).get("message", "")))
        if found is None:
            raise Faulty("serper sent no JSON")
        organic = found.get("organic")  # any block of the answer may be missing
        return [
            Hit(entry["link"], str(entry.get("title", "")))
            for entry in (organic if isinstance(organic, list) else [])[:RESULTS]
            if isinstance(entry, dict) and isinstance(entry.get("link"), str)
        ]

    async def _sleep(self, seconds: float) -> None:
        await self._clock.wait(asyncio.Event(), self._clock.now() + seconds)


def without_operators(query: str) -> str:
    """The bare words of a query."""
    words = query.replace('"', " ").split()
    bare = (_PREFIX.sub("", word.lstrip("-+")) for word in words if word not in _BETWEEN)
    return " ".join(word for word in bare if word)


def _enough(state: RetryCallState) -> bool:
    """Of a crowd two more tries, of a failure one."""
    error = state.outcome.exception() if state.outcome else None
    return state.attempt_number > (2 if isinstance(error, Throttled) else 1)


def _error(status: int, message: str) -> EngineError:
    message = " ".join(message.split())[:200]
    if _CREDITS.search(message):
        return Refused("serper has no credits left")
    if status == 400 and _PATTERN.search(message):
        return _PatternRefused("serper takes no operators from a free account")
    if status in (401, 403):
        return Unusable("serper refuses the key; set search.web.api_key")
    if status == 429:
        return Throttled("serper is asked too often")
    if status >= 500:
        return Faulty(f"serper failed with HTTP {status}")
    return Rejected(f"serper does not take the query: HTTP {status} {message}".rstrip())


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
