"""Stage 1: is there anything in these messages that could be a question?"""

import re

from bot.trace import stage
from bot.types import Question, Reason, Silence, Trace

_LETTERS = re.compile(r"[^\W\d_]")
MIN_LETTERS = 2
"""One letter or none ("?", "1", "好") is no question, whatever is near it."""


def preprocess(question: Question, trace: Trace) -> str | Silence:
    """The text to judge and search for; Silence when there is only a sticker or a mark."""
    with stage(trace, "preprocess") as figures:
        text = question.text.strip()
        figures["messages"] = len(question.messages)
        figures["chars"] = len(text)
        attachments = [kind for message in question.messages for kind in message.attachments]
        if attachments:
            figures["attachments"] = attachments
        if len(_LETTERS.findall(text)) < MIN_LETTERS:
            return Silence(Reason.NOT_A_QUESTION)
        return text
