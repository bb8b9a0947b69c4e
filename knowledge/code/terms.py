"""What of a question must occur in code as it stands: names, flags, keys, quotes, error lines.

People write names right beside Chinese characters, so the borders of a name are ASCII ones.
"""

import re
from collections.abc import Iterator

from common.language import ABBREVIATIONS, CHINESE
from common.links import replaced

MAX_TERMS = 12
MAX_CHARS = 200
MAX_QUESTION = 8000
"""Of a longer text only the beginning is looked at: it is a log, and its error is near."""

_ADDRESS = re.compile(r"//|@|^www\.", re.IGNORECASE)
"""Marks an address that is one for certain; scipy.io is a name."""

_QUOTED = re.compile(
    r"`([^`\n]{2,200})`"
    r'|"([^"\n]{2,200})"'
    r"|“([^”\n]{2,200})”|「([^」\n]{2,200})」|『([^』\n]{2,200})』|‘([^’\n]{2,200})’"
    r"|(?<![A-Za-z0-9])'([^'\n]{2,200})'(?![A-Za-z0-9])"
)
_ERROR = re.compile(
    r"(?:\b[A-Za-z_][\w.]{0,80}(?:Error|Exception|Warning|Exit|Interrupt)\b"
    r"|(?i:\b(?:error|fatal|panic)\b)|报错|错误)"
    r"[ \t]*[:：][ \t]*([^\n。，；？！]{6,300})",
    re.ASCII,
)
_FOREIGN = re.compile(f"[{CHINESE}]")
_SENTENCE_END = re.compile(r"[.?!](?=\s+[A-Z])")
_FLAG = re.compile(r"(?<![A-Za-z0-9_-])--?[A-Za-z][A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*")
_PATH = re.compile(
    r"(?<![A-Za-z0-9_./-])(?:[A-Za-z0-9_.-]+/)*[A-Za-z0-9_-]+"
    r"\.(?:pyi?|ya?ml|toml|ini|cfg|json|sh|cpp|cuh?|cc|hpp|h|c|jsx?|tsx?|go|rs|java)"
    r"(?![A-Za-z0-9_])"
)
_SETTING = re.compile(
    r"(?<![A-Za-z0-9_.-])([A-Za-z_][\w.-]*)[ ]?"
    r"(?:=(?!=)|:[ ]?(?=[\d\"'\[{]|(?:true|false|null|none)\b))[ ]?[^\s=]",
    re.ASCII | re.IGNORECASE,
)
_NAME = re.compile(
    r"(?<![A-Za-z0-9_])[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|::|->)[A-Za-z_~][A-Za-z0-9_]*)*(?:\(\))?"
)


def verbatim_terms(question: str) -> list[str]:
    """What should be looked for word for word, the most telling first, each once."""
    found: dict[str, None] = {}
    for term in _all(question[:MAX_QUESTION]):
        cleaned = term.strip(" \t\r\f\v.,;:!?，。；：！？")[:MAX_CHARS]
        in_path = any(known.endswith(f"/{cleaned}") for known in found)
        if len(cleaned) > 1 and not cleaned.isnumeric() and not in_path:
            found.setdefault(cleaned)
    return list(found)[:MAX_TERMS]


def _all(text: str) -> Iterator[str]:
    yield from _error_lines(text)
    for match in _QUOTED.finditer(text):
        yield next(group for group in match.groups() if group).strip().removesuffix("()")
    text = replaced(text, lambda one: " " if _ADDRESS.search(one) else one)
    yield from _FLAG.findall(text)
    yield from _PATH.findall(text)
    yield from _SETTING.findall(text)
    for match in _NAME.finditer(text):
        if _is_code(match[0]) and not _inside_number(text, match.start()):
            yield match[0].removesuffix("()")


def _error_lines(text: str) -> Iterator[str]:
    """What stands after the name of an error; in a sentence it ends where Chinese begins."""
    for match in _ERROR.finditer(text):
        message = match[1]
        foreign = _FOREIGN.search(message)
        if foreign and foreign.start() >= 6:
            message = message[: foreign.start()]
        yield _SENTENCE_END.split(message)[0]


def _is_code(name: str) -> bool:
    """Does it look like a name in code rather than a word of a sentence?"""
    if name.endswith("()"):
        return True
    if not 2 < len(name) <= MAX_CHARS or name.lower() in ABBREVIATIONS:
        return False
    if re.search(r"[_.:>]", name):
        return not re.fullmatch(r"_+", name)
    if re.fullmatch(r"[A-Za-z]+\d\w*", name):
        return not re.fullmatch(r"[vV]\d+", name)
    return bool(re.search(r"[a-z][A-Z]|[A-Z]{2,}[a-z]{2,}", name))


def _inside_number(text: str, start: int) -> bool:
    """The tail of something that began with a digit, such as the `dev0` of 1.2.dev0."""
    return bool(re.search(r"\d[A-Za-z0-9_]*\.$", text[max(0, start - 20) : start], re.ASCII))
