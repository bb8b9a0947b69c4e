"""What language a text is in, and the words of it that an index and a comparison go by."""

import re
from functools import lru_cache

import rjieba

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def is_chinese(text: str) -> bool:
    """At least every twentieth character is Chinese."""
    return 20 * len(_CHINESE.findall(text)) > len(text)


_REMEMBERED = 50_000


_SUBWORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def words(text: str) -> list[str]:
    """Words of a text as they stand: Chinese words, whole identifiers, and the parts of these
    ("PytorchEngineConfig" also gives "Pytorch", "Engine", "Config")."""
    return [part for word in rjieba.cut_for_search(text) for part in _with_parts(word)]


def is_named(name: str, text: str) -> bool:
    """Does a text say a name, at borders that Chinese characters are too?"""
    name, text = name.lower(), text.lower()
    pattern = rf"(?<![a-z0-9_]){re.escape(name)}(?![a-z0-9_])"
    return name in text and re.search(pattern, text) is not None


@lru_cache(_REMEMBERED)
def _with_parts(word: str) -> tuple[str, ...]:
    """A word and what it is made of; nothing for signs and spaces."""
    if not word or not (word[0].isalnum() or word[0] == "_"):
        return ()
    if not word.isascii() or (word.isalpha() and word[1:].islower()):
        return (word,)
    parts = _SUBWORD.findall(word)
    return (word, *(part for part in parts if len(part) > 1 and len(parts) > 1))
