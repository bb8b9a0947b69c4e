"""Finds what was left in English in a Chinese line."""

import re

_NAMES = re.compile(r"`[^`]*`|\"[^\"]*\"|\$?\{[^}]*\}")
_PROSE = re.compile(r"(?<![\w.:/-])[a-z]{2,} [a-z]{2,}\b|; ")


def english_left(line: str) -> str:
    """Words that are neither quoted nor a list of names; "" where there are none."""
    found = _PROSE.search(_NAMES.sub("", line))
    return found[0] if found else ""
