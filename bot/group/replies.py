"""The reply that belongs to a decision on a question, if any."""

from adapters.base import Reply
from bot.group.delivery import reply_to
from bot.group.types import GroupOptions
from bot.texts.answers import DECLINED, answer_text, decline_text, excerpt
from bot.texts.notices import notice, speaks_chinese
from bot.types import Answer, Outcome, PastAnswer, Question, Trace


def decision_reply(
    question: Question, outcome: Outcome, trace: Trace, options: GroupOptions
) -> Reply | None:
    """An answer; to who asked the bot itself also that it has none."""
    chinese = speaks_chinese(options.language, question.text)
    if isinstance(outcome, Answer):
        text = answer_text(outcome, chinese)
        cited = outcome.citations
        return reply_to(question.last, text, "answer", chinese=chinese, citations=cited)
    if not question.mention or outcome.reason not in DECLINED:
        return None
    match options.when_unknown:
        case "say":
            text = decline_text(trace, chinese, outcome.reason)
            return reply_to(question.last, text, chinese=chinese)
        case "react":
            return reply_to(question.last, notice("react", chinese), "reaction", chinese=chinese)
        case _:
            return None


def repeat_reply(question: Question, earlier: PastAnswer, options: GroupOptions) -> Reply:
    """Points to the answer that the same question got."""
    chinese = speaks_chinese(options.language, question.text)
    text = notice("repeated", chinese, excerpt=excerpt(earlier.answer))
    return reply_to(question.last, text, chinese=chinese, citations=earlier.citations)
