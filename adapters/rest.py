"""JSON over HTTP to a platform: one session, a time limit, the books of what was called, a token
that is kept fresh, and errors that say what is known."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from adapters.base import NetworkError, Unconfirmed
from adapters.link import Link
from adapters.payload import Json, parsed
from common.clock import Clock
from common.hosts import proxy_for

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 8 << 20


class TokenRefused(NetworkError):
    """The access token is not valid any more; the call was not obeyed."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a platform answered. `data` is {} where the body is no JSON object; `body` is cut where
    it is longer than `MAX_ANSWER_BYTES`."""

    status: int
    headers: Mapping[str, str]
    data: Json
    body: bytes = field(default=b"", repr=False)


class Rest:
    """Open it with `async with`. Addresses and bodies may hold secrets: no error quotes them.
    `result_of` an answer is what is counted: "ok" or the platform's code. `proxy` is the one to
    take instead of the environment's."""

    def __init__(
        self, link: Link, result_of: Callable[[Response], str], proxy: str | None = None
    ) -> None:
        self._link, self._result_of, self._proxy = link, result_of, proxy
        self._timeout = aiohttp.ClientTimeout(TIMEOUT_S)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def picture(self, url: str, headers: Mapping[str, str] | None = None) -> bytes:
        """What lies at an address that a platform named. Raises NetworkError."""
        response = await self.request("picture", "GET", url, repeatable=True, headers=headers)
        if response.status != HTTPStatus.OK:
            raise NetworkError(f"the picture can't be fetched: HTTP {response.status}")
        return response.body

    async def request(
        self,
        name: str,
        method: str,
        url: str,
        *,
        repeatable: bool,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends one request and returns whatever is answered; it is counted under its `name`.

        Raises NetworkError where the request was not obeyed, or may be `repeatable` (a read, or
        one with an idempotency key) and can't be told to have been; Unconfirmed where it may have
        been obeyed.
        """
        if self._session is None:
            raise NetworkError("the adapter is not open")
        data = (
            None if body is None else json.dumps(body, ensure_ascii=False).encode(errors="replace")
        )
        sent = {"Content-Type": "application/json; charset=utf-8"} if data else {}
        host = urlsplit(url).hostname
        response: Response | None = None
        try:
            async with self._session.request(
                method,
                url,
                data=data,
                params=params,
                headers={**sent, **(headers or {})},
                proxy=self._proxy or proxy_to(url),
                allow_redirects=False,
            ) as answer:
                found = await _body(answer)
                response = Response(answer.status, answer.headers, parsed(found), found)
        except aiohttp.ClientConnectorError as error:
            raise NetworkError(f"{host} can't be reached: {error.os_error.strerror}") from None
        except aiohttp.InvalidURL:
            raise NetworkError("the address makes no sense") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            # From None: the messages of these errors quote the address.
            problem = f"{host} did not answer: {type(error).__name__}"
            raise (NetworkError if repeatable else Unconfirmed)(problem) from None
        finally:
            self._link.called(name, self._result_of(response) if response else "unreachable")
        return response


def proxy_to(url: str) -> str | None:
    """The environment's proxy to an address. Raises NetworkError where it can't be used."""
    try:
        return proxy_for(url)
    except ValueError as error:
        raise NetworkError(str(error)) from None


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    text = bytearray()
    async for part in answer.content.iter_any():  # `read` gives what is there so far
        text += part
        if len(text) > MAX_ANSWER_BYTES:
            break
    return bytes(text)


class Token:
    """An access token: asked for once, however many need it, and renewed `SPARE_S` before it runs
    out. `ask` returns one and for how many seconds it is good."""

    SPARE_S = 600.0

    def __init__(self, clock: Clock, ask: Callable[[], Awaitable[tuple[str, float]]]) -> None:
        self._clock, self._ask = clock, ask
        self._asking = asyncio.Lock()
        self._token, self._renew_at = "", 0.0

    async def fresh(self) -> str:
        """One that is still good for a while. Raises AdapterError."""
        async with self._asking:
            if not self._token or self._clock.now() >= self._renew_at:
                asked_at = self._clock.now()
                self._token, good_s = await self._ask()
                self._renew_at = asked_at + good_s - min(self.SPARE_S, good_s / 2)
            return self._token

    async def use(self, call: Callable[[str], Awaitable[Response]]) -> Response:
        """Calls with a token; where it is refused, once more with a new one."""
        token = await self.fresh()
        try:
            return await call(token)
        except TokenRefused:
            if token == self._token:
                self._token = ""
            return await call(await self.fresh())
