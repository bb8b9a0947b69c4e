"""The score board: evidence of several origins in one order.

Trust comes first (own documentation, own code, preferred sites, the rest of the web), then
relevance; where the question names a version, what describes another one goes behind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from common.versions import asked_versions, fits, stated_versions
from knowledge.types import Passage

TRUST = ("documents", "code", "preferred", "web")
"""Origins of passages, the most trusted first."""

MOST = 8
"""Passages that an answer is written from."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage and how well it helps to answer, 0 to 1."""

    passage: Passage
    relevance: float


def board(
    evidence: Iterable[Evidence], question: str, names: Sequence[str], most: int = MOST
) -> list[Passage]:
    """The best passages, best first; `names` are what the project is called.

    What describes another version than the one asked for is left out as long as anything else
    remains: a wrong setting is worse than a short answer.
    """
    asked = asked_versions(question, names)
    ordered = sorted(evidence, key=lambda e: (TRUST.index(e.passage.origin), -e.relevance))
    passages = [entry.passage for entry in ordered]
    fitting = [p for p in passages if fits(asked, _stated(p, names))]
    return (fitting or passages)[:most]


def _stated(passage: Passage, names: Sequence[str]) -> list[tuple[int, ...]]:
    return stated_versions([passage.path, passage.url], passage.heading, names)
