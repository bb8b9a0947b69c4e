"""Questions made from documents themselves: what they ask, and the small piece that answers."""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import rjieba

from common.language import is_chinese
from knowledge.index.open import Snapshot
from knowledge.index.rows import Place
from knowledge.index.spelling import common_words
from knowledge.types import PATH

OPENERS = {
    True: ["在吗 ", "请教下 ", "大佬们，", "求助 ", "有人知道吗，"],
    False: ["hi all, ", "hey, ", "quick question: ", "plz help, ", "anyone know "],
}
FRAMES = {
    True: ["怎么{}", "{}怎么设置", "{}是什么", "{} 报错怎么办", "如何{}", "{}在哪里改",
           "{}默认是多少", "{} 不生效", "想问下{}", "{}"],
    False: ["how do i {}", "{} not working", "what is {}", "how to {}", "where do i set {}",
            "{} fails, what should i do", "default of {}?", "{}", "does it support {}",
            "trouble with {}"],
}  # fmt: skip
"""Small talk and frames around what is asked, in Chinese and in English."""

SPLICED = 0.25
"""Share of the questions into which a name from other documents is put: near misses."""

TRIES = 10
"""Pieces tried for one question: many have no heading that asks, or too few words."""

_SENTENCE = re.compile(r"(?<=[。！？!?])|(?<=\.)\s+|\n+")
_IDENTIFIER = re.compile(r"[_\d./-]|[a-z][A-Z]|^[A-Z]{2,}$")
_NAME = re.compile(r"(?=.*[A-Za-z]{3})[!-~]{4,30}")


@dataclass(frozen=True, slots=True)
class Made:
    """A question from a small piece of a project, and the foreign name in it, if any."""

    project: str
    text: str
    piece: int
    foreign: str


@dataclass(frozen=True, slots=True)
class _Source:
    title: str
    text: str
    words: list[str]
    chinese: bool


class Maker:
    """Makes questions about the pages of one index whose paths begin with a project's name."""

    def __init__(self, snapshot: Snapshot, project: str, foreign: Sequence[str]) -> None:
        self._snapshot, self._project, self._foreign = snapshot, project, foreign
        self._random = random.Random(project)  # noqa: S311 - the same questions each time
        self._pages: dict[int, list[Place]] = defaultdict(list)
        for piece in sorted(snapshot.parents):
            place = snapshot.catalog.places_of(piece)[0]
            if snapshot.pages[place.document].path.startswith(project):
                self._pages[place.document].append(place)

    def make(self, count: int) -> Iterator[Made]:
        """As many questions, if the documents yield them."""
        made = 0
        pages = list(self._pages.values())
        for _ in range(TRIES * count if pages else 0):
            if made == count:
                return
            place = self._random.choice(self._random.choice(pages))
            if asked := self._question(place):
                text, foreign = self._spliced(asked)
                if self._project and self._random.random() < 0.4:
                    text = f"{self._project.rstrip('/')} {text}"
                made += 1
                yield Made(self._project, text, place.piece, foreign)

    def _question(self, place: Place) -> str:
        text = self._snapshot.catalog.excerpt(place.document, place.start, place.end)
        source = _Source(
            place.heading.rpartition(PATH)[2], text, self._telling(text), is_chinese(text)
        )
        if len(set(source.words)) < 6:
            return ""
        ways: list[Callable[[_Source], str]] = [
            self._heading, self._rare, self._named, self._sentence, self._mixed,
        ]  # fmt: skip
        core = self._random.choice(ways)(source)
        if len(self._snapshot.words.telling_terms(core)) < 2:
            return ""
        if self._random.random() < 0.7:
            core = self._random.choice(FRAMES[source.chinese]).format(core)
        if self._random.random() < 0.3:
            core = " ".join(self._slip(word) for word in core.split(" "))
        if self._random.random() < 0.3:
            core = self._random.choice(OPENERS[source.chinese]) + core
        return core

    def _telling(self, text: str) -> list[str]:
        function = self._snapshot.words.is_function_word
        return [w for w in _cut(text) if 1 < len(w) < 40 and not function(w)]

    def _heading(self, source: _Source) -> str:
        words = _cut(source.title)
        kept = [word for word in words if self._random.random() < 0.8]
        return ("" if source.chinese else " ").join(kept if len(words) > 2 else words)

    def _rare(self, source: _Source) -> str:
        rarity = self._snapshot.words.rarity_among
        pieces = len(self._snapshot.pages_of)
        words = sorted(set(source.words), key=lambda w: (-rarity(w.lower(), pieces), w))[:8]
        return " ".join(self._random.sample(words, min(len(words), self._random.randint(2, 4))))

    def _named(self, source: _Source) -> str:
        names = sorted({w for w in source.words if w.isascii() and _IDENTIFIER.search(w)})
        if not names:
            return ""
        at = self._random.randrange(len(source.words))
        beside = source.words[at : at + self._random.randint(1, 3)]
        return " ".join(dict.fromkeys([self._random.choice(names), *beside]))

    def _sentence(self, source: _Source) -> str:
        sentences = [s for s in _SENTENCE.split(source.text) if 20 <= len(s.strip()) <= 160]
        if not sentences:
            return ""
        function, lost = (
            self._snapshot.words.is_function_word,
            self._random.choice([0.25, 0.4, 0.55]),
        )
        kept = [
            word
            for word in _cut(self._random.choice(sentences))
            if self._random.random() > (0.5 if function(word) else lost)
        ]
        return ("" if source.chinese and self._random.random() < 0.7 else " ").join(kept)

    def _mixed(self, source: _Source) -> str:
        title = [word for word in _cut(source.title) if self._random.random() < 0.5]
        sentence = _cut(self._sentence(source))[: self._random.randint(3, 7)]
        return ("" if source.chinese else " ").join([*title, *sentence])

    def _slip(self, word: str) -> str:
        if len(word) < 6 or not (word.isascii() and word.isalpha()) or self._random.random() > 0.25:
            return word
        at = self._random.randrange(1, len(word) - 1)
        ways = (word[at + 1 :], word[at + 1] + word[at] + word[at + 2 :], word[at] + word[at:])
        return word[:at] + self._random.choice(ways)

    def _spliced(self, text: str) -> tuple[str, str]:
        """The question with a name that these documents don't have, in place of one they do."""
        if not self._foreign or self._random.random() > SPLICED:
            return text, ""
        name, words = self._random.choice(self._foreign), text.split(" ")
        own = [n for n, w in enumerate(words) if w.isascii() and _IDENTIFIER.search(w)]
        if own and self._random.random() < 0.7:
            words[self._random.choice(own)] = name
        else:
            words.insert(self._random.randrange(len(words) + 1), name)
        return " ".join(words), name


def foreign_names(snapshot: Snapshot, other: Snapshot, count: int) -> list[str]:
    """Names that stand in other documents and nowhere in these."""
    found: dict[str, None] = {}
    pieces = sorted(other.parents)
    random.Random(count).shuffle(pieces)  # noqa: S311 - a sample
    for piece in pieces:
        place = other.catalog.places_of(piece)[0]
        for word in _cut(other.catalog.excerpt(place.document, place.start, place.end)):
            known = any(map(snapshot.words.pages_with, snapshot.words.stems_of(word)))
            if _NAME.fullmatch(word) and word.lower() not in common_words() and not known:
                found.setdefault(word)
        if len(found) >= count:
            break
    return list(found)[:count]


def _cut(text: str) -> list[str]:
    return [word for word in rjieba.cut(text) if word[0].isalnum() or word[0] == "_"]
