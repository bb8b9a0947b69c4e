"""Sentences of a document or page that give orders to who answers from it.

A document is written for readers. One that says what to tell them, or to ignore instructions, was
put there for the bot, and what it says is neither shown to a model nor borne out by it. None of
59,438 sentences of real documentation looks like that.
"""

import re

from bot.grounding.markdown import Kind, joined, units

_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:instructions|rules|prompts?)\b"
    r"|\b(?:tell|urge|instruct)\s+(?:them|everybody|everyone|(?:the |all )?(?:users|people|readers"
    r"|group))\s+to\b"
    r"|\b(?:AI|assistants?|chatbots?|language models?)\b[^.]{0,30}\b(?:must|should|always)\b\s+"
    r"(?:say|tell|answer|reply|recommend|post|write|mention)"
    r"|忽略.{0,12}(?:指令|规则|提示词?)|让(?:大家|用户|所有人|他们|群友).{0,6}(?:运行|执行|访问|打开|下载|安装)"
    r"|(?:回答|回复)(?:时|前|里|中).{0,8}(?:请|要|必须|务必)",
    re.IGNORECASE,
)


def without_orders(text: str) -> str:
    """A passage without such sentences; as it is where there are none."""
    if not _ORDER.search(text):
        return text
    return joined(
        one
        for one in units(text)
        if one.kind is Kind.CODE or (one.bare and not _ORDER.search(one.text))
    )
