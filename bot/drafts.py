"""An answer while it is being written, and the sign that the bot is at work, where the platform
can show them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.base import IncomingMessage
from adapters.contract import Adapter
from bot.llm.types import OnText


@asynccontextmanager
async def at_work(adapter: Adapter, message: IncomingMessage) -> AsyncIterator[OnText | None]:
    """Shows that the bot works on a message, and yields what shows the answer to it as far as it
    is (None where it can't); at the end both are taken away, whatever became of the answer."""
    shown = ""

    async def show(text: str) -> None:
        nonlocal shown
        if text != shown:
            shown = text
            await adapter.draft(message.group, message.message_id, text)

    await adapter.thinking(message.group, message.message_id, on=True)
    try:
        yield show if adapter.streams else None
    finally:
        if shown:
            await adapter.draft(message.group, message.message_id, "")
        await adapter.thinking(message.group, message.message_id, on=False)
