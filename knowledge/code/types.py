"""The words of the search in code: what is asked, what comes back, what can go wrong.

CodeError
├── Misconfigured   a key of the configuration must be changed first; says which
└── OutOfReach      the server can't be asked now
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

MAX_HITS = 20
"""Hits that are kept for one question."""

MAX_LINES = 60
"""Lines of one hit: what a person takes in at a glance, and a model reads cheaply."""

Similarity: TypeAlias = Callable[[str, Sequence[str]], Awaitable[list[float]]]
"""Cosine of a text to each of the others."""

Choose: TypeAlias = Callable[[str, Sequence[str]], Awaitable[Sequence[int] | None]]
"""Which of the introductions, counted from 1, fit the question; None when it can't be told."""


class CodeError(Exception):
    """Base of what can go wrong with a search in code."""


class Misconfigured(CodeError):
    """Nothing comes until the configuration is changed; says which key."""


class OutOfReach(CodeError):
    """No answer this time; another question may get one."""


@dataclass(frozen=True, slots=True)
class RepoQuestion:
    """What to look for. `terms` are search terms, the best ones first; `verbatim` are names and
    lines that must occur as they stand, see `verbatim_terms`; `sources` are the knowledge sources
    that the group is bound to, none for all."""

    text: str
    similarity: Similarity
    terms: tuple[str, ...] = ()
    verbatim: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    choose: Choose | None = None


@dataclass(frozen=True, slots=True)
class CodeHit:
    """Whole lines of a file, with where they stand.

    `line` is the first one, 1-based; `heading` the classes and functions around it ("Retrying >
    wraps"); `language` is for a code fence; `url` shows the exact commit, "" where there is none.
    `matched` are the verbatim terms that occur in it, `defined` those it defines. `score` is about
    1 where all of them are defined there, and below 0.3 where only words agree.
    """

    repo: str
    path: str
    line: int
    heading: str
    text: str
    language: str
    url: str
    score: float
    matched: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()
