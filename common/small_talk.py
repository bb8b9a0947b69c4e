"""What people say beside their question: openers, which say nothing, and small talk to the bot.

By words alone, in Chinese and English, and on the safe side: a message that says anything else,
too, is no small talk, and what might be part of a question is no opener.
"""

import re
from collections.abc import Iterable
from enum import StrEnum


class SmallTalk(StrEnum):
    """What a message is that asks nothing of the documents; what asks most of the bot first."""

    HUMAN = "human"  # wants a person
    WHO = "who"  # asks who the bot is
    WRONG = "wrong"  # finds an answer wrong, or the bot no good
    THANKS = "thanks"
    BYE = "bye"
    HELLO = "hello"
    PRAISE = "praise"
    OK = "ok"  # has understood


NODS = (SmallTalk.THANKS, SmallTalk.PRAISE, SmallTalk.OK)
"""What follows an answer that helped."""


def _any(*patterns: str) -> str:
    return f"(?:{'|'.join(patterns)})"


_WHOM = _any(
    r"你们?|您|大家|各位|大佬们?|大神们?|老师们?|豆哥|小助手|机器人|兄弟们?|朋友们?|同学们?",
    r"you|all|everyone|everybody|guys|folks|team|there|bot|again|mate|man|people|sir",
)
_TAIL = r"(?:[了啦哈哦呀啊呢吧噢嘞咯哟么]|一下)*"
_DAY = r"good (?:morning|afternoon|evening)"

_KINDS: dict[SmallTalk, str] = {
    SmallTalk.HUMAN: _any(
        r"(?:请|麻烦|帮我|我要|我想|能不能|可以|可否)*(?:转|找|换|叫|联系|接|转接)(?:一?个|一?下|到)?"
        r"(?:人工|真人|活人)(?:客服|服务)?[吗嘛]?",
        r"(?:我要|我想要|需要)?人工(?:客服|服务)?|真人(?:客服|在吗)?",
        r"有(?:没有)?(?:人工|真人)(?:客服|服务)?[吗嘛]?",
        r"(?:a )?(?:real )?(?:human|live agent|real person)(?: please| pls)?",
        r"(?:please )?(?:can|could|may|let me|i (?:want|need|would like)|i'd like)?(?: i| to| me)*"
        r" ?(?:talk|speak|chat|connect|transfer)(?: me)? (?:to|with) (?:an? |some )?"
        r"(?:real |live )?(?:human|person|agent|operator|somebody|someone|maintainer)(?: please)?",
        r"(?:i (?:want|need)|get me) (?:an? )?(?:real )?(?:human|person)(?: please)?",
    ),
    SmallTalk.WHO: _any(
        r"[你您](?:是|叫)(?:谁|什么|啥|什么名字|什么东西|机器人|人|真人|ai)[吗嘛呀啊]?",
        r"(?:请?[你您]?)?(?:自我)?介绍一?下[你您]?(?:自己)?",
        r"[你您](?:能|会|可以)(?:帮我)?(?:做|干)?(?:什么|啥|些什么|点什么)",
        r"[你您]有(?:什么|啥)(?:用|功能)",
        r"who are you|what are you|who is this|what(?:'s| is) your name|introduce yourself",
        r"are you (?:an? )?(?:bot|robot|human|person|real|ai|llm|(?:chat)?gpt|chatbot)",
        r"what (?:can|do) you do|help(?: me)?|how (?:do|can) i use (?:you|this bot)",
        r"帮助|帮帮?忙|救命|使用说明|[你您](?:要?怎么|咋)用|怎么用[你您]",
    ),
    SmallTalk.THANKS: _any(
        rf"(?:非常|十分|太|真的?|好的|多)*(?:谢谢|感谢|谢|感恩){_WHOM}*{_TAIL}(?:的?帮助|的?回答)?",
        r"(?:辛苦|麻烦)(?:你|您|大家|各位)?了|3q",
        r"(?:我的?)?(?:这个|那个)?(?:问题|报错|错误|bug)?(?:已经?|都|终于|现在)*"
        r"(?:解决|搞定|弄好|修好|成功|装好|跑通|跑起来|可以用|能用|好使)(?:了|啦|咯|嘞)+",
        r"(?:many |so many |big )?(?:thanks|thank you|thank u|thx|ty|cheers|tks)(?: "
        + _any(
            r"so much|a lot|very much|a million|a bunch|for (?:the|your) (?:help|answer)",
            _WHOM,
            r"@?[\w-]{1,20}$",  # somebody's name
        )
        + ")*",
        r"(?:it|that|this)(?:'s| is| has been)? (?:now )?"
        r"(?:works?|worked|helps?|helped|solved|fixed)"
        r"(?: (?:now|for me|it|my (?:problem|issue)|perfectly|great|me|a lot))*",
        r"(?:my |the )?(?:problem|issue|bug)?(?:'s| is| was| has been)? ?"
        r"(?:solved|fixed|resolved)(?: now)?",
    ),
    SmallTalk.BYE: _any(
        rf"再见|拜拜|回见|晚安{_TAIL}",
        r"(?:good ?)?bye(?: bye)?|see (?:you|ya)|good night",
        r"have a (?:nice|good|great) (?:day|one|weekend)",
    ),
    SmallTalk.HELLO: _any(
        rf"{_WHOM}{{1,2}}好{_TAIL}|{_WHOM}?(?:在吗|在么|在不在|在嘛|在线吗){_TAIL}|在",
        rf"哈喽|哈啰|嗨|嘿|{_WHOM}?(?:早上?好?|早安|(?:早上|上午|中午|下午|晚上)好){_TAIL}",
        r"有人(?:在)?[吗嘛么]|有没有人(?:在)?|测试(?:一下)?",
        rf"(?:hello|hi|hey|hiya|yo|howdy|greetings|{_DAY})(?: {_WHOM})*",
        r"(?:is )?any(?:one|body)(?: (?:here|there|home|around|online))?|how are you(?: doing)?",
        r"are you (?:here|there|online)|test(?:ing)?",
    ),
    SmallTalk.PRAISE: _any(
        rf"[你您]?[真太好很]?(?:厉害|牛逼|牛|强|棒|赞|优秀|聪明|专业){_TAIL}|点赞|给力|666+|nb",
        r"(?:very |so |well )?"
        r"(?:good|nice|great|cool|awesome|amazing|excellent|perfect|brilliant|done)"
        r"(?: (?:bot|job|work|one|answer))?",
        r"love it|you rock|i love you|爱你",
    ),
    SmallTalk.OK: _any(
        rf"(?:好的?|行|嗯+|哦+|噢|收到|原来如此|没事|没问题|可以){_TAIL}",
        rf"(?:我?(?:明白|知道|懂|了解|清楚){_TAIL})+",
        r"(?:that's|exactly) (?:it|all|what i (?:needed|wanted|was looking for))|exactly",
        r"(?:哈|嘿|呵|嘻){2,}|(?:ha){2,}h?|(?:he){2,}|lol|lmao|rofl",
        r"ok(?:ay)?|okey|kk?|got it|i see|understood|all ?right|sure|fine|never ?mind|no problem",
    ),
    SmallTalk.WRONG: _any(
        r"(?:[你您](?:说|答|回答)?的?|这个?|回答)?(?:完全|都|又)?"
        rf"(?:不对|错|不正确|有误|答非所问|不是这个(?:意思|问题)|不是我(?:要|想)?问的){_TAIL}",
        r"[你您]?别?(?:胡说(?:八道)?|瞎说|乱说|乱答)|[你您]?[真好太]?[笨蠢傻](?:[逼x])?(?:机器人)?"
        r"|垃圾机器人",
        r"(?:you(?:'re| are)|that(?:'s| is| was)|this is|it(?:'s| is)|your answer is)"
        r" (?:just |still |completely |totally )?"
        r"(?:wrong|incorrect|nonsense|not (?:right|true|correct|helpful|what i (?:asked|meant)))",
        r"(?:that|this|it) (?:doesn't|didn't|does not|did not) help(?: me)?|没什么?帮助|没用",
        r"not what i (?:asked|meant)(?: for)?",
        r"wrong(?: answer)?|incorrect|not helpful|you suck|bad bot|nonsense",
        r"(?:you(?:'re| are) )?(?:so )?(?:an? )?(?:stupid|dumb|useless|idiot)(?: bot)?",
    ),
}
_TALK = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _KINDS.items()}
_ORDER = list(SmallTalk)

_CLAUSES = re.compile(r"[,，.。!！?？;；:：~～、…\n]+")
_SIGNS = re.compile(r"^[^\w]+|[^\w]+$")
_FILLER = re.compile(
    r"请问|那|and|so|well|no|nope|sorry|please|pls|[oa]h+|[哈呵啊哦]+|(?:ha)+|lol", re.IGNORECASE
)
_EMOJI = re.compile(r"[\U0001f300-\U0001faff\u2600-\u27bf\ufe0f\u200d\s]+")
_MOST_CHARS = 80
"""A longer message says something else, too."""


def small_talk(text: str) -> SmallTalk | None:
    """What kind of small talk a message is; None where it is anything else, too."""
    text = text.replace("’", "'")
    if len(text) > _MOST_CHARS:
        return None
    if text.strip() and _EMOJI.fullmatch(text):
        return SmallTalk.PRAISE
    if whole := _kind(" ".join(_plain(text).split())):
        return whole
    clauses = [clean for part in _CLAUSES.split(text) if (clean := _plain(part))]
    kinds = [_kind(clause) or _of_words(clause) for clause in clauses if not _is_filler(clause)]
    return _most(kinds)


def _of_words(clause: str) -> SmallTalk | None:
    """Of a clause that nobody has punctuated."""
    return _most(_kind(word) for word in clause.split() if not _is_filler(word))


def _most(kinds: Iterable[SmallTalk | None]) -> SmallTalk | None:
    """The one that asks most of the bot; None where one is none."""
    best: SmallTalk | None = None
    for kind in kinds:
        if kind is None:
            return None
        best = kind if best is None or _ORDER.index(kind) < _ORDER.index(best) else best
    return best


def _kind(clause: str) -> SmallTalk | None:
    return next((kind for kind, talk in _TALK.items() if talk.fullmatch(clause)), None)


def _plain(text: str) -> str:
    return _SIGNS.sub("", text)


def _is_filler(clause: str) -> bool:
    return _FILLER.fullmatch(clause) is not None


_GREETING = _any(
    rf"{_WHOM}?好[啊呀哈]?|在吗|在么|在嘛|在不在|有人(?:在)?[吗嘛么]|有没有人(?:在)?|哈喽|嗨",
    r"早上?好|早安|(?:早上|上午|中午|下午|晚上)好|打扰(?:一下|了)?|不好意思|抱歉",
    r"求助|求救|求教|急+|各位|萌新(?:求助)?|小白(?:求助)?",
    r"(?:各位|诸位)?(?:大佬|大神|老师|专家|朋友|同学|兄弟|前辈)们?",
    rf"(?:hello|hi|hey|hiya|greetings|dear|{_DAY})(?: {_WHOM})*",
    r"(?:is )?any(?:one|body)(?: (?:here|there|home|around|online))?",
    r"excuse me|sorry to bother(?: you)?|help(?: me)?",
    r"(?:a )?(?:quick )?question(?: for you)?|(?:i have|got) a (?:quick )?question",
)
"""Says nothing where a sign or another opener follows: "help" alone may begin a command."""

_ASKING = _any(
    r"我?(?:想|要)?(?:(?:请问|请教)(?:一?个问题|一下|下)?|问(?:一?个问题|一下|下))",
    r"麻烦(?:问|请教)(?:一下|下)",
    r"(?:请问|请教|问下|问一下)?各位(?:大佬|大神|老师|专家|朋友|同学)们?",
)
"""Says nothing in any case."""

_ASKS = (
    r"how|what|why|where|when|which|who|can|could|does|do|did|is|are|was|will|would|should|any|i"
    r"|my|we|if|need|has|have|请问|请教|想问|我|怎么|如何|为什么|有没有|哪|谁"
)
_SIGN = r",，.。!！?？;；:：~～、…\n—"
_ENDS = r"[^\S\n]*(?:[,，。!！?？;；~～、…\n—]|[.:：](?!\w))"
_OPENER = re.compile(
    rf"(?:{_ASKING}|{_GREETING}(?:{_ENDS}|\s*(?={_GREETING}[\s{_SIGN}]|{_ASKING})"
    rf"|\s+(?=(?:{_ASKS})\b)))[\s{_SIGN}]*",
    re.IGNORECASE,
)
_THANKS = _any(
    r"谢谢|感谢|多谢|谢啦|谢过|跪谢|在线等|急等|求解答?|求大佬|求助",
    r"thanks|thank you|thx|tia|many thanks",
)
_CLOSER = re.compile(
    rf"(?<=[{_SIGN}])\s*(?:非常|十分|先|提前|在此|万分)*{_THANKS}"
    rf"(?:\s*(?:{_WHOM}|in advance|a lot|so much|very much|[先了啦啊呀]))*[\s{_SIGN}]*$",
    re.IGNORECASE,
)
_CLOSER_CHARS = 100

_AMOUNT = r"(?:one|two|three|four|five|a few|short|simple|plain)"
_LANGUAGE = (
    r"(?:(?:plain |simple )?english|chinese|german|french|spanish|japanese|korean|russian|italian)"
)
_MANNER = _any(
    r"briefly|shortly|concisely|in (?:short|brief|detail)|quickly|step by step|eli5|pls|please",
    r"like i'?m five|as (?:a|bullet) (?:list|points?|table)|in (?:bullet points|a (?:list|table))",
    rf"in {_AMOUNT} (?:sentences?|words?|lines?|steps?)|(?:in|into|to) {_LANGUAGE}",
)
_SAY = _any(
    r"(?:summari[sz]e|explain|translate|outline|tell me|answer|reply)(?: me| us| this| it)?"
    rf"(?: {_MANNER})*",
    r"(?:give|write)(?: me| us)? an? (?:short |brief |quick |detailed )*"
    r"(?:answer|summary|overview|explanation|list)(?: of| on| about)?",
    rf"tl;?dr(?: of| for)?|{_MANNER}",
)
_HOW = _any(
    r"用(?:一|两|三|几)句话|用(?:中文|英文|英语|日语|德语)|(?:用|列)个?(?:表格|清单)",
    r"(?:简单|简短|简要|简洁|详细|具体|通俗)地?|分步骤?",
)
_TO_SAY = r"(?:回答|说明|解释|总结|概括|归纳|介绍|讲讲|说说|列出)"
_REQUEST = re.compile(
    rf"(?:(?:can|could|would) you )?(?:{_MANNER}[,:]? )*{_SAY}[,:]?\s+"
    rf"(?=(?:{_ASKS}|the|it|a|an)\b)"
    rf"|(?:(?:请|麻烦)?你?{_HOW}|(?:请|麻烦)你?){_TO_SAY}(?:一下|下)?[,，:：\s]*(?=\S)"
    rf"|{_TO_SAY}一下[,，:：\s]*(?=\S)|(?:请|麻烦)?(?:长话短说|简单来说)[,，:：\s]+",
    re.IGNORECASE,
)
_REQUEST_BEHIND = re.compile(
    rf"(?:[,.;:—-]\s*{_MANNER}|\s(?:briefly|step by step|in bullet points|please|pls))"
    rf"(?:\s+{_MANNER})*[\s{_SIGN}]*$"
    rf"|[,，。;；\s]+(?:请|麻烦)?{_HOW}?(?:{_TO_SAY}|一点|点|些|就行|即可)+[\s{_SIGN}]*$",
    re.IGNORECASE,
)
"""How an answer is to be worded: an instruction to who answers, and no name to look for."""


def without_openers(text: str) -> str:
    """A message without the greetings before its question, the thanks behind it, and what it says
    of the wording that it wants ("briefly", 用一句话回答); as it is where nothing would be left."""
    rest = text.strip()
    while match := _OPENER.match(rest) or _REQUEST.match(rest):
        rest = rest[match.end() :]
    while match := _closing(rest):
        rest = rest[: match.start()].rstrip()
    return rest.strip() if re.search(r"\w", rest) else text


def _closing(text: str) -> re.Match[str] | None:
    begin = max(0, len(text) - _CLOSER_CHARS)
    return _CLOSER.search(text, begin) or _REQUEST_BEHIND.search(text, begin)
