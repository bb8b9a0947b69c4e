"""One spelling for what is the same thing, so that a fact is found however it is set.

Chinese is written with and without spaces around Latin words, an option with a space or an equal
sign before its value, a thousand with and without a comma; documents escape what Markdown would
take for a mark. None of this makes a fact another one.
"""

import html
import re
from collections.abc import Iterable

from common.language import CHINESE

_TYPOGRAPHIC = str.maketrans(
    {"–": "-", "—": " - ", "\u00a0": " ", "\u3000": " ", "\u200b": "", "\ufeff": "", "≥": ">="}
    | dict.fromkeys("“”„", '"')
    | dict.fromkeys("‘’", "'")
    | {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}
)
_ESCAPE = re.compile(r"\\(?=[*_{}\[\]()#+.!|<>~-])")
_SIGNS = re.compile(r"[\W_]+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), new)
    for pattern, new in (
        (r"\*\*", ""),
        (r"\"|(?<![a-z0-9])'|'(?![a-z])|[^\S\n]+", " "),
        (r"[^\S\n]+", " "),
        (r"(?<![a-z0-9])v(?=\d)", ""),  # v1.2 is 1.2
        (r"(?<![\w.~/])\./(?=\w)", ""),  # ./config.yaml is config.yaml
        (r"(?<=\w)/(?![\w*./~<{$-])", ""),  # /var/lib/ is /var/lib
        (r"\s*(?<![<>!])(?:>=|~=|=)+\s*|:(?=\s|$)", " "),  # --tp=2 and tp: 2 are --tp 2 and tp 2
        (rf"\s+(?=[{CHINESE}])|(?<=[{CHINESE}])\s+", ""),
        (r"[^\S\n]*([,()\[\]{}])[^\S\n]*", r"\1"),
        (r"[^\S\n]+", " "),
    )
)


def readable(text: str) -> str:
    """With plain quotation marks, dashes, spaces and digits, without the escapes of Markdown."""
    return _THOUSANDS.sub("", _ESCAPE.sub("", text.translate(_TYPOGRAPHIC)))


def plain(text: str) -> str:
    """The one spelling, in lower case. Marks of code stay: they say where it begins."""
    return _changed(readable(html.unescape(text)).lower(), _RULES)


def unmarked(text: str) -> str:
    """What `plain` made, without marks of code."""
    return _changed(text.replace("`", " "), _RULES[-3:])


def letters(text: str) -> str:
    """Letters and digits alone, by which a sentence is the same however it is set."""
    return _SIGNS.sub("", unmarked(plain(text)))


def _changed(text: str, rules: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for pattern, new in rules:
        text = pattern.sub(new, text)
    return text.strip()
