"""What the numbers of the documents measure, so that two of them can't be exchanged."""

import re
from collections import defaultdict
from collections.abc import Sequence

from bot.grounding import spoken
from bot.grounding.plain import readable

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
_THINGS = re.compile(r"\s*个?\s*([a-z]{2,}s(?![a-z])|(?<=个)[\u4e00-\u9fff]{2})")
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
        measures = _unit(before, after) or (_version(before) if "." in match.group() else set())
        if not measures and found and _LIST.fullmatch(before):
            measures = found[-1][1]
        found.append((match.group(), measures or _things(after)))
        end = match.end()
    return found


def _in_digits(text: str) -> str:
    """The text with its numbers in words as digits."""
    pieces: list[str] = []
    end = 0
    for match, value in sorted(spoken.numbers(text), key=lambda one: one[0].start()):
        pieces += [text[end : match.start()], str(value)]
        end = match.end()
    return "".join([*pieces, text[end:]])


def _unit(before: str, after: str) -> set[str]:
    if _PORT.search(before):
        return {"port"}
    return {name for name, pattern in _UNIT.items() if pattern.match(after)}


def _version(before: str) -> set[str]:
    match = _VERSION_OF.search(before)
    return {match.group(1)} - _NO_NAMES if match else set()


def _things(after: str) -> set[str]:
    match = _THINGS.match(after)
    return {match.group(1)} if match else set()
