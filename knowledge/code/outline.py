"""The classes, functions and sections of a file of code, whatever its language.

Programs that people read are indented: a definition is known by its keyword, and reaches to the
next line that stands no deeper. That needs no grammar of each language, can't be broken by a
hostile file, and works for excerpts as well.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

PATH = " > "
"""Between the names of a path."""

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|override|"
    r"pub(?:\([\w:]+\))?|unsafe|extern|inline|virtual|declare|data|sealed|open)\s+)*"
)
_KEYWORD = re.compile(
    rf"(\s*){_MODIFIERS}"
    r"(?:def|class|func|function\*?|fn|fun|interface|struct|enum|union|trait|impl(?:<[^>]*>)?|"
    r"module|mod|namespace|type|object|message|service|rpc|macro_rules!|protocol|extension)"
    r"\s+(?:\([^()]*\)\s*)?([A-Za-z_$][\w$]*(?:(?:::|\.)[\w$]+)*)"
)
_ARROW = re.compile(
    rf"(\s*){_MODIFIERS}(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*(?::[^=]+)?="
    r"\s*(?:async\s*)?(?:function\b|\([^()]*\)\s*(?::[^=]+)?=>|[\w$]+\s*=>)"
)
_CALLED = re.compile(
    r"(\s*)(?:[A-Za-z_~][\w:<>,*&~\[\]]*\s+)*[*&]*([A-Za-z_~$][\w$]*(?:::~?[\w$]+)*)\s*\("
    r"[^;{}]*\{?\s*"
)
_SECTION = re.compile(r"()\[\[?([^\[\]]+)\]\]?\s*(?:[#;].*)?")
_KEY = re.compile(r"(\s*)(?:-\s+)?[\"']?([A-Za-z_][\w.-]*)[\"']?\s*:\s*(?:[{\[|>&].*)?")

_NO_NAMES = frozenset(
    [
        "if", "for", "while", "switch", "catch", "return", "else", "elif", "with", "do", "try",
        "case", "new", "throw", "delete", "sizeof", "match", "in", "and", "or", "not", "await",
        "yield", "assert", "raise", "lambda", "print", "super",
    ]
)  # fmt: skip
_TAIL = re.compile(r"\s*(?:[)\]}]|\{\s*$|#|//|/\*|\*|else\b|except\b|finally\b|elif\b|catch\b)")
_LABEL = re.compile(r"\s*(?:public|private|protected|signals|case [^:]+|default)\s*:\s*$")
_BRACES = frozenset(
    [
        "c", "cpp", "cuda", "java", "csharp", "php", "dart", "scala", "swift", "kotlin",
        "javascript", "typescript", "vue", "groovy", "objectivec", "bash", "perl", "go", "rust",
    ]
)  # fmt: skip
_TYPED = frozenset({"c", "cpp", "cuda", "java", "csharp"})
_SECTIONED = frozenset({"toml", "ini"})
_BY_INDENT = frozenset({"python", "yaml"})


@dataclass(slots=True)
class Definition:
    """A class, function or section: lines `first` to `last`, 0-based, the end left out; `path`
    are the names of what it stands in, and its own."""

    first: int
    last: int
    indent: int
    path: tuple[str, ...]


def outline_of(lines: Sequence[str], language: str) -> list[Definition]:
    """The definitions of a file in their order; an inner one comes after the one around it."""
    found: list[Definition] = []
    around: list[Definition] = []
    hidden = _inside_texts(lines) if language == "python" else frozenset()
    for number, line in enumerate(lines):
        if not line.strip() or number in hidden:
            continue
        indent = _indent(line)
        named = _named(line, language)
        while around and indent <= around[-1].indent and not _goes_on(line, around[-1], language):
            around.pop().last = number
        if named:
            path = (*(above.path if around and (above := around[-1]) else ()), named)
            opened = Definition(number, len(lines), indent, path)
            found.append(opened)
            around.append(opened)
    for definition in found:
        definition.last = _without_tail(lines, definition)
        definition.first = _with_head(lines, definition, hidden)
    return found


def heading_at(outline: Sequence[Definition], line: int) -> str:
    """The path of the innermost definition around a 0-based line."""
    inside = [d for d in outline if d.first <= line < d.last]
    return PATH.join(inside[-1].path) if inside else ""


def _named(line: str, language: str) -> str:
    """The name that a line defines; "" for any other line."""
    if language in DATA:
        match = (_SECTION if language in _SECTIONED else _KEY).fullmatch(line)
        return match[2].strip() if match else ""
    if match := _KEYWORD.match(line) or _ARROW.match(line):
        return "" if match[2] in _NO_NAMES else match[2]
    if language not in _BRACES or ";" in line or "=" in line.split("(")[0]:
        return ""
    match = _CALLED.fullmatch(line[:300])
    words = re.findall(r"\w+", line.split("(")[0])
    if not match or not words or not _NO_NAMES.isdisjoint(words):
        return ""
    # A head of several lines: with a type before the name it is no call.
    opens = line.rstrip().endswith("{") or (len(words) > 1 and language in _TYPED)
    return match[2] if opens else ""


def _goes_on(line: str, around: Definition, language: str) -> bool:
    """A line that belongs to the definition above though it stands no deeper: its closing
    bracket, a comment, a label."""
    if language in _SECTIONED:
        return not _SECTION.fullmatch(line)
    if _indent(line) < around.indent:
        return False
    if language in _BY_INDENT:
        return bool(re.match(r"\s*(?:[)\]}]|#)", line))
    return bool(_TAIL.match(line) or _LABEL.match(line))


def _without_tail(lines: Sequence[str], definition: Definition) -> int:
    """Its end without the blank lines and comments that lead over to what comes next."""
    last = definition.last
    while last > definition.first + 1:
        line = lines[last - 1]
        comment = re.match(r"\s*(?:#|//|/\*|\*)", line) and _indent(line) <= definition.indent
        if line.strip() and not comment:
            break
        last -= 1
    return last


def _with_head(lines: Sequence[str], definition: Definition, hidden: frozenset[int]) -> int:
    """Its beginning with the decorators and comments right above it."""
    first = definition.first
    while first > 0 and (first - 1) not in hidden:
        line = lines[first - 1]
        if not re.match(r"\s*(?:@|#|//|/\*|\*|template\b)", line):
            break
        if _indent(line) not in (definition.indent, definition.indent + 1):
            break
        first -= 1
    return first


def _inside_texts(lines: Sequence[str]) -> frozenset[int]:
    """The lines that begin inside a Python text of several lines."""
    inside: set[int] = set()
    mark = ""
    for number, line in enumerate(lines):
        if mark:
            inside.add(number)
        for quotes in re.findall(r"\"\"\"|'''", line):
            mark = quotes if not mark else "" if quotes == mark else mark
    return frozenset(inside)


def _indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


_LANGUAGES = {
    "python": "py pyi pyx", "c": "c h", "cpp": "cc cpp cxx hpp hh hxx inl", "cuda": "cu cuh",
    "javascript": "js jsx mjs cjs", "typescript": "ts tsx mts", "vue": "vue", "go": "go",
    "java": "java", "kotlin": "kt kts", "scala": "scala", "rust": "rs", "ruby": "rb",
    "php": "php", "csharp": "cs", "swift": "swift", "objectivec": "m mm", "lua": "lua", "r": "r",
    "julia": "jl", "bash": "sh bash zsh", "powershell": "ps1", "bat": "bat cmd", "cmake": "cmake",
    "sql": "sql", "protobuf": "proto", "groovy": "gradle", "perl": "pl pm", "dart": "dart",
    "yaml": "yaml yml", "toml": "toml", "ini": "ini cfg conf", "json": "json",
}  # fmt: skip

_BY_SUFFIX = {
    f".{suffix}": language for language, ends in _LANGUAGES.items() for suffix in ends.split()
}
_BY_NAME = {
    "dockerfile": "dockerfile",
    "makefile": "makefile",
    "cmakelists.txt": "cmake",
    "jenkinsfile": "groovy",
}

DATA = frozenset({"yaml", "toml", "ini", "json"})
"""Languages of keys and values."""


@lru_cache(4096)
def language_of(path: str) -> str:
    """The language of a file, by its name; "" for what is no code."""
    name = PurePosixPath(path).name.lower()
    return _BY_NAME.get(name) or _BY_SUFFIX.get(PurePosixPath(name).suffix, "")
