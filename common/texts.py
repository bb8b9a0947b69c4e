"""Lines for people, in Chinese and English: a TOML table of a package, name -> {zh, en}."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Said:
    """The same in both languages."""

    zh: str
    en: str


_COUNTED = re.compile(r"\{(\w+)\}( [a-z ]*?)\(([\w ]+)\|([\w ]+)\)")


def counted(number: int, noun: str, nouns: str = "") -> str:
    """How many of something: "1 message", "2 messages", or as `nouns` has it."""
    return f"{number} {noun if number == 1 else nouns or f'{noun}s'}"


class Texts:
    """The lines of one file, which is read when the first of them is wanted. A line's {fields} are
    the same in both languages. Behind a number stands "(reply|replies)": the first for one."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @cached_property
    def lines(self) -> Mapping[str, Mapping[str, str]]:
        """All lines by name, each by language."""
        return tomllib.loads(self._file.read_text(encoding="utf-8"))

    def __call__(self, name: str, chinese: bool, /, **fields: object) -> str:
        """A line by name, with its fields filled in."""
        line = self.lines[name]["zh" if chinese else "en"]

        def fitting(found: re.Match[str]) -> str:
            word = found[3] if str(fields[found[1]]) == "1" else found[4]
            return f"{{{found[1]}}}{found[2]}{word}"

        return _COUNTED.sub(fitting, line).format(**fields)

    def said(self, name: str, /, **fields: object) -> Said:
        """A line in each language. A field that is Said is filled in by language."""
        zh = {key: value.zh if isinstance(value, Said) else value for key, value in fields.items()}
        en = {key: value.en if isinstance(value, Said) else value for key, value in fields.items()}
        return Said(self(name, True, **zh), self(name, False, **en))  # noqa: FBT003 - else no field could have its name

    def both(self, name: str) -> str:
        """A line in both languages, for readers of whom nobody knows which is theirs."""
        return " / ".join(self.lines[name].values())
