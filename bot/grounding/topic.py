"""Is a sentence about the documents? A poem with a citation mark behind it is not, nor are the
model's instructions in whatever language."""

import re
from collections.abc import Sequence

from bot.grounding.claims import Claim
from bot.grounding.markdown import Kind, units
from bot.grounding.mentions import telling_words
from bot.grounding.sources import Sources
from bot.types import Knowledge
from common.language import chinese_characters
from common.markdown import is_closed
from knowledge.types import Passage

LEAST_SIMILARITY = 0.3
"""Cosine of a sentence to the nearest sentence of the passages. Insults, poems and advertising
have less in 99.8 of 100 cases; sentences of the same documents in another language have more in
96 of 100, in the same language nearly always."""

LEAST_RELEVANCE = 0.1
"""Cosine of a sentence of the passages to the question: what was put into a document to lead the
model astray licenses nothing. Of the sentences that answer 97 in 100 have more."""

LIKE_RULES, RATHER_RULES = 0.38, 0.03
"""Cosine of a sentence to the nearest of the model's instructions, and by how much that is more
than to the passages, from which on it tells these: also translated, where no letters are the same.
Of 248 sentences of true answers none was taken for that."""

MOST_SENTENCES = 200
"""So many sentences of the passages are compared with, the best passages' first."""

FEW_LETTERS = 16
"""A sentence that holds a hard fact of the documents and only so much beside it (a Chinese
character counts one, a word two) says nothing else."""

LEAST_LETTERS = 8
"""Shorter sentences of the passages are near to anything short."""

LEAST_WORDS, MOST_SHARED = 3, 0.6
"""A sentence that holds so many words that tell something, and this share of them from the
passages, is about them however short it is."""

_COMMENT = re.compile(r"(?:^|\s)(?:#|//)[ \t]*(\S.*)$", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z]{2,}")


class Subject:
    """What the passages of a question say to it."""

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        sources: Sources,
        knowledge: Knowledge,
        rules: Sequence[str] = (),
    ) -> None:
        found = [sentence for passage in passages for sentence in _sentences(passage.text)]
        self._sentences = found[:MOST_SENTENCES]
        self._question, self._knowledge = question, knowledge
        self._sources, self._pages = sources, sources.pages
        self._rules = [one for text in rules for one in _sentences(text)]
        self._relevant: list[str] | None = None
        self._words = frozenset[str]().union(*map(telling_words, self._sentences))

    async def strays(self, claims: Sequence[Claim]) -> tuple[list[Claim], float]:
        """The claims that are about something else, and the least similarity of those looked at.
        Raises KnowledgeError."""
        away: list[Claim] = []
        least = 1.0
        for claim in claims:
            if claim.unit.kind is Kind.CODE or self._is_mere_fact(claim):
                continue
            cosine = await self._nearest(claim.unit.bare)
            least = min(least, cosine)
            unlike = cosine < LEAST_SIMILARITY and not self._is_worded_so(claim.unit.bare)
            if unlike or await self._tells_rules(claim.unit.bare, cosine):
                away.append(claim)
        return away, round(least, 3)

    async def _nearest(self, sentence: str) -> float:
        if self._relevant is None:
            cosines = await self._knowledge.similarity(self._question, self._sentences)
            both = zip(self._sentences, cosines, strict=True)
            self._relevant = [one for one, cosine in both if cosine >= LEAST_RELEVANCE]
        return max(await self._knowledge.similarity(sentence, self._relevant), default=0.0)

    async def _tells_rules(self, sentence: str, cosine: float) -> bool:
        nearest = max(await self._knowledge.similarity(sentence, self._rules), default=0.0)
        return nearest >= max(LIKE_RULES, cosine + RATHER_RULES)

    def _is_worded_so(self, sentence: str) -> bool:
        """Does the sentence have most of its words from the passages?"""
        own = telling_words(sentence)
        return len(own) >= LEAST_WORDS and len(own & self._words) >= MOST_SHARED * len(own)

    def _is_mere_fact(self, claim: Claim) -> bool:
        rest, holds_one = claim.unit.bare, False
        for fact in claim.facts:
            known = fact.strong and any(self._sources.page_holds(p, fact) for p in self._pages)
            holds_one |= known
            rest = rest.replace(fact.text, " ") if known else rest
        return holds_one and _letters(rest) <= FEW_LETTERS


def _letters(text: str) -> int:
    return chinese_characters(text) + 2 * len(_WORD.findall(text))


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    for unit in units(text):
        match unit.kind:
            case Kind.CODE if not is_closed(unit.text):  # a passage may begin within a block
                found += unit.text.splitlines()
            case Kind.CODE:
                found += _COMMENT.findall(unit.text)
            case Kind.TABLE:
                found += unit.bare.splitlines()
            case _:
                found.append(unit.bare)
    return [one for one in found if _letters(one) >= LEAST_LETTERS]
