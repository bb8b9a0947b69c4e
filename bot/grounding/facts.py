"""The hard facts of a text: what people copy.

Commands, options, file names, versions, numbers, addresses, mentions and identifiers. They are
found by how they look; Chinese characters beside them are no part of them, with or without space.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import stopwordsiso

from bot.grounding import numbers as spoken
from bot.grounding.markdown import MARK
from bot.grounding.normalize import readable
from common.language import ABBREVIATIONS, CHINESE, is_chinese
from common.links import ENDING, masked
from common.markdown import split_code


class Sort(StrEnum):
    """What a fact is, and so how it is looked for."""

    CODE = "code"  # several words of code: they stand together in one line
    COMMAND = "command"  # the same, told to be run
    NAME = "name"  # one word of code, as it stands
    WORD = "word"  # a name in a sentence: parts of it may be set apart
    SETTING = "setting"  # a name and the number that it is to have
    NUMBER = "number"
    ADDRESS = "address"
    MENTION = "mention"


@dataclass(frozen=True, slots=True)
class Fact:
    """`text` as it was written, and the `value` of a number that was written in words."""

    text: str
    sort: Sort
    value: str = ""

    @property
    def strong(self) -> bool:
        """Is it enough to tell that a sentence is about the documents? Small numbers aren't."""
        return self.sort is not Sort.NUMBER or len(self.text.strip("%")) > 2


NUMBER = r"\d+(?:\.\d+)+|(?:(?<![A-Za-z_\d])|(?<=\d[x*]))\d+"
"""The digit of a name such as int8 is no number by itself; the version in python3.9 is."""

_ADDRESS = "\ue000"
"""Stands for each sign of an address, which is found before."""

_VALUE = rf"[\w./:~{_ADDRESS}-]*[\w/{_ADDRESS}]"
_PATTERNS = {
    "address": f"{_ADDRESS}+",
    "mention": rf"(?<![A-Za-z0-9_./-])[@＠](?:[A-Za-z0-9_][\w-]*|[{CHINESE}]+)",
    "code": (
        rf"(?<![\w-])--?[A-Za-z][\w-]*(?:=[^\s{CHINESE}`\"'()]*[^\s{CHINESE}`\"'(),.;:!?]|\s\d[\w.:]*\b)"
        rf"|(?<![\w.-])[A-Za-z_][\w.-]*=(?![=\s]){_VALUE}"
    ),
    "name": (
        r"(?<![\w-])--?[A-Za-z][\w-]*(?:\.\w[\w-]*)*"  # options
        r"|\$\{?[A-Z_][A-Z0-9_]*+(?![a-z-])\}?"  # variables
        r"|(?<![\w./~:}>)\]-])(?:~|\.{1,2})?/[\w.~*-]*[\w*](?:/[\w.~*{}$-]+)*/?"  # from a root
        r"|(?<![\w/.-])[A-Za-z_][\w.~-]*(?:/[\w.~*-]+)+(?::[\w.-]*\w)?"  # other paths
        r"|(?<![\w.])\.[A-Za-z][\w-]+"  # .env
        r"|(?<![\w.-])[A-Za-z_][\w-]*(?:\.\w[\w-]*)+(?:\(\))?"  # dotted names and file names
        r"|(?<!\w)_*[A-Za-z]\w*_\w+(?:\(\))?|(?<!\w)__[A-Za-z]\w*"  # snake_case
        r"|(?<!\w)[A-Za-z]\w*\(\)"  # calls
    ),
    "word": (
        r"(?<!\w)(?:[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*)"  # camelCase
        r"|(?:(?<=[Ss]et )|(?<=[Ee]xport )|(?<=变量)|(?<=设置))[A-Z][A-Z0-9]{2,}\b"  # set DEBUG
        r"|(?<![\w.])[A-Za-z]+\d[\w.-]*"  # names with digits: RTX3090, cu118
    ),
    "number": rf"(?:{NUMBER})%?",
}
_FACT = re.compile(
    "|".join(f"(?P<{sort}>{pattern})" for sort, pattern in _PATTERNS.items()), re.ASCII
)
_ORDINAL = re.compile(
    r"^\s*\d{1,2}[.)、]\s|(?<![\w(.])\(?\d{1,2}\)(?=\s)|第\s*\d{1,2}\s*[步点种]|\bstep\s+\d{1,2}\b",
    re.IGNORECASE | re.ASCII,
)
_SETTING = re.compile(
    rf"`?(?P<name>(?:--)?[A-Za-z][\w.-]*\w)`?\s*(?:to\s|(?:设置?|改|调)?[为成到])\s*`?(?P<value>{NUMBER})(?![\w.])",
    re.ASCII,
)
_PLACE = re.compile(
    r"(?:director|folder|path|file|under\b|inside\b|(?-i:cd\b)|目录|文件|路径|放到|放在|位于)",
    re.IGNORECASE,
)


def facts_in(sentence: str) -> list[Fact]:
    """The hard facts of a sentence: what stands in `code`, and what looks like it outside."""
    plain = readable(sentence)
    pieces = split_code(plain)
    facts = [fact for span in pieces[1::2] for fact in facts_of_code(span.strip("`"))]
    rest = _ORDINAL.sub(" ", MARK.sub(" ", " ` ".join(pieces[::2])))
    facts += [Fact(one, Sort.COMMAND if " " in one else Sort.NAME) for one in commands(rest)]
    facts += _facts_of_prose(rest)
    facts += [
        Fact(f"{found['name']} {found['value']}", Sort.SETTING)
        for found in _SETTING.finditer(plain)
        if re.search(r"[._-]", found["name"])
    ]
    facts += [Fact(text, Sort.NUMBER, str(value)) for text, value in spoken.stated(rest)]
    return list(dict.fromkeys(facts))


def facts_of_code(code: str) -> list[Fact]:
    """The facts of a line or a stretch of code: itself, and what of it needs a stricter look."""
    code = re.sub(r"\\\n\s*", " ", readable(code)).strip()
    facts = [
        Fact(code[slice(*found.span())].rstrip(ENDING), Sort(found.lastgroup or ""))
        for found in _FACT.finditer(masked(code, _ADDRESS))
        if found.lastgroup in ("address", "mention")
    ]
    if not re.search(r"\w", code) or (facts and facts[0].text == code):
        return facts
    number = re.fullmatch(r"\d+(?:\.\d+)*%?", code, re.ASCII)
    sort = Sort.NUMBER if number else Sort.CODE if re.search(r"[\s=]", code) else Sort.NAME
    return [*facts, Fact(code, sort)]


def _facts_of_prose(text: str) -> Iterator[Fact]:
    for found in _FACT.finditer(masked(text, _ADDRESS)):
        name = text[slice(*found.span())]
        name = name.rstrip(ENDING if found.lastgroup == "address" else f"{ENDING}-")
        if name.lower() in ABBREVIATIONS:
            continue
        if re.fullmatch(r"[A-Za-z]+/[A-Za-z]+", name) and not _is_place(text, found):
            continue  # and/or, CI/CD
        several = found.lastgroup == "name" and re.search(r"\w\.[a-z]{1,4}/", name)  # a.py/b.py
        for one in re.split(r"(?<=\w)/", name) if several else [name]:
            yield Fact(one, Sort(found.lastgroup or ""))


def _is_place(text: str, found: re.Match[str]) -> bool:
    """Does the sentence take two words with a slash between them for a path?"""
    around = f"{text[max(0, found.start() - 12) : found.start()]} {text[found.end() :][:12]}"
    return bool(_PLACE.search(around))


_WORD = r"(?:[A-Za-z0-9_./~$@+-][A-Za-z0-9_./~$@+:=-]*[A-Za-z0-9_/~+]|[A-Za-z0-9/~])"
_RUN = rf"{_WORD}(?:[ ]+{_WORD})*"
_INSTALLERS = (
    r"(?:(?:uv|python3?\s-m)\s)?pip[x3]?|conda|mamba|apt(?:-get)?|yum|dnf|brew|npm|pnpm|yarn|gem|cargo"
    r"|mim|choco|snap|go"
)
_COMMAND = re.compile(
    rf"(?<![\w./-])(?:sudo\s+{_RUN}"
    rf"|(?:{_INSTALLERS})\s+(?:install|uninstall|remove|update|upgrade|add|get|i)\b(?:\s+{_WORD})*"
    rf"|docker\s+(?:run|pull|build|exec|compose|push|rm|stop)\b(?:\s+{_WORD})*"
    rf"|git\s+(?:clone|checkout|pull|push|reset|submodule|lfs|apply|rebase)\b(?:\s+{_WORD})*"
    rf"|(?:curl|wget|chmod|chown|rm|kill|pkill|scp|ssh|npx|kubectl|systemctl|bash|sh|dd)\s+[-/~$]{_RUN}"
    rf"|(?:curl|wget|chmod|chown|kubectl|systemctl|npx|killall|pkill)\s+{_RUN}"
    rf"|(?:python3?|node|java|perl)\s+(?:-{_RUN}|[\w./-]+\.(?:py|js|jar|pl)\b(?:\s+{_WORD})*))",
    re.ASCII,
)
_RUN_THIS = re.compile(rf"(?:运行|执行|键入|敲|命令[是为]?):?\s*(?P<run>{_RUN})", re.ASCII)
_GET_THIS = re.compile(rf"(?:安装|卸载|装上|下载)\s*(?P<run>{_RUN})", re.ASCII)
_INSTALL = re.compile(
    rf"\b(?:un)?install(?:s|ing)?\s+(?:the\s+)?(?P<what>{_WORD})", re.ASCII | re.IGNORECASE
)
_ANY_SOFTWARE = frozenset(
    {
        "dependencies", "dependency", "packages", "package", "requirements", "software", "drivers",
        "driver", "libraries", "library", "tools", "modules", "plugins", "extensions",
        "everything", "anything", "version", "versions",
    }
)  # fmt: skip
"""What people install without naming it."""

_ABOUT_COMMANDS = frozenset(
    {
        "fail", "fails", "failed", "failing", "works", "command", "commands", "error", "errors",
        "step", "script", "option", "flag",
    }
)  # fmt: skip
"""What a sentence says of a command."""


def commands(sentence: str) -> Iterator[str]:
    """The commands and the names of packages that a sentence tells to run or to install."""
    for found in _COMMAND.finditer(sentence):
        command = _until_prose(found.group(), among_chinese=_touches_chinese(sentence, found))
        if " " in command:
            yield command
    for found in _RUN_THIS.finditer(sentence):
        yield _until_prose(found["run"], among_chinese=True)
    for found in _GET_THIS.finditer(sentence):
        yield from (word for word in found["run"].split() if word[0].isalpha())
    for found in _INSTALL.finditer(sentence):
        what = found["what"].lower().strip(".,:")
        if not (what in _ANY_SOFTWARE | _ABOUT_COMMANDS | _stop_words() or what.endswith("ly")):
            yield found["what"]


def _touches_chinese(sentence: str, found: re.Match[str]) -> bool:
    """In Chinese a command ends where Chinese goes on; in English it runs into the sentence."""
    return is_chinese(sentence) or bool(re.match(rf"\s*[{CHINESE}]", sentence[found.end() :]))


def _until_prose(command: str, *, among_chinese: bool) -> str:
    """The command without the English words behind it that only go on with the sentence."""
    words: list[str] = []
    for word in command.split():
        prose = word.lower() in _ABOUT_COMMANDS | _stop_words() and not among_chinese
        if words and (words[-1].endswith((",", ":")) or (prose and not _is_sub(words, word))):
            break
        words.append(word)
    return re.sub(r"(?<=\d)\+$", "", " ".join(words).rstrip(".,:;"))


def _is_sub(words: list[str], word: str) -> bool:
    """Is it a command's command, such as "get" of "go get", though it is an English word too?"""
    return len(words) == 1 and word in ("get", "add", "run", "update", "stop", "apply", "i")


@cache
def _stop_words() -> frozenset[str]:
    return frozenset(stopwordsiso.stopwords("en"))
