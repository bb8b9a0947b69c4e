"""Does a piece of code answer although nobody reads it? Where it defines, or uses word for word,
nearly all that the question names; or where it is a definition that holds all that was asked. Who
asks for a default gets only code in which the very parameter has one."""

import re
from collections.abc import Iterator, Sequence

from knowledge.code.outline import PATH
from knowledge.code.types import CodeHit

SURE_CODE = 0.6
"""What code must score to be quoted unread, where no default is asked for."""

_ASKS_DEFAULT = re.compile(r"默认|缺省|\bdefaults?\b", re.IGNORECASE)
_OF_ASKING = frozenset(
    """
    默认 默认值 缺省 缺省值 参数 形参 函数 方法 类 接口 选项 配置 配置项 值 数值 多少 什么 哪个
    代码 源码 定义 里 中
    default defaults value values parameter parameters param argument arguments arg kwarg keyword
    function method class option flag setting code source defined definition take takes
    """.split()  # noqa: SIM905 - sixty quoted words are harder to read
)
"""They say what is wanted of a name, and need not stand beside it."""

_NAME = re.compile(r"\w+", re.ASCII)
_LISTED = frozenset({"yaml", "yml", "json", "toml", "ini"})
"""Files in which a colon gives a value, not a type."""

_TYPE = r"(?:[^=,\n\[\]()]|\[[^\]\n]*\]){0,80}?"
_MAX_SIGNATURE = 4000


def answers_unread(hit: CodeHit, text: str, telling: Sequence[str], project: Sequence[str]) -> bool:
    """Is it an answer to a question with these telling words? What the project is called says
    nothing."""
    said = [word for word in telling if word.lower() not in _OF_ASKING]
    own = {part.lower() for name in project for part in (name, *_NAME.findall(name))}
    asked = [word for word in said if word.lower() not in own]
    if not _ASKS_DEFAULT.search(text):
        return hit.score >= SURE_CODE or (bool(hit.defined) and _holds(hit, asked))
    names = [word for word in asked if word.isascii()]
    owners = [name for name in names if _is_owner(name, hit)]
    others = [name for name in names if name not in owners]
    wanted = others or owners
    return bool(wanted) and _holds(hit, asked) and all(_has_default(n, owners, hit) for n in wanted)


def _holds(hit: CodeHit, words: Sequence[str]) -> bool:
    """Do all of the words stand in the code, its heading or its path?"""
    place = f"{hit.path}\n{hit.heading}\n{hit.text}".lower()
    spoken = {*_NAME.findall(place)}
    return all(
        word.lower() in place if not word.isascii() else {*_NAME.findall(word.lower())} <= spoken
        for word in words
    )


def _is_owner(name: str, hit: CodeHit) -> bool:
    """Is it the function or class around the lines, or defined in them?"""
    if name in hit.heading.split(PATH):
        return True
    return re.search(rf"\b(?:def|class|func|function|fn)\s+(?:[\w.:]*[.:])?{re.escape(name)}\b",
                     hit.text) is not None  # fmt: skip


def _has_default(name: str, owners: Sequence[str], hit: CodeHit) -> bool:
    """Is a value given to the name where the owner is declared; without an owner where the name
    is set or declared itself?"""
    word = re.escape(name)
    given = re.compile(rf"(?<![\w.]){word}\s*\??(?:\s*:{_TYPE})?\s*=(?!=)\s*\S")
    places = [sign for owner in owners for sign in _signatures(owner, hit.text)]
    if any(given.search(place) for place in places):
        return True
    if owners and places and name not in owners:
        return False
    line = rf"^[ \t]*(?:-\s+|export\s+|const\s+|let\s+|var\s+)?[\"']?{word}[\"']?"
    listed = rf"|{line}\s*:\s*\S" if hit.language in _LISTED else ""
    set_in_line = rf"{line}(?:\s*:[^=\n]{{0,80}}?)?\s*=(?!=)\s*\S{listed}"
    option = rf"{word}[\"'][^\n]*(?:\n[^\n]*){{0,3}}?\bdefault\s*[=:]"
    return re.search(f"{set_in_line}|{option}", hit.text, re.MULTILINE) is not None


def _signatures(owner: str, text: str) -> Iterator[str]:
    """What stands between the parentheses where a function is declared; of a class where it is
    constructed."""
    pattern = rf"\b(?:def|func|function|fn)\s+(?:[\w.:]*[.:])?(?:{re.escape(owner)}|__init__)\s*\("
    for match in re.finditer(pattern, text):
        depth, end = 1, match.end()
        while depth and end < min(len(text), match.end() + _MAX_SIGNATURE):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield text[match.end() : end]
