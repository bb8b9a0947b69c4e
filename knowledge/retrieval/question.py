"""What a question is about: its words with how much each tells, its names, and what of it stands
nowhere in the documents."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.language import is_chinese, is_named, segment, with_parts
from knowledge.index.open import Snapshot
from knowledge.index.spelling import common_words, may_be_misspelt
from knowledge.index.terms import Terms, checksums
from knowledge.retrieval.asks import Asks, asks
from knowledge.retrieval.evidence import FUNCTION_WORD

PART = 0.5
"""How much a part of an identifier counts beside the whole."""

EVERYWHERE = 1.5
"""A word tells the less, the more pages have it, and nothing from two thirds of them on."""

FEW_PAGES = 5
"""Of fewer pages, what stands on most of them is not known to be the project's own name."""

IDENTIFIER = re.compile(r"[_\d./-]|[a-z][A-Z]|^[A-Z]{2,}$")
"""In a word that is the name of something."""

_ASIDE = re.compile(r".*[./\\:].*|\d+[A-Za-z]{0,3}|.{1,2}", re.ASCII)
"""Files, versions and quantities are the asker's own: the documents need not know them."""

_TERM = 3
"""As many Latin words in a row among Chinese, or between quotation marks, are a term, and none of
them is a function word: "aside 标签", "`for` loop", "top down 模型"."""

_LATIN_RUN = re.compile(r"[A-Za-z][\w.+-]*(?:[ /]+[A-Za-z][\w.+-]*)*", re.ASCII)
_QUOTED = re.compile(r"`([^`\n]{1,60})`|\"([^\"\n]{1,60})\"|“([^”\n]{1,60})”")

_PASTED = re.compile(r"Traceback|Error\b|Exception\b|File \"|^\s+at |\[ERROR|\bFAILED?\b|errno")
"""A line of a log: much of what stands there is the asker's own, too."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the documents see it.

    `searched` are the terms to search for with their weights. The arrays run over its telling
    `terms`: their `checksums`; `weights`, how much each tells here; `pages`, how many hold it;
    `names`, identifiers; `latin`; `needed`, Latin words that the documents must know to answer.
    `sources` are the sources and folders that it names, `below` their pages, `own_names` the
    terms of their names; `left_out` are pages of other versions than it is about, and
    `strange_version` says that it names one which no page is of. `unknown` are the needed words
    that stand on no page, as written, without options; `mended` are misspelt words with what they
    were taken for. `rarest` is the weight of a word that no piece holds, `asks` what kind of thing
    is asked for.
    """

    text: str
    chinese: bool
    searched: Mapping[str, float]
    terms: tuple[str, ...]
    checksums: Terms
    weights: NDArray[np.float64]
    pages: NDArray[np.int64]
    names: NDArray[np.bool_]
    latin: NDArray[np.bool_]
    needed: NDArray[np.bool_]
    sources: Mapping[str, frozenset[int]]
    below: frozenset[int]
    own_names: frozenset[str]
    left_out: frozenset[int]
    strange_version: bool
    unknown: tuple[str, ...]
    mended: Mapping[str, str]
    rarest: float
    asks: Asks

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which terms any page has."""
        return self.pages > 0


@dataclass(frozen=True, slots=True)
class _Term:
    weight: float
    pages: int
    name: bool
    latin: bool
    needed: bool


class _Reading:
    """A question while it is being read, word by word."""

    def __init__(self, snapshot: Snapshot, own_names: frozenset[str]) -> None:
        self._words, self._own_names = snapshot.words, own_names
        self._pages, self._pieces = len(snapshot.pages), len(snapshot.pages_of)
        self.terms: dict[str, _Term] = {}
        self.searched: dict[str, float] = {}
        self.unknown: list[str] = []
        self.mended: dict[str, str] = {}

    def line(self, line: str, *, pasted: bool) -> None:
        """Takes a line; `pasted` is what the asker may have from elsewhere."""
        terms = _terms_in(line)
        for word in segment(line):
            self._word(word, terms, pasted=pasted)

    def _word(self, word: str, named: frozenset[str], *, pasted: bool) -> None:
        whole, *parts = with_parts(word) or ("",)

        def function(word: str) -> bool:
            return word not in named and self._words.is_function_word(word)

        for term in self._words.terms(whole) if whole else ():
            if function(whole):
                self._search(term, FUNCTION_WORD)
            else:
                self._whole(whole, term, pasted=pasted)
        for part in parts:
            for term in self._words.stems_of(part):
                if not function(part) and self._search(term, 1.0):
                    self._note(term, PART, name=False, latin=True, needed=False)

    def _search(self, term: str, weight: float) -> bool:
        """Searches for a term, unless it is the name of where to search."""
        if term in self._own_names:
            return False
        self.searched[term] = max(weight, self.searched.get(term, 0.0))
        return True

    def _whole(self, word: str, term: str, *, pasted: bool) -> None:
        latin = word.isascii()
        plain = word.lower() in common_words() or _ASIDE.fullmatch(word) is not None
        if latin and not plain and not self._words.pages_with(term):
            if may_be_misspelt(word) and (meant := self._words.nearest(word)):
                self.mended[word] = term = meant
            elif not pasted:
                self.unknown.append(word)
        if self._search(term, 1.0):
            name = latin and len(word) > 2 and IDENTIFIER.search(word) is not None
            needed = latin and not plain and not pasted
            self._note(term, 1.0, name=name, latin=latin, needed=needed)

    def _note(self, term: str, share: float, *, name: bool, latin: bool, needed: bool) -> None:
        if term in self.terms:
            return
        pages = self._words.pages_with(term)
        weight = share * self._words.rarity_among(term, self._pieces)
        if self._pages >= FEW_PAGES:
            weight *= max(0.0, 1.0 - EVERYWHERE * pages / self._pages)
        self.terms[term] = _Term(weight, pages, name=name, latin=latin, needed=needed)


def read(snapshot: Snapshot, question: str) -> Asked:
    """Takes a question apart. The names of sources and of their top folders say where to look,
    not what for: all that stands there is about those."""
    sources = {name: below for name, below in snapshot.named.items() if is_named(name, question)}
    own_names = frozenset(snapshot.words.terms(" ".join(sources)))
    reading = _Reading(snapshot, own_names)
    left_out, strange_version = snapshot.variants.left_out(question, snapshot.named)
    lines = question.splitlines()
    for line in lines:
        pasted = len(lines) > 1 and _PASTED.search(line) is not None
        reading.line(line, pasted=pasted)
    terms = list(reading.terms.values())
    return Asked(
        text=question,
        chinese=is_chinese(question),
        searched=reading.searched,
        terms=tuple(reading.terms),
        checksums=checksums(list(reading.terms)),
        weights=np.asarray([term.weight for term in terms], np.float64),
        pages=np.asarray([term.pages for term in terms], np.int64),
        names=_mask([term.name for term in terms]),
        latin=_mask([term.latin for term in terms]),
        needed=_mask([term.needed for term in terms]),
        sources=sources,
        below=frozenset[int]().union(*sources.values()),
        own_names=own_names,
        left_out=left_out,
        strange_version=strange_version,
        unknown=_outermost([name for name in reading.unknown if f"-{name}" not in question]),
        mended=reading.mended,
        rarest=snapshot.words.rarity_among("", len(snapshot.pages_of)),
        asks=asks(question),
    )


def _terms_in(line: str) -> frozenset[str]:
    """The words of terms that a line names, which are no function words there."""
    runs = [part for found in _QUOTED.findall(line) for part in found]
    if is_chinese(line):
        runs += _LATIN_RUN.findall(line)
    split = [re.split(r"[ /]+", run) for run in runs]
    return frozenset(word for words in split if len(words) <= _TERM for word in words)


def _mask(values: Sequence[bool]) -> NDArray[np.bool_]:
    return np.asarray(values, np.bool_)


def _outermost(names: Sequence[str]) -> tuple[str, ...]:
    """Without those that are part of another."""
    kept = [name for name in names if not any(name in other != name for other in names)]
    return tuple(dict.fromkeys(kept))
