"""What kind of thing a question asks for, by its words: a number or a name. A text gives one that
the question does not already hold. (Answer types: Li and Roth, COLING 2002, here but two.)

And what is to be done with what: "delete" a "group". Rarity tells these apart badly: what a
collection is about stands on all its pages and counts nothing where it is missing, while an action
that one page names counts much."""

import re
from dataclasses import dataclass

from common.language import is_chinese, segment, tagged, with_parts
from knowledge.index.lexical import LexicalIndex

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

_HOW = re.compile(
    r"\bhow (?:do|can|should|would|to)\b|怎么(?!样的|会|回事|没|还|办|看起来)|(?<!会)怎样|如何",
    re.IGNORECASE,
)
_ACTION = re.compile(
    r"\b(?:i|we|you|they|it|to|please)\s+(?:also\s+|only\s+)?([a-z]+)", re.IGNORECASE
)
"""What follows who does it. In Chinese the tagger tells verbs from nouns."""

_OBJECT = frozenset("nejl")
"""How the tags of nouns begin, of Latin words, of abbreviations and of phrases."""


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


def asks_how(text: str) -> bool:
    """Does a question, or a heading, ask how to do something?"""
    return _HOW.search(text) is not None


def actions_and_objects(words: LexicalIndex, question: str) -> tuple[set[str], set[str]]:
    """The terms of the actions that a question names, and of what they are done to. Those of a
    Chinese word are those of its parts as well."""
    if is_chinese(question):
        said = [(word, tag[0]) for word, tag in tagged(question)]
    else:
        does = {word.lower() for word in _ACTION.findall(question)}
        said = [(w, "v" if w.lower() in does else "n") for w in segment(question)]
    actions, objects = set[str](), set[str]()
    for word, tag in said:
        if not with_parts(word) or words.is_function_word(word):
            continue
        if tag == "v":
            actions.update(words.terms(word))
        elif tag in _OBJECT:
            objects.update(words.terms(word))
    return actions, objects - actions


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(_ITEM_NUMBER.sub("", text)))


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip("`").lower() for name in _NAME.findall(text))
