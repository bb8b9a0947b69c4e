"""Between preprocess and reject: a follow-up becomes a question that stands by itself.

The method is that of "HuixiangDou-CR: Coreference Resolution in Group Chats" (arXiv 2405.02817):
a model rewrites the message from the group's recent ones. It is asked only for messages that
lean on earlier ones, and only where those were about the documents.
"""

import re
from collections.abc import Sequence

from bot.llm.llm import Llm
from bot.stages.grounding import names_in
from bot.trace import stage
from bot.types import Knowledge, Question, Trace, Turn
from knowledge.split import is_chinese

MAX_CHARS = 120
"""A longer message says what it is about."""

MAX_REWRITTEN = 300

RECENT_TURNS = 6
RECENT_CHARS = 1500

_LEANS = re.compile(
    r"^(那|这|它|他|然后|还有|再|接着|换成|上面|前面|刚才|刚刚|同样|如果|也|所以|可是|但)"
    r"|它|这个|那个|这样|那样|上面|前面的|刚才|刚刚|之前说|这里|那里"
    r"|^(and|then|so|but|what about|how about|ok|okay|also|or)\b"
    r"|\b(it|its|that|this|those|these|them|they|the same|the other|there|instead)\b",
    re.IGNORECASE,
)
_SHORT_WORDS = 4
_SHORT_CHARS = 8


def leans(text: str) -> bool:
    """The cheap test: is it short, and does it point at something said before?"""
    text = text.strip()
    if len(text) > MAX_CHARS:
        return False
    if _LEANS.search(text):
        return True
    return len(text) <= _SHORT_CHARS if is_chinese(text) else len(text.split()) <= _SHORT_WORDS


async def rewrite(question: Question, knowledge: Knowledge, llm: Llm, trace: Trace) -> str:
    """The question as it can be judged and searched for. Raises LlmError."""
    text = question.text.strip()
    turns = question.history[-RECENT_TURNS:]
    if not turns or not leans(text):
        return text
    with stage(trace, "rewrite") as figures:
        # Where the talk before was not about the documents either, there is nothing to find.
        spoken = "\n".join(turn.text for turn in turns)[-RECENT_CHARS:]
        verdict = await knowledge.judge(spoken, mention=True, sources=question.sources)
        figures["context_score"] = round(verdict.score, 4)
        if not verdict.accept:
            return text
        found = await llm.rewrite(text, as_history(turns), is_chinese(text))
        known = f"{spoken}\n{text}"
        if not found or len(found) > MAX_REWRITTEN or _invents(found, known):
            figures["kept"] = "the rewriting was empty, long, or named what nobody had named"
            return text
        figures["rewritten"] = found
        return found


def _invents(found: str, known: str) -> bool:
    """Does it name something that neither the message nor the talk before it holds?"""
    lowered = known.lower()
    return any(name not in lowered for name in names_in(found))


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
