"""Looking again at messages that have waited: a platform need not tell of edits and recalls."""

from collections.abc import Sequence
from dataclasses import replace

from adapters.base import IncomingMessage
from adapters.contract import Adapter
from bot.store import Store
from bot.types import Question


async def as_it_is_now(
    question: Question, adapter: Adapter, store: Store, now: float
) -> Question | None:
    """The question as its messages stand in the group now, and in the store from now on; the same
    object when nothing has changed, None when all of it was taken back."""
    current: list[IncomingMessage] = []
    for message in question.messages:
        fresh = await adapter.reread(message)
        if fresh is None:
            await store.recall_message(message.adapter, message.message_id, now)
            continue
        current.append(fresh)
        if fresh.text != message.text:
            await store.edit_message(message.adapter, message.message_id, fresh.text)
    if _texts(current) == _texts(question.messages):
        return question
    if not current:
        return None
    text = "\n".join(text for text in _texts(current) if text.strip())
    return replace(question, text=text, messages=tuple(current))


def _texts(messages: Sequence[IncomingMessage]) -> list[str]:
    return [message.text for message in messages]
