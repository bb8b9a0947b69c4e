"""Names that no source mentions, and defaults of which none speaks.

What people take for a fact though it looks like an ordinary word: "it also supports Windows", "the
default is UTC". Only what words alone can tell is told here; a "not" too few, or a number of
something else, is left to a model's verdict (see `bot.answering.follows`): laying a sentence beside
the clauses that are worded most alike found few of them, and took one true sentence in ten for
false.
"""

import re
from collections.abc import Iterable, Iterator

from bot.grounding.markdown import MARK, units
from common.language import is_chinese, stem, words

_NAME = re.compile(r"(?<![/\w])[A-Za-z][A-Za-z0-9+#]+(?:-[A-Za-z0-9]+)*(?![/\w])")
_ANY_NAME = re.compile(r"[a-z][a-z0-9+#]*")
_LETTERS = re.compile(r"[a-z]+")
_DEFAULT = re.compile(r"\bdefaults?\b|默认|缺省", re.IGNORECASE)
_CODE = re.compile(r"`[^`\n]*`")
_INSIDE = re.compile(r"[A-Za-z0-9,)]\s*$")
"""What a word stands behind that does not begin its sentence, or what is quoted or listed."""

_COMMON = re.compile(
    r"ok|id|url|api|https?|english|chinese|mandarin|faq|app|bug|demo|[kmgt]b|ms"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july"
    r"|august|(?:septem|octo|novem|decem)ber"
)
"""Names that need no source."""


class Mentions:
    """What some documents, and the question, speak of."""

    def __init__(self, documents: Iterable[str], question: str) -> None:
        texts = list(documents)
        self._names = _forms(" ".join([*texts, question]))
        said = [unit.text for text in texts for unit in units(text) if _DEFAULT.search(unit.text)]
        self._defaults = [telling_words(text) for text in said]
        self._chinese = is_chinese(" ".join(texts))

    def strange_in(self, sentence: str) -> Iterator[str]:
        """The names of a sentence that nobody mentions, and "default" where it calls something one
        of which no sentence that tells a default says anything."""
        prose = _CODE.sub(" ", MARK.sub(" ", sentence))
        chinese = is_chinese(prose)
        for found in _NAME.finditer(prose):
            name = found.group()
            inside = _INSIDE.search(prose[: found.start()])
            special = name[1:] != name[1:].lower() or (name[0].isupper() and (chinese or inside))
            if special and not _COMMON.fullmatch(name.lower()) and not self._is_known(name):
                yield name
        told = _DEFAULT.search(prose)
        if told and chinese is self._chinese:
            own = telling_words(prose)
            if len(own) > 1 and not any(own & words for words in self._defaults):
                yield told.group()

    def _is_known(self, name: str) -> bool:
        forms = _forms(name)
        low = name.lower()
        return not forms.isdisjoint(self._names) if "-" not in low else forms <= self._names


def _forms(text: str) -> frozenset[str]:
    """Each name, its plural's singular, and the letters that it is made of: RTX3090 is an RTX."""
    found: set[str] = set()
    for name in _ANY_NAME.findall(text.lower()):
        found |= {name, name.removesuffix("s"), *_LETTERS.findall(name)}
    return frozenset(found)


def telling_words(text: str) -> frozenset[str]:
    """The stems of a text's words but for the short ones of grammar, and those that tell of
    defaults."""
    found = (word.lower() for word in words(text))
    long = (word for word in found if len(word) > (3 if word.isascii() else 1) or word.isdigit())
    return frozenset(stem(word) for word in long if not _DEFAULT.fullmatch(word))
