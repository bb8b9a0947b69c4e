"""The pictures of a message: those that can be had, whatever becomes of the others."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from adapters.base import AdapterError, IncomingMessage, Picture

Place = TypeVar("Place")

log = logging.getLogger(__name__)


async def pictures_at(
    places: Iterable[Place],
    fetch: Callable[[Place], Awaitable[Picture | None]],
    message: IncomingMessage,
) -> list[Picture]:
    """What `fetch` brings of the places where a message's pictures lie, one after the other; of one
    that can't be fetched a line says why. `fetch` returns None for what is no picture."""
    found: list[Picture] = []
    for place in places:
        try:
            picture = await fetch(place)
        except AdapterError as error:
            log.info("%s: no picture of %s: %s", message.adapter, message.message_id, error)
        else:
            found += [picture] if picture else []
    return found
