"""Asking a Sourcegraph server: limits, the token, and what its refusals mean.

| answer             | what becomes of it                                                  |
| 200                | read to `done`, the end, the time limit or the last byte allowed    |
| 401, 403           | Misconfigured, by the name of the key; not asked again until reload |
| 404 of the stream  | GraphQL from then on; 404 of that too is Misconfigured              |
| 429                | a pause, as long as it says, then one more try                      |
| 3xx                | Misconfigured: it wants people to sign in                           |
| 5xx, no connection | OutOfReach; what came before is kept                                |
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from common.clock import Clock
from common.hosts import proxy_for
from knowledge.code import graphql
from knowledge.code.settings import RepoSettings
from knowledge.code.stream import Answer, read_events
from knowledge.code.types import MAX_HITS, Misconfigured, OutOfReach

TIMEOUT_S = 10.0
MAX_BYTES = 200_000
"""Read for one question, over all its queries."""

MAX_PAUSE_S = 10.0
"""A longer pause is not waited for; questions until its end, or for MOST_PAUSE_S, go without."""

MOST_PAUSE_S = 3600.0
PAUSE_S = 2.0
"""The pause where a server says none."""

_STREAM = {
    "v": "V3",
    "t": "keyword",
    "display": str(MAX_HITS),
    "cm": "true",  # whole chunks of lines, with so many around a match
    "cl": "12",
    "max-line-len": "400",
}


@dataclass(slots=True)
class Allowance:
    """What one question may still read."""

    left: int = MAX_BYTES


class Sourcegraph:
    """The server that one repository of the configuration is asked for at."""

    def __init__(
        self,
        repo: RepoSettings,
        session: aiohttp.ClientSession,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._endpoint, self._token = repo.endpoint, repo.token
        self._session, self._clock, self._timeout_s = session, clock, timeout_s
        self._not_before = 0.0
        self.streams = True

    async def search(self, query: str, allowance: Allowance) -> Answer:
        """Asks one query. Raises CodeError."""
        if self.streams:
            answer = await self._streamed(query, allowance)
            if answer is not None:
                return answer
            self.streams = False
        return graphql.found(await self.graphql(graphql.SEARCH, {"q": query}, allowance))

    async def graphql(
        self, query: str, variables: Mapping[str, str], allowance: Allowance
    ) -> dict[str, Any]:
        """Asks the GraphQL API; {} for an answer that is no object. Raises CodeError."""
        body = {"query": query, "variables": dict(variables)}
        try:
            async with self._asked("POST", "/.api/graphql", json=body) as response:
                if response.status == 404:
                    raise Misconfigured("`endpoint` is no Sourcegraph server: it has no search API")
                data = b"".join([chunk async for chunk in _counted(response, allowance)])
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreached(error) from None
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise OutOfReach(f"{self._host} sent no JSON, or more than is read") from None
        return found if isinstance(found, dict) else {}

    async def _streamed(self, query: str, allowance: Allowance) -> Answer | None:
        """What the stream brings until it ends; None where there is no stream API."""
        params = _STREAM | {"q": query}
        answer = Answer()
        try:
            async with self._asked("GET", "/.api/search/stream", params=params) as response:
                if response.status == 404:
                    return None
                async for event, data in read_events(_counted(response, allowance)):
                    answer.take(event, data)
                    if answer.done:
                        break
        except (aiohttp.ClientError, TimeoutError) as error:
            if not answer.matches:
                raise self._unreached(error) from None
        return answer

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, **sent: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response whose status is 200 or 404. Raises CodeError for others."""
        if self._clock.now() < self._not_before:
            raise OutOfReach(f"{self._host} asked for a pause")
        try:
            proxy = proxy_for(self._endpoint)
        except ValueError as error:
            raise Misconfigured(str(error)) from None
        for last in (False, True):
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.request(
                    method,
                    f"{self._endpoint}{path}",
                    headers=self._headers(),
                    proxy=proxy,
                    allow_redirects=False,
                    **sent,
                ) as response,
            ):
                if response.status != 429 or last:
                    self._check(response.status)
                    yield response
                    return
                pause = pause_of(response.headers.get("Retry-After", ""))
            if pause > MAX_PAUSE_S:
                self._not_before = self._clock.now() + min(pause, MOST_PAUSE_S)
                raise OutOfReach(f"{self._host} asks for a pause of {pause:.0f} s")
            await self._clock.wait(asyncio.Event(), self._clock.now() + pause)

    def _check(self, status: int) -> None:
        if status in (401, 403):
            what = "is not accepted" if self._token.get_secret_value() else "must be set"
            raise Misconfigured(f"`token` {what}: {self._host} answers {status}")
        if 300 <= status < 400:
            raise Misconfigured(
                f"{self._host} sends on to another page; set `token`, or correct `endpoint`"
            )
        if status not in (200, 404):
            limited = "too many requests" if status == 429 else f"status {status}"
            raise OutOfReach(f"{self._host} answers: {limited}")

    def _headers(self) -> dict[str, str]:
        secret = self._token.get_secret_value()
        # Uncompressed: what is counted is what is read.
        plain = {"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"}
        return plain | ({"Authorization": f"token {secret}"} if secret else {})

    @property
    def _host(self) -> str:
        return self._endpoint.split("://", 1)[-1].split("@")[-1]

    def _unreached(self, error: Exception) -> OutOfReach:
        slow = f"it took more than {self._timeout_s:g} s"
        what = slow if isinstance(error, TimeoutError) else type(error).__name__
        return OutOfReach(f"{self._host} did not answer: {what}")


def pause_of(header: str) -> float:
    """Seconds that a server asks for; a moment where it doesn't say, or says no number."""
    try:
        seconds = float(header)
    except ValueError:
        return PAUSE_S
    return seconds if 0 <= seconds < 1e9 else PAUSE_S


async def _counted(response: aiohttp.ClientResponse, allowance: Allowance) -> AsyncIterator[bytes]:
    while allowance.left > 0 and (chunk := await response.content.readany()):
        yield chunk[: allowance.left]
        allowance.left -= len(chunk)
