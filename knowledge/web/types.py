"""What the web search deals in, and what can go wrong.

WebError
├── EngineError     a search engine did not answer a query
│   ├── Throttled     too many queries a second; worth a short pause
│   ├── Faulty        it can't be reached, failed, or answers nonsense; worth one more try
│   ├── Rejected      it does not take this query
│   ├── Refused       it takes none for a while: no credits are left, this machine is banned
│   └── Unusable      it never will: the key is refused, or the package is missing
└── PageError       a page can't be had; says why
    ├── NotAllowed    it must not be visited: a private address, robots.txt, a blocked domain
    └── BadStatus     its server says no; carries `status`
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from yarl import URL


class WebError(Exception):
    """Base of all that can go wrong on the web. Messages quote no keys and no whole addresses."""


class EngineError(WebError):
    """A search engine did not answer a query."""


class Throttled(EngineError):
    """It was asked too often within a second, or too much at once."""


class Faulty(EngineError):
    """It can't be reached, failed, took too long, or answers nonsense."""


class Rejected(EngineError):
    """It does not take this query."""


class Refused(EngineError):
    """It takes none for a while: no credits are left, or it sends this machine away."""


class Unusable(EngineError):
    """It never will answer as configured; says what to change."""


class PageError(WebError):
    """A page can't be had; the message says why."""


class NotAllowed(PageError):
    """A page must not be visited."""


class BadStatus(PageError):
    """The server answered with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of a search engine: where to look."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A page worth fetching. `rank` is its place among the results, from 1."""

    url: URL
    title: str
    rank: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it came; `url` is where it was found in the end. `kind` is html,
    markdown, text or pdf."""

    url: URL
    kind: str
    charset: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """What a page says: data, never instructions. `text` is Markdown, or plain."""

    url: URL
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """A page that was found and read. `url` is the address that it was really fetched from; `text`
    is Markdown without links and images; `rank` its place among the results, from 1."""

    url: str
    title: str
    text: str
    preferred: bool
    rank: int


class Engine(AbstractAsyncContextManager[Any], Protocol):
    """A search engine. Opened with `async with`."""

    name: str

    async def find(self, query: str, *, chinese: bool) -> list[Hit]:
        """At most ten results, best first. Raises EngineError."""
        ...
