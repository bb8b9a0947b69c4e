"""What language a text is in, the words of it that an index and a comparison go by, and names."""

import re
from functools import lru_cache

HAN = r"\u4e00-\u9fff"
"""Chinese characters, for a class of a pattern."""

CHINESE = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
"""The same with rare ones and with the signs that are set among them."""

_HAN = re.compile(f"[{HAN}]")


def is_chinese(text: str) -> bool:
    """At least every twentieth character is Chinese."""
    return 20 * chinese_characters(text) > len(text)


_LETTER = re.compile(r"[^\W\d_]")


def has_letters(text: str) -> bool:
    """Does it say something in some language? Marks, figures and emojis don't."""
    return bool(_LETTER.search(text))


def chinese_characters(text: str) -> int:
    """How many there are."""
    return len(_HAN.findall(text))


REMEMBERED = 20_000
"""Of so many words a cache keeps what was found out: all caches together take 23 MB then. People
write numbers and names that never come again, and each would stay."""


def segment(text: str) -> list[str]:
    """The words of a text one after the other."""
    import rjieba  # 30 MB and a fifth of a second, which who cuts no text does without

    return rjieba.cut(text)


def segment_for_search(text: str) -> list[str]:
    """The same, with the shorter words that long ones are made of."""
    import rjieba

    return rjieba.cut_for_search(text)


def tagged(text: str) -> list[tuple[str, str]]:
    """The words of a text, each with its part of speech."""
    import rjieba

    return rjieba.tag(text)


_SUBWORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def words(text: str) -> list[str]:
    """Words of a text as they stand: Chinese words, whole identifiers, and the parts of these
    ("PytorchEngineConfig" also gives "Pytorch", "Engine", "Config")."""
    return [part for word in segment_for_search(text) for part in with_parts(word)]


MIN_STEM = 3
_ENDINGS = ("ing", "ed", "es", "s", "ly", "e")


def stem(word: str) -> str:
    """A word without an English ending, in lower case: enough to see that two are one."""
    word = word.lower()
    if word.isascii():
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= MIN_STEM:
                return word[: -len(ending)]
    return word


def is_named(name: str, text: str) -> bool:
    """Does a text say a name, at borders that Chinese characters are too?"""
    name, text = name.lower(), text.lower()
    pattern = rf"(?<![a-z0-9_]){re.escape(name)}(?![a-z0-9_])"
    return name in text and re.search(pattern, text) is not None


_NAME = re.compile(r"[A-Za-z][\w.+-]*\w|\d+(?:\.\d+)+")
_SIGN_OF_NAME = re.compile(r"[\d_.+-]|(?<=.)[A-Z]")

ABBREVIATIONS = frozenset(
    ["e.g", "i.e", "etc", "vs", "a.k.a", "w.r.t", "a.m", "p.m", "u.s", "et.al"]
)
"""What looks like a dotted name and is none, without its last dot."""


def names_in(text: str) -> frozenset[str]:
    """Names of things, in lower case: among Chinese every word of Latin letters, else words with
    a digit, a sign or a capital letter that doesn't begin the text."""
    return frozenset(
        match[0].lower().strip(".-+")
        for match in _NAME.finditer(text)
        if is_chinese(text)
        or _SIGN_OF_NAME.search(match[0])
        or (match[0][0].isupper() and match.start())
    )


@lru_cache(REMEMBERED)
def with_parts(word: str) -> tuple[str, ...]:
    """A word and what it is made of; nothing for signs and spaces. Of "server.log_level" that is
    also "log_level": people leave out what stands before."""
    if not word or not (word[0].isalnum() or word[0] == "_"):
        return ()
    if not word.isascii() or (word.isalpha() and word[1:].islower()):
        return (word,)
    parts = _SUBWORD.findall(word)
    if len(parts) == 1:
        return (word,)
    names = (name for name in word.split(".") if len(name) > 2 and name != word)
    compound = (name for name in names if len(_SUBWORD.findall(name)) > 1)
    return (word, *compound, *(part for part in parts if len(part) > 1))
