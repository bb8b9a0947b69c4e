"""The reply that belongs to a decision on a question, if any."""

from adapters.base import Reply
from bot.group.delivery import reply_to
from bot.group.types import GroupOptions
from bot.texts.answers import (
    DECLINED,
    REACTIONS,
    answer_text,
    decline_text,
    excerpt,
    small_talk_text,
)
from bot.texts.notices import notice, speaks_chinese
from bot.types import Answer, Outcome, PastAnswer, Question, Reason, Trace
from common.small_talk import SmallTalk, small_talk


def decision_reply(
    question: Question, outcome: Outcome, trace: Trace, options: GroupOptions, *, chinese: bool
) -> Reply | None:
    """An answer; to who asked the bot itself also that it has none."""
    if isinstance(outcome, Answer):
        text = answer_text(outcome, chinese)
        cited = outcome.citations
        return reply_to(question.last, text, "answer", chinese=chinese, citations=cited)
    if not question.mention:
        return None
    if outcome.reason is Reason.SMALL_TALK:
        return _small_talk_reply(question, chinese, options)
    if outcome.reason not in DECLINED:
        return None
    match options.when_unknown:
        case "say":
            said = question.written or question.text
            text = decline_text(trace, chinese, outcome.reason, said=said)
            return reply_to(question.last, text, chinese=chinese)
        case "react":
            return reply_to(question.last, notice("react", chinese), "reaction", chinese=chinese)
        case _:
            return None


def _small_talk_reply(question: Question, chinese: bool, options: GroupOptions) -> Reply | None:
    """A short line or an emoji; where the bot is to be silent only a helper's name."""
    text = small_talk_text(
        question.text,
        chinese,
        name=options.name,
        prefix=options.command_prefix,
        helpers=options.helpers,
    )
    wants_person = small_talk(question.text) is SmallTalk.HUMAN and bool(options.helpers)
    if options.when_unknown == "silent" and not wants_person:
        return None
    kind = "reaction" if text in REACTIONS.values() else "notice"
    return reply_to(question.last, text, kind, chinese=chinese)


def repeat_reply(question: Question, earlier: PastAnswer, options: GroupOptions) -> Reply:
    """Points to the answer that the same question got."""
    chinese = speaks_chinese(options.language, question.written or question.text)
    text = notice("repeated", chinese, excerpt=excerpt(earlier.answer))
    return reply_to(question.last, text, chinese=chinese, citations=earlier.citations)
