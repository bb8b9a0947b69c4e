"""What to search for elsewhere: queries for the web, names for code.

The language model says it where there is one; otherwise the words that tell most by the
retriever's own weights. What a group's member wrote goes no further than these words.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.llm.llm import Llm
from bot.llm.types import LlmError
from bot.types import Knowledge
from common.language import is_chinese

MAX_QUERIES = 2
MAX_NAMES = 3
MAX_WORDS = 8
"""Words of a query: search engines take all of them as wanted."""

_LINE = re.compile(r"^\W*(web|code)\W*[:：]\s*(.+)$", re.IGNORECASE)
_PRIVATE = re.compile(
    r"\S+@\S+\.\S+"  # mail addresses
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"  # addresses of machines
    r"|https?://\S+|(?:/home/|/Users/|[A-Za-z]:\\)\S+"
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{24,}\b",  # keys
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Keywords:
    """`queries` for a search engine and `names` as they may stand in code, the best first."""

    queries: tuple[str, ...]
    names: tuple[str, ...]


async def keywords(question: str, knowledge: Knowledge, llm: Llm | None) -> Keywords:
    """What to search for. Raises KnowledgeError."""
    if llm:
        try:
            said = parsed(await llm.keywords(question, is_chinese(question)))
        except LlmError:
            said = Keywords((), ())  # logged by the hybrid; the words do
        if said.queries:
            return said
    words = await knowledge.keywords(public(question), MAX_WORDS)
    query = " ".join(words)
    return Keywords((query,) if query else (), tuple(words[:MAX_NAMES]))


def parsed(text: str) -> Keywords:
    """The lines of a model's answer; what is none is left out."""
    found: dict[str, list[str]] = {"web": [], "code": []}
    for match in filter(None, map(_LINE.match, text.splitlines())):
        found[match[1].lower()].append(public(match[2]).strip(" `\"'“”"))
    return Keywords(_first(found["web"], MAX_QUERIES), _first(found["code"], MAX_NAMES))


def public(text: str) -> str:
    """A text without what is nobody else's business: addresses, own paths, keys."""
    return " ".join(_PRIVATE.sub(" ", text).split())


def _first(texts: Iterable[str], most: int) -> tuple[str, ...]:
    return tuple(text for text in dict.fromkeys(texts) if text)[:most]
