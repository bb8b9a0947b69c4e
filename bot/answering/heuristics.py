"""What a message is by its words alone: a question, a follow-up, one more who asks, an answer."""

import re

from adapters.base import IncomingMessage
from bot.types import Question
from common.language import is_chinese

_BEGINS_OR_ENDS = re.compile(
    r"^(请问|怎么|怎样|如何|为什么|为啥|有没有|有人|谁|哪|求|how|what|why|where|which|who|does|did"
    r"|is there|are there|anyone|anybody|any idea|has anyone|can i|can we|could|should i)(?![a-z])"
    r"|[?？]\s*$|[吗呢么嘛][。.!！~～…\s]*$",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Ends with a question mark or 吗/呢/么/嘛, or starts like a question. Only a rule of thumb."""
    return bool(_BEGINS_OR_ENDS.search(text.strip()))


MAX_CHARS = 120
"""A longer message says what it is about."""

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


_MAY_ASK = re.compile(
    r"[?？吗嘛么呢几吧]|[大多好对行快高难]不(?=\W|$)|怎|哪|谁|啥|多[少大久长快高]|还是|能不|可不|是不|有没|会不|要不|求|请教|请问|帮"
    r"|想[问要]|问一?下|需要|不[知懂会]|没用过"
    r"|error|exception|fail|refus|crash|fault|core dump|traceback|warning|denied|timed? ?out|n't\b"
    r"|\bnot? (found|work|start|support|able|longer)|cannot|unable|invalid|missing|broken|stuck"
    r"|wrong"
    r"|报错|错误|异常|失败|崩|无法|不能|不[了动出行上对到]|没反应|卡住|问题|出错|警告|找不|超时|拒绝"
    r"|\b(how|what|why|where|which|who|when|can|could|should|does|any|anyone|anybody|help|need|want"
    r"|trying|looking for|wonder|wondering|if)\b",
    re.IGNORECASE,
)


def may_ask(text: str) -> bool:
    """Is there any sign of a question, of somebody in need or of something that went wrong? Where
    there is none it tells something. On the safe side: most that tells something has one, too."""
    return is_question(text) or bool(_ASKS.search(text) or _MAY_ASK.search(text))


_TO_SOMEBODY = re.compile(
    r"(?<!提示)(?<!显示)(?<!报错)(?<![说回])你(?!们|好)|\byou mean\b"
    r"|\b(did|have|are|were) (you|u)\b(?! (guys|all|folks|ever))"
    r"|\bdo you (all |guys )?(use|have|want|still)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」|`[^`]*`")


def speaks_to_somebody(text: str) -> bool:
    """Does a message that does not call the bot say "you", as people do who talk to one another?
    Not where that is quoted, nor in a long one, such as a log. Only a rule of thumb: of 1,126
    messages of a group 77 say 你, 18 of them labelled as on topic, and these answer somebody."""
    return len(text) <= MAX_CHARS and bool(_TO_SOMEBODY.search(_QUOTED.sub("", text)))


_SETTLED = re.compile(
    r"\bfound it\b|\bfigured (it )?out\b|\bgot it (to work|working|running)|\bnever ?mind\b|\bnvm\b"
    r"|\bworks now\b|\b(solved|fixed)( it| now)?\W*$|\bi('ll| will) (try|check|look|read)\b"
    r"|算了|找到了|搞定|解决了|不用了|弄好了|^好了|可以了|我自己|我[先再去](看|试|查)",
    re.IGNORECASE,
)
_UNSETTLED = re.compile(r"不(?!用了)|但|没|n't|\b(but|not|still)\b", re.IGNORECASE)
_SETTLED_CHARS = 80


def settles(text: str) -> bool:
    """Does somebody say that what they asked is settled? Only a rule of thumb."""
    if len(text) > _SETTLED_CHARS or is_question(text) or _UNSETTLED.search(text):
        return False
    return bool(_SETTLED.search(text))


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
