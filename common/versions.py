"""Versions in texts and paths: which one a question asks for, which one a page states."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Version: TypeAlias = tuple[int, ...]
"""Its leading numbers: 2.x is (2,), v0.5.0 is (0, 5, 0)."""

_DOTTED = r"\d{1,4}(?:\.\d{1,4}){1,3}(?:\.[xX])?|\d{1,4}\.[xX]"
_NAMED = re.compile(
    r"(?P<name>[A-Za-z][\w-]*?)(?:[ ]?[=~>]=?[ ]?|[ -]?[vV]?|[ ][vV]ersion[ ])"
    rf"(?P<number>{_DOTTED})(?![\w-]|\.\w)",
    re.ASCII,
)
_CALLED = re.compile(
    rf"(?P<before>[A-Za-z][\w.-]*[ ])?(?:(?<![\w.])[vV]|[vV]ersion[ ]|版本[ ]?)"
    rf"(?P<number>{_DOTTED}|\d{{1,4}})(?![\w-]|\.\w)"
    rf"|(?<![\w.-])(?P<ahead>{_DOTTED})[ ]?(?:版|version\b)",
    re.ASCII,
)
_IN_PATH = re.compile(rf"(?:^|[/_-])[vV]?({_DOTTED})(?=$|[/_-]|\.(?:md|rst|html?)$)", re.ASCII)
_LEADING = re.compile(rf"^[vV]?({_DOTTED})(?![\w-]|\.\w)", re.ASCII)
_FIRST = re.compile(
    r"[vV]?(\d{1,4}(?:\.\d{1,4}){0,3}(?:\.[xX])?)"
    r"(?:[-.]?(?:alpha|beta|rc|dev|post|a|b)[.]?\d*)?(?![\w.]|-\d)",
    re.ASCII,
)
_OF_SENTENCES = frozenset(
    {"in", "on", "of", "the", "with", "for", "since", "to", "from", "use", "using"}
)


def asked_versions(text: str, names: Iterable[str]) -> list[Version]:
    """The versions that a text names of the project; `names` are what the project is called.
    Those of other things ("Python 3.8", "CUDA 11.8") don't count."""
    known = {name.lower() for name in names}
    found = [m["number"] for m in _NAMED.finditer(text) if m["name"].lower() in known]
    for match in _CALLED.finditer(text):
        before = (match["before"] or "").strip().lower()
        of_another = before and before not in known and _is_product(before)
        if not of_another:
            found.append(match["number"] or match["ahead"])
    return list(dict.fromkeys(_version(number) for number in found))


def stated_versions(places: Sequence[str], headings: str, names: Iterable[str]) -> list[Version]:
    """The versions that a text says it is about, by its paths or addresses and its headings."""
    found = [_version(match[1]) for place in places for match in _IN_PATH.finditer(place)]
    for heading in headings.split(" > "):
        found += [_version(match[1]) for match in _LEADING.finditer(heading)]
    return list(dict.fromkeys([*found, *asked_versions(headings, names)]))


def version_of(text: str) -> Version | None:
    """The version that a text begins with ("v2.1", "2.x", "2.0-rc1", "1.0 (old)"); None where it
    begins with none, or with a date."""
    found = _FIRST.match(text.strip())
    return _version(found[1]) if found else None


def fits(asked: Sequence[Version], stated: Sequence[Version]) -> bool:
    """Is a text that states versions about one that was asked for? One that states none is about
    all of them."""
    if not asked or not stated:
        return True
    return any(one[: len(other)] == other[: len(one)] for one in asked for other in stated)


def _is_product(word: str) -> bool:
    """Is the word before a version another product, rather than a word of the sentence?"""
    return word not in _OF_SENTENCES


def _version(number: str) -> Version:
    return tuple(int(part) for part in number.split(".") if part.isdigit())
