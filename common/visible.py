"""Names in which nothing hides: what can't be seen is written out.

Marks that turn the direction of writing, characters without width and control characters make a
name look like another one, or a file like one of another kind.
"""

import re
import unicodedata

_FILLERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""They count as letters, marks or signs, and show nothing."""

_JOINERS = frozenset("\u200c\u200d")
_JOINED = re.compile("[\u0600-\u08ff\u0900-\u0dff\ufe0f\U0001f000-\U0001faff\u2600-\u27bf]")
"""Arabic and Indic letters, and emoji: between them a joiner is part of the writing."""


def visible(name: str) -> str:
    r"""The name with `\u202e` where that character stood, and so on."""
    if name.isprintable() and not _FILLERS.search(name):
        return name
    return "".join(
        rf"\u{ord(char):04x}" if _hides(name, at) else char for at, char in enumerate(name)
    )


def _hides(name: str, at: int) -> bool:
    char = name[at]
    if char in _JOINERS:
        around = name[max(0, at - 1) : at] + name[at + 1 : at + 2]
        return not (len(around) == 2 and all(map(_JOINED.match, around)))
    seen = char.isprintable() or unicodedata.category(char) == "Zs"
    return not seen or bool(_FILLERS.match(char))
