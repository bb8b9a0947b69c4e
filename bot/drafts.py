"""An answer while it is being written, for adapters that can show it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.base import Adapter, IncomingMessage
from bot.llm.types import OnText


@asynccontextmanager
async def drafting(adapter: Adapter, message: IncomingMessage) -> AsyncIterator[OnText]:
    """Yields what shows the answer to a message as far as it is; at the end that is taken away,
    whatever became of the answer."""
    shown = ""

    async def show(text: str) -> None:
        nonlocal shown
        if text != shown:
            shown = text
            await adapter.draft(message.group, message.message_id, text)

    try:
        yield show
    finally:
        if shown:
            await adapter.draft(message.group, message.message_id, "")
