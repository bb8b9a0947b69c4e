"""In which language somebody asks, so that the answer can be in the same one."""

import re
from enum import StrEnum
from functools import cache

import stopwordsiso

from common.language import chinese_characters, is_chinese


class Language(StrEnum):
    """A language that people ask in."""

    CHINESE = "zh"
    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    PORTUGUESE = "pt"
    ITALIAN = "it"
    JAPANESE = "ja"
    KOREAN = "ko"
    RUSSIAN = "ru"

    @property
    def name_in_prompt(self) -> str:
        """What a model is told."""
        return "中文" if self is Language.CHINESE else self.name.capitalize()


_SCRIPTS = {
    Language.JAPANESE: re.compile(r"[\u3040-\u30ff]"),
    Language.KOREAN: re.compile(r"[\uac00-\ud7af]"),
    Language.RUSSIAN: re.compile(r"[\u0400-\u04ff]"),
}
_LATIN = tuple(Language(code) for code in ("en", "de", "fr", "es", "pt", "it"))
_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(r"```.*?(?:```|$)|`[^`\n]*`", re.DOTALL)
SIGNS = 3
"""So many letters of a script, or words of grammar more than of any other language, tell it."""


def asked_in(text: str) -> Language:
    """The language of a question, by its script or its words of grammar; English where these don't
    tell it."""
    plain = _CODE.sub(" ", text)
    for language, script in _SCRIPTS.items():
        if len(script.findall(plain)) >= SIGNS:
            return language
    words = [word.lower() for word in _WORD.findall(plain)]
    counts = {one: sum(word in _grammar(one) for word in words) for one in _LATIN}
    if is_chinese(plain) and counts[Language.ENGLISH] <= chinese_characters(plain):
        return Language.CHINESE
    best = max(_LATIN, key=lambda one: (counts[one], one is Language.ENGLISH))
    clear = counts[best] >= counts[Language.ENGLISH] + SIGNS
    return best if clear else Language.ENGLISH


def is_in_another(text: str, wanted: Language) -> bool:
    """Is a text plainly in Chinese where something else is wanted, or the reverse?"""
    plain = _CODE.sub(" ", text)
    if wanted is Language.CHINESE:
        return not chinese_characters(plain) and len(_WORD.findall(plain)) >= SIGNS
    return wanted is not Language.JAPANESE and is_chinese(plain)


@cache
def _grammar(language: Language) -> frozenset[str]:
    return frozenset(stopwordsiso.stopwords(str(language)))
