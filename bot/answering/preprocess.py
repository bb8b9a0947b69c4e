"""Stage 1: is there anything in these messages that could be a question?"""

import re
from collections.abc import Sequence

from bot.answering.heuristics import leans, settles
from bot.llm.llm import Llm
from bot.types import Knowledge, Question, Reason, Silence, Trace, Turn, stage
from common.language import is_chinese, names_in
from common.small_talk import SmallTalk, small_talk

SAYS_MORE = (SmallTalk.HUMAN, SmallTalk.WHO)
"""Small talk that is to be heard beside a question."""

_LETTERS = re.compile(r"[^\W\d_]")
MIN_LETTERS = 2
"""One letter or none ("?", "1", "好") is no question, whatever is near it."""


def preprocess(question: Question, trace: Trace) -> str | Silence:
    """The text to judge and search for, without what only greets or thanks around it; Silence when
    there is only a sticker or a mark, for who only greets or thanks the bot, and for who says, of
    what nobody asked the bot, that it is settled."""
    with stage(trace, "preprocess") as figures:
        text = question.text.strip()
        figures["messages"] = len(question.messages)
        figures["chars"] = len(text)
        attachments = [kind for message in question.messages for kind in message.attachments]
        if attachments:
            figures["attachments"] = attachments
        if question.mention and (kind := small_talk(text)):
            figures["small_talk"] = kind
            return Silence(Reason.SMALL_TALK)
        if settles(question.last.text) and not question.mention:
            figures["settled"] = True
            return Silence(Reason.NOT_A_QUESTION)
        text = _without_small_talk(question, text)
        if len(_LETTERS.findall(text)) < MIN_LETTERS:
            return Silence(Reason.NOT_A_QUESTION)
        return text


def _without_small_talk(question: Question, text: str) -> str:
    """What a pack says without messages such as "hello?"; all of it where nothing else is said."""
    if text != question.written.strip():
        return text
    said = [one.text.strip() for one in question.messages if one.text.strip()]
    kept = [line for line in said if small_talk(line) in (None, *SAYS_MORE)]
    return "\n".join(kept) or text


MAX_REWRITTEN = 300

RECENT_TURNS = 6
RECENT_CHARS = 1500


async def rewrite(question: Question, knowledge: Knowledge, llm: Llm, trace: Trace) -> str:
    """The question as it can be judged and searched for. Raises LlmError."""
    text = question.text.strip()
    turns = question.history[-RECENT_TURNS:]
    if not leans(text, mention=question.mention) or not _continues(question, turns):
        return text
    with stage(trace, "rewrite") as figures:
        # Where the talk before was not about the documents either, there is nothing to find; it
        # must be as close to them as the message itself would have to be.
        spoken = "\n".join(turn.text for turn in turns)[-RECENT_CHARS:]
        verdict = await knowledge.judge(spoken, mention=question.mention, sources=question.sources)
        figures["context_score"] = round(verdict.score, 4)
        if not verdict.accept:
            return text
        found = await llm.rewrite(text, as_history(turns), is_chinese(text))
        known = f"{spoken}\n{text}".lower()
        if (
            not found
            or len(found) > MAX_REWRITTEN
            or not all(name in known for name in names_in(found))
        ):
            figures["kept"] = "the rewriting was empty, long, or named what nobody had named"
            return text
        figures["rewritten"] = found
        return found


def _continues(question: Question, turns: Sequence[Turn]) -> bool:
    """Was there a talk of which this can be the next line? A mention may take up any; a line that
    nobody asked the bot comes from somebody who took part, or right after the bot's answer."""
    if not turns or question.mention:
        return bool(turns)
    return turns[-1].user is None or question.last.user in {turn.user for turn in turns}


def as_history(turns: Sequence[Turn]) -> str:
    """Turns as lines; people are told apart by letters, their names are nobody's business."""
    letters: dict[str, str] = {}
    lines = []
    for turn in turns:
        if turn.user is None:
            who = "bot"
        else:
            who = letters.setdefault(turn.user, chr(ord("A") + len(letters) % 26))
        lines.append(f"{who}: {' '.join(turn.text.split())[:400]}")
    return "\n".join(lines)
