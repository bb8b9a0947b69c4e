"""Lines that parts below the bot say in English to who keeps it, in Chinese."""

import re
import tomllib
from functools import cache
from pathlib import Path

FIELD = re.compile(r"\\{(\w+)\\}")
"""A field of a template, as it stands there once the rest is escaped."""


def in_chinese(line: str) -> str:
    """A line by the templates of translated.toml; one that none of them fits as it is."""
    for pattern, chinese in _templates():
        if found := pattern.fullmatch(line):
            fields = found.groupdict()
            if "problem" in fields:
                fields["problem"] = in_chinese(fields["problem"])
            return chinese.format(**fields)
    return line


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    file = Path(__file__).with_name("translated.toml")
    lines = tomllib.loads(file.read_text(encoding="utf-8"))
    return [(re.compile(FIELD.sub(r"(?P<\1>.+?)", re.escape(en))), zh) for en, zh in lines.items()]
