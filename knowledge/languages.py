"""Pages that say the same in two languages, told by their paths: en/port.md and zh_cn/port.md,
README.md and README_zh-CN.md."""

import re
from functools import lru_cache

_PARTS = re.compile(r"[/._\\-]+")
_LANGUAGES = frozenset(
    [
        "zh",
        "cn",
        "hans",
        "hant",
        "tw",
        "hk",
        "chs",
        "cht",
        "chinese",
        "中文",
        "简体",
        "繁体",
        "en",
        "us",
        "gb",
        "eng",
        "english",
        "英文",
    ]
)


@lru_cache(10_000)
def without_language(path: str) -> tuple[str, ...]:
    """What of a path does not name a language."""
    parts = _PARTS.split(path.lower())
    return tuple(part for part in parts if part and part not in _LANGUAGES)


def are_translations(one: str, other: str) -> bool:
    """Are these two paths of one page in two languages?"""
    return one != other and without_language(one) == without_language(other)
