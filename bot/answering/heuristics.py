"""Does it look like a question, is it one more who asks, is it an answer? By words alone."""

import re

from adapters.base import IncomingMessage
from bot.types import Question

_ASKS = re.compile(
    r"^(请问|怎么|怎样|如何|为什么|为啥|有没有|有人|谁|哪|求|how|what|why|where|which|who|does|did"
    r"|is there|are there|anyone|anybody|any idea|has anyone|can i|can we|could|should i)(?![a-z])"
    r"|[?？]\s*$|[吗呢么嘛][。.!！~～…\s]*$",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Ends with a question mark or 吗/呢/么/嘛, or starts like a question. Only a rule of thumb."""
    return bool(_ASKS.search(text.strip()))


_WANTS_IT_TOO = re.compile(
    r"\bsame (here|problem|issue|question|error)|\bme too\b|\+1|同问|同求|蹲|一样的(问题|情况|报错)"
    r"|我也(想|要|遇|是|有|碰)|也(想|要)(问|知道|了解)"
    r"|\bi('m| am| do| have| would|'d)? (also|too)\b|\balso (want|need|like|have|wonder|looking)",
    re.IGNORECASE,
)


def wants_it_too(text: str) -> bool:
    """Does somebody say that they have the same question? Only a rule of thumb."""
    return bool(_WANTS_IT_TOO.search(text))


def answers(
    question: Question, message: IncomingMessage, similarity: float, threshold: float
) -> bool:
    """Does a message count as a person's answer to a waiting question?

    It must be someone else's, in the same group, not be meant for the bot, and not ask for the
    same. A reply to one of the question's messages always counts; any other message must be later,
    close to the question (`similarity` is their cosine) and not be a question itself.
    """
    last = question.last
    if (message.adapter, message.group) != (last.adapter, last.group):
        return False
    if message.user == last.user or message.mention or wants_it_too(message.text):
        return False
    if message.reply_to in {m.message_id for m in question.messages}:
        return True
    if message.sent_at < last.sent_at or is_question(message.text):
        return False
    return similarity >= threshold
