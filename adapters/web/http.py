"""What handlers of an API share: reading bodies, storage errors as 503."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from adapters.base import StoreFailed
from adapters.http_guard import read_body

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024


async def read_json_body(request: web.Request, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body of a request that says it is JSON, which other sites can't send unasked.

    Raises HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge or HTTPRequestTimeout.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Content-Type: must be application/json")
    return await read_body(request, max_bytes)


@contextmanager
def storage_at_work() -> Iterator[None]:
    """Turns a failure of the bot's store into 503: the client should try again."""
    try:
        yield
    except ConnectionError:
        raise  # the client has left, in the middle of an export for instance
    except (OSError, StoreFailed) as error:
        log.warning("the store failed during a request: %s", error)
        raise web.HTTPServiceUnavailable(text="the bot's store failed; try again later") from error
