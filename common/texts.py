"""Lines for people, in Chinese and English: a TOML table of a package, name -> {zh, en}."""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path


class Texts:
    """The lines of one file, which is read when the first of them is wanted. A line's {fields} are
    the same in both languages."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @cached_property
    def lines(self) -> Mapping[str, Mapping[str, str]]:
        """All lines by name, each by language."""
        return tomllib.loads(self._file.read_text(encoding="utf-8"))

    def __call__(self, name: str, chinese: bool, /, **fields: object) -> str:
        """A line by name, with its fields filled in."""
        return self.lines[name]["zh" if chinese else "en"].format(**fields)

    def both(self, name: str) -> str:
        """A line in both languages, for readers of whom nobody knows which is theirs."""
        return " / ".join(self.lines[name].values())
