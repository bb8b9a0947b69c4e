"""Does a text tell the instructions that a model was given?"""

import re
from collections.abc import Iterable

from common.language import HAN

HAN_RUN = 10
LATIN_RUN = 32
"""So many Chinese characters, or Latin letters, in a row as in a prompt are no coincidence. Spaces,
signs and digits between them don't count."""

_HAN = re.compile(f"[{HAN}]")
_LATIN = re.compile(r"[a-z]")


class Leaks:
    """What must not be told: the prompts, but for words that the documents or the question hold
    as well."""

    def __init__(self, secrets: Iterable[str], known: Iterable[str]) -> None:
        self._secret = _runs(" ".join(secrets)) - _runs(" ".join(known))

    def in_text(self, text: str) -> bool:
        """Does it repeat a part of the instructions?"""
        return not self._secret.isdisjoint(_runs(text))


def _runs(text: str) -> set[str]:
    runs: set[str] = set()
    for letters, length in ((_HAN, HAN_RUN), (_LATIN, LATIN_RUN)):
        bare = "".join(letters.findall(text.lower()))
        runs |= {bare[at : at + length] for at in range(len(bare) - length + 1)}
    return runs
