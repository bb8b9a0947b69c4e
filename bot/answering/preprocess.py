"""Stage 1: is there anything in these messages that could be a question?"""

import re
from collections.abc import Sequence

from bot.answering.heuristics import is_question
from bot.grounding.claims import names_in
from bot.llm.llm import Llm
from bot.types import Knowledge, Question, Reason, Silence, Trace, Turn, stage
from common.language import is_chinese
from common.small_talk import small_talk

_LETTERS = re.compile(r"[^\W\d_]")
MIN_LETTERS = 2
"""One letter or none ("?", "1", "好") is no question, whatever is near it."""


def preprocess(question: Question, trace: Trace) -> str | Silence:
    """The text to judge and search for; Silence when there is only a sticker or a mark, and for
    who only greets or thanks the bot."""
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
        if len(_LETTERS.findall(text)) < MIN_LETTERS:
            return Silence(Reason.NOT_A_QUESTION)
        return text


MAX_CHARS = 120
"""A longer message says what it is about."""

MAX_REWRITTEN = 300

RECENT_TURNS = 6
RECENT_CHARS = 1500

_POINTS_BACK = re.compile(
    r"^(那|这|它|他|然后|还有|再|接着|换成|上面|前面|刚才|刚刚|同样|如果|也|所以|可是|但)"
    r"|它|这个|那个|这样|那样|上面|前面的|刚才|刚刚|之前说|这里|那里"
    r"|^(and|then|so|but|what about|how about|ok|okay|also|or)\b"
    r"|\b(it|its|that|this|those|these|them|they|the same|the other|there|instead)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"怎么|怎样|咋|如何|为什么|为何|为啥|(?<!没)(什么|啥)|哪|多少|几[个次步种张]|谁"
    r"|能不能|可不可以|行不行|是不是|会不会|有没有|要不要|对不对|[吗呢][\W_]*$"
    r"|^((and|then|so|but|ok|okay|also|or)\b[\s,]*)?(if|how|what|why|where|when|which|who|can|could"
    r"|does|do|did|is|are|was|will|would|should|must|has|have)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"没什么|没啥|没事|[a-z']+|[^\W\d_]", re.IGNORECASE)
_SMALL_TALK = frozenset(
    _WORD.findall(
        "没什么 没啥 没事 好行嗯对哦噢啊哈嘿呵嘻哇真的谢多感收到明白知道懂了吧吗呢啦呀么牛赞厉害"
        "早晚上安你您我们大家佬人豆哥在有辛苦客气再见拜可以是试也这个那样就"
        "ok okay yes yeah yep no nope thanks thank thx ty cool nice great good got i see sure"
        " really seriously right hello hi hey anyone anybody here lol haha hehe wow huh so much a"
        " lot very morning night bye you guys is was that it's it this all well fine works fun"
    )
)
"""Greetings, thanks and nods are made of these alone."""

_SHORT_WORDS = 4
_SHORT_CHARS = 8


def leans(text: str, *, mention: bool = False) -> bool:
    """The cheap test: does it ask something that was begun before?

    A mention asks without a sign of it ("@bot windows"); all others need a question's words or
    its mark. What is long says itself what it is about, what is very short can't.
    """
    text = text.strip()
    if len(text) > MAX_CHARS or _SMALL_TALK.issuperset(_WORD.findall(text.lower())):
        return False
    if not (mention or is_question(text) or _ASKS.search(text)):
        return False
    if _POINTS_BACK.search(text):
        return True
    return len(text) <= _SHORT_CHARS if is_chinese(text) else len(text.split()) <= _SHORT_WORDS


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
        known = f"{spoken}\n{text}"
        if not found or len(found) > MAX_REWRITTEN or _invents(found, known):
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
