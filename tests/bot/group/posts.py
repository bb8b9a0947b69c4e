"""Short ways to write messages and questions."""

from adapters.base import IncomingMessage
from bot.types import Question

ADAPTER, GROUP = "web", "kettle users"


def post(
    message_id: str,
    text: str = "how do I descale it?",
    *,
    user: str = "alice",
    mention: bool = False,
    reply_to: str | None = None,
    sent_at: float = 0.0,
    group: str = GROUP,
    attachments: tuple[str, ...] = (),
) -> IncomingMessage:
    return IncomingMessage(
        ADAPTER, group, user, message_id, text, sent_at, mention, reply_to, attachments
    )


def asked(*messages: IncomingMessage) -> Question:
    return Question(
        "\n".join(message.text for message in messages),
        any(message.mention for message in messages),
        messages,
    )


def ids(question: Question) -> list[str]:
    return [message.message_id for message in question.messages]
