"""Numbers written as words: 九千, "nine thousand". Up to three they are mere grammar ("one of two
ways", 一个); from four on they state something. And what a number is said to measure."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from bot.grounding.normalize import readable
from common.language import HAN

MEANT_FROM = 4

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_ONES = {word: value for value, word in enumerate(_SMALL)}
_BY_TEN = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS = {word: 10 * value for value, word in enumerate(_BY_TEN, start=2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_WORD = "|".join([*_ONES, *_TENS])
_ENGLISH = re.compile(
    rf"\b(?:{_WORD})(?:(?:[\s-]|\s+and\s+)(?:{_WORD}|{'|'.join(_SCALES)}))*\b", re.IGNORECASE
)

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_MULTIPLES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_HAN = re.compile(r"[一二两三四五六七八九十][零〇一二两三四五六七八九十百千万]*")
_COUNTED = re.compile(
    r"(?:个|种|张|块|台|步|次|秒|毫秒|分钟|小时|天|月|年|倍|核|卡|路|端口|行|条|位|层|类|线程|进程|人|群|字"
    r"|页|项|款|元|版|号|%|[GMKT]i?B?(?![A-Za-z]))"
)
_STATES = re.compile(r"(?:为|是|到|成|约|于|达|共|过|多|少|监听|端口)\s*$")
_PHRASE_END = re.compile(r"\s*(?:$|[，。；、,.;!?！？)）\[])")


def numbers(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Every number in words, with its value."""
    for match in _ENGLISH.finditer(text):
        yield match, _english(re.split(r"[\s-]+", match.group().lower()))
    for match in _HAN.finditer(text):
        value = _han(match.group())
        if value is not None:
            yield match, value


def stated(text: str) -> Iterator[tuple[str, int]]:
    """The numbers in words that state how much or which, with their values: not "a few dozen", not
    the fourth, and no part of another word."""
    for match, value in numbers(text):
        if value < MEANT_FROM:
            continue
        before, after = text[: match.start()], text[match.end() :]
        han = not match.group().isascii()
        if han and (
            before.endswith(("第", "几", "数")) or after.startswith(("几", "多", "余", "来"))
        ):
            continue
        counts = _COUNTED.match(after.lstrip())
        if not han or counts or (_STATES.search(before) and _PHRASE_END.match(after)):
            yield match.group(), value


def _english(words: list[str]) -> int:
    total = current = 0
    for word in words:
        if word in _SCALES:
            current = max(1, current) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, current = total + current, 0
        else:
            current += _ONES.get(word, _TENS.get(word, 0))
    return total + current


def _han(text: str) -> int | None:
    """The value; None for "three or four" (三四)."""
    if not any(char in _MULTIPLES for char in text):
        several = len(text) == 2 and "零" not in text and "〇" not in text
        return None if several else int("".join(str(_DIGITS[char]) for char in text))
    total = section = digit = 0
    counts = 1  # what a last digit counts: in 两千三 hundreds, in 两千零三 ones
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
            counts = counts if digit else 1
            continue
        multiple = _MULTIPLES[char]
        if char == "万":
            total, section = total + (section + digit) * multiple, 0
        else:
            section += max(1, digit) * multiple
        digit, counts = 0, multiple // 10
    return total + section + digit * counts


_UNITS = {
    "s": r"秒钟?|s|secs?|seconds?",
    "ms": r"毫秒|ms|milliseconds?",
    "min": r"分钟|mins?|minutes?",
    "h": r"个?小时|h|hours?",
    "d": r"天|days?",
    "GB": r"gi?b?",
    "MB": r"mi?b",
    "%": r"%",
    "port": r"号?端口",
}
_UNIT = {name: re.compile(rf"\s*(?:{pattern})(?![a-z0-9_])") for name, pattern in _UNITS.items()}
_THINGS = re.compile(rf"^\s*个?\s*([a-z]{{2,}}s(?![a-z])|(?<=个)[{HAN}]{{2}})")
"""Whatever is counted: clients, 客户端."""

_PORT = re.compile(r"(?:(?<![a-z0-9_])ports?|端口)\W{0,3}(?:号|为|是|到|is |to |on )?\W{0,3}$")
_VERSION_OF = re.compile(
    r"([a-z][a-z0-9_+]*)[\s`*\"'|]*(?:versions?|版本)?(?:号|为|是)?[\s`*\"'|]*[=<>~!]*\s*v?$"
)
_LIST = re.compile(r"[\s,、/|]*(?:or|and|to|或|和|到|-)?[\s]*v?$")
_NUMBER = re.compile(r"\d+(?:\.\d+)*", re.ASCII)
_NO_NAMES = frozenset(
    {
        "version", "versions", "release", "v", "tag", "is", "are", "to", "of", "the", "than",
        "least", "at", "or", "and", "from", "with", "needs", "requires", "use", "using", "set",
        "by", "for", "in", "on", "before", "after", "since", "until", "only", "default",
    }
)  # fmt: skip


class Measures:
    """What each number of some documents is said to measure; "" for one that stands alone."""

    def __init__(self, documents: Sequence[str], question: str) -> None:
        self._known: dict[str, set[str]] = defaultdict(set)
        for text in documents:
            for number, measures in _measured(text):
                self._known[number] |= measures or {""}
        for number in _NUMBER.findall(question):
            self._known[number].add("")
        self._names = set().union(*self._known.values())

    def contradict(self, number: str, sentence: str) -> bool:
        """Does the sentence give a number to something, where the documents give that something
        other numbers, and this number only to other things?"""
        known = self._known.get(number, set())
        if not known or ("" in known and len(number) > 1):
            return False  # a single digit stands alone in too many places to tell anything
        said = set[str]().union(*(names for one, names in _measured(sentence) if one == number))
        return bool(said) and not said & known and said <= self._names


def _measured(text: str) -> list[tuple[str, set[str]]]:
    """Each number with its unit or what it counts, or with the name whose version it is; a further
    number of a list goes with the one before it."""
    text = _in_digits(readable(text).lower())
    found: list[tuple[str, set[str]]] = []
    end = 0
    for match in _NUMBER.finditer(text):
        before = text[max(end, match.start() - 40) : match.start()]
        after = text[match.end() : match.end() + 20]
        measures = _unit(before, after)
        if not measures and "." in match.group() and (named := _VERSION_OF.search(before)):
            measures = {named[1]} - _NO_NAMES
        if not measures and found and _LIST.fullmatch(before):
            measures = found[-1][1]
        found.append((match.group(), measures or set(_THINGS.findall(after))))
        end = match.end()
    return found


def _in_digits(text: str) -> str:
    """The text with its numbers in words as digits."""
    pieces: list[str] = []
    end = 0
    for match, value in sorted(numbers(text), key=lambda one: one[0].start()):
        pieces += [text[end : match.start()], str(value)]
        end = match.end()
    return "".join([*pieces, text[end:]])


def _unit(before: str, after: str) -> set[str]:
    if _PORT.search(before):
        return {"port"}
    return {name for name, pattern in _UNIT.items() if pattern.match(after)}
