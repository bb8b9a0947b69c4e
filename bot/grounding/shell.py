"""Commands in sentences that don't mark them as code: "run pip install kettle", 执行make clean."""

import re
from collections.abc import Iterator
from functools import cache

import stopwordsiso

from bot.grounding.plain import CHINESE
from knowledge.split import is_chinese

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
