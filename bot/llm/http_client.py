"""How servers of language models are reached: by which proxy, and how much of an answer is taken.
Imported where a model is opened: the libraries take half a second."""

import functools
import ssl
from collections.abc import AsyncIterator

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from bot.llm.types import LlmError
from common.hosts import proxy_for

MOST_BYTES = 16 << 20
"""Of one answer. The longest that makes sense, in a stream with its probabilities, has a tenth."""


def create_client(url: str, api_key: str, connections: int) -> AsyncOpenAI:
    """A client for one server. Raises LlmError where the environment names a proxy for it that
    can't be used."""
    # uvicorn closes idle connections after 5 s: ours must not outlive that.
    limits = httpx2.Limits(max_connections=connections, keepalive_expiry=4.0)
    try:
        http = DefaultAsyncHttpxClient(
            limits=limits,
            verify=_certificates(),
            # Read by ourselves: the library fails for any SOCKS proxy, needed or not.
            proxy=proxy_for(url),
            trust_env=False,
            event_hooks={"response": [_bound]},
        )
    except (ValueError, httpx2.InvalidURL) as error:
        raise LlmError(f"{url} can't be asked: {error}") from error
    return AsyncOpenAI(
        base_url=url,
        api_key=api_key or "none",  # local servers want no key, but the client wants one
        max_retries=0,
        timeout=httpx2.Timeout(None, connect=10.0),
        http_client=http,
    )


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes 20 ms, as much as all the rest of a client."""
    return httpx2.create_ssl_context()


async def _bound(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    """An answer that breaks off where it is longer than any that makes sense."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BYTES
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise httpx2.ReadError(f"its answer is longer than {MOST_BYTES >> 20} MB")
            yield part

    async def aclose(self) -> None:
        """Ends the answer."""
        await self._stream.aclose()
