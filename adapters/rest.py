"""JSON over HTTP to a platform: one session, a time limit, and errors that say what is known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from adapters.base import NetworkError, Unconfirmed
from adapters.payload import parsed

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Response:
    """What a platform answered. `data` is {} where the body is no JSON object."""

    status: int
    headers: Mapping[str, str]
    data: Mapping[str, Any]


class Rest:
    """Open it with `async with`. Addresses and bodies may hold secrets: no error quotes them."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout = aiohttp.ClientTimeout(timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        repeatable: bool,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends one request and returns whatever is answered.

        Raises NetworkError where the request was not obeyed, or may be `repeatable` (a read, or
        one with an idempotency key) and can't be told to have been; Unconfirmed where it may have
        been obeyed.
        """
        if self._session is None:
            raise NetworkError("the adapter is not open")
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        sent = {"Content-Type": "application/json; charset=utf-8"} if data else {}
        host = urlsplit(url).hostname
        try:
            async with self._session.request(
                method,
                url,
                data=data,
                params=params,
                headers={**sent, **(headers or {})},
                allow_redirects=False,
            ) as answer:
                text = bytearray()
                async for part in answer.content.iter_any():  # `read` gives what is there so far
                    text += part
                    if len(text) > MAX_ANSWER_BYTES:
                        break
                return Response(answer.status, answer.headers, parsed(bytes(text)))
        except aiohttp.ClientConnectorError as error:
            raise NetworkError(f"{host} can't be reached: {error.os_error.strerror}") from None
        except aiohttp.InvalidURL:
            raise NetworkError("the address makes no sense") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            # From None: the messages of these errors quote the address.
            problem = f"{host} did not answer: {type(error).__name__}"
            raise (NetworkError if repeatable else Unconfirmed)(problem) from None
