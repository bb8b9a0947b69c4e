"""What kind of thing a question asks for, by its words: a number or a name. A text gives one that
the question does not already hold. (Answer types: Li and Roth, COLING 2002, here but two.)"""

import re
from dataclasses import dataclass

_FOR_NUMBER = re.compile(
    r"多少|默认|缺省|版本|几(?!乎|何|率)|多(?:大|久|长|高|快|宽|深|远)"
    r"|\bhow (?:many|much|long|big|large|often|fast|high|old|soon|far)\b"
    r"|\bdefaults?\b|\bversions?\b|\bwhat(?:'s| is| are)?(?: \w+){0,3} (?:size|port|limit|timeout"
    r"|percent(?:age)?|rate|number|count)\b",
    re.IGNORECASE,
)
_FOR_NAME = re.compile(
    r"哪[个些种条一]|啥|叫什么|什么(?!时候|原因|意思)|怎么写|命令|参数|变量|配置项|选项|字段|标志|脚本"
    r"|\bwhich\b|\bwhat\b|\bcalled\b|\bnamed?\b"
    r"|\b(?:flag|option|setting|key|variable|parameter|argument|command|script|function|method)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*")
_ITEM_NUMBER = re.compile(r"^\s*\d{1,3}[.)、]\s", re.MULTILINE)
_NAME = re.compile(
    r"`[^`\n]+`|(?<!\w)--?[A-Za-z][\w-]+|[A-Za-z]+_\w+|\b[a-z]+[A-Z]\w+|\b[A-Z]{2,}\b"
    r"|\b[A-Za-z]\w*\.\w+",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Asks:
    """What a question asks for, and the numbers and words that stand in it."""

    number: bool
    name: bool
    numbers: frozenset[str]
    words: frozenset[str]

    def given_in(self, text: str) -> int:
        """How many of the kinds of things that are asked for a text holds, 0 to 2."""
        number = self.number and not self.numbers.issuperset(_numbers(text))
        return number + (self.name and not self.words.issuperset(_names(text)))

    @property
    def kinds(self) -> int:
        """How many kinds of things are asked for."""
        return self.number + self.name


def asks(question: str) -> Asks:
    """What a question asks for."""
    return Asks(
        number=_FOR_NUMBER.search(question) is not None,
        name=_FOR_NAME.search(question) is not None,
        numbers=_numbers(question),
        words=_names(question)
        | {word.lower() for word in re.findall(r"[\w.-]+", question, re.ASCII)},
    )


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(_ITEM_NUMBER.sub("", text)))


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip("`").lower() for name in _NAME.findall(text))
