"""Lines that parts below the bot say in English to who keeps it, in Chinese."""

import re
import tomllib
from functools import cache
from pathlib import Path

from common.texts import Said

FIELD = re.compile(r"\\{(\w+)\\}")
"""A field of a template, as it stands there once the rest is escaped."""


def said_in_both(line: str, zh: str = "") -> Said:
    """A line in both languages; `zh` where whoever says it has it in Chinese."""
    return Said(zh or in_chinese(line), line)


def translated(line: object, *, chinese: bool) -> str:
    """A line in the language of who reads it."""
    return in_chinese(str(line)) if chinese else str(line)


def in_chinese(line: str) -> str:
    """A line by the templates of translated.toml; one that none of them fits as it is."""
    for pattern, chinese in _templates():
        if found := pattern.fullmatch(line):
            fields = found.groupdict()
            if problem := fields.get("problem"):
                known = in_chinese(problem)
                fields["problem"] = f" {problem}" if known == problem else known
            return chinese.format(**fields).replace("： ", "：").strip()
    return line


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    file = Path(__file__).with_name("translated.toml")
    lines = tomllib.loads(file.read_text(encoding="utf-8"))
    return [(re.compile(FIELD.sub(r"(?P<\1>.+?)", re.escape(en))), zh) for en, zh in lines.items()]
