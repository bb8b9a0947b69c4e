"""Numbers written as words: 九千, "nine thousand". Up to three they are mere grammar ("one of two
ways", 一个); from four on they state something."""

import re
from collections.abc import Iterator

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
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char == "万":
            total, section, digit = total + (section + digit) * 10_000, 0, 0
        else:
            section, digit = section + max(1, digit) * _MULTIPLES[char], 0
    return total + section + digit
