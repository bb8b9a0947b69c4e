"""Does each sentence of an answer follow from its passages? The model is asked, all sentences in
one call, and once more about those of which it says that they don't.

What a model writes next to true facts, such as a "not" too few or a number of something else, no
comparison of words finds. The check of hard facts comes first, in `bot.grounding.claims`: it needs
no model and can't be talked into anything.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.grounding.claims import Claim
from bot.grounding.markdown import Kind, units
from bot.grounding.normalize import letters
from bot.llm.llm import Llm
from bot.llm.prompts import estimate, shortened
from bot.llm.scoring import Verdict
from bot.types import Knowledge
from common.language import is_chinese, words
from knowledge.types import Passage

SHOWN_TOKENS, SHOWN_AGAIN_TOKENS = 900, 2400
"""Of the passages: what is nearest to the sentences, where they are longer; and when it is asked
again, which is rare and not to fail for want of what wasn't in view."""

LEAST_PIECE = 40
"""Characters; a shorter piece, such as a heading, goes with the one behind it."""

_APART = re.compile(r"\n[ \t]*\n")
_ASKS = re.compile(r"[?？]\W*$")


@dataclass(frozen=True, slots=True)
class Judged:
    """The claims that were asked about: those that follow, those that don't, and those of which the
    model said that they don't once and not again."""

    follows: Sequence[Claim]
    unfounded: Sequence[Claim]
    contested: Sequence[Claim]


class Entailment:
    """The verdicts on the sentences of one question's answer; each sentence is asked about once,
    and those that don't follow a second time, however often the answer is looked at while it is
    written."""

    def __init__(
        self, question: str, passages: Sequence[Passage], knowledge: Knowledge, llm: Llm
    ) -> None:
        self._question, self._passages = question, passages
        self._knowledge, self._llm = knowledge, llm
        self._first: dict[str, Verdict] = {}
        self._second: dict[str, Verdict] = {}
        self._said = {letters(one) for passage in passages for one in stated(passage.text)}
        self._asking = asyncio.Lock()  # who comes meanwhile needs no verdict that is under way

    async def judged(self, claims: Sequence[Claim]) -> Judged:
        """What the model says to the claims. Raises LlmError and KnowledgeError."""
        asked = [claim for claim in claims if self._is_asked(claim)]
        async with self._asking:
            await self._ask(asked, self._first)
            doubted = [one for one in asked if not _holds(one, self._first)]
            await self._ask(doubted, self._second)
        contested = [one for one in doubted if _holds(one, self._second)]
        unfounded = [one for one in doubted if one not in contested]
        return Judged([one for one in asked if one not in doubted], unfounded, contested)

    async def _ask(self, claims: Sequence[Claim], verdicts: dict[str, Verdict]) -> None:
        """Asks about what has no verdict yet. The second time with more in view and the last
        sentence first: what made the model err is not to do so again."""
        new = [claim for claim in claims if claim.unit.bare not in verdicts]
        if not new:
            return
        again = verdicts is self._second
        sentences = list(dict.fromkeys(claim.unit.bare for claim in new))
        marks = dict.fromkeys(mark for claim in new for mark in claim.unit.marks)
        cited = [self._passages[mark - 1] for mark in marks] or self._passages[:1]
        if again:
            sentences.reverse()
        shown = await self._shown(cited, sentences, SHOWN_AGAIN_TOKENS if again else SHOWN_TOKENS)
        chinese = is_chinese(" ".join(sentences))
        found = await self._llm.follows(self._question, sentences, shown, chinese)
        verdicts |= dict(zip(sentences, found, strict=True))

    def _is_asked(self, claim: Claim) -> bool:
        """Code is held against the documents line by line; what stands there word for word
        follows."""
        if claim.unit.kind is Kind.CODE:
            return False
        return letters(claim.unit.bare) not in {"", *self._said}

    async def _shown(
        self, cited: Sequence[Passage], sentences: Sequence[str], most: int
    ) -> list[str]:
        """The passages, or the pieces of them that are nearest to some sentence or to the question,
        without which "No." says nothing; as many as fit into `most` tokens."""
        room = most - sum(estimate(passage.heading) for passage in cited)
        if sum(estimate(passage.text) for passage in cited) <= room:
            return [f"{passage.heading}\n{passage.text}" for passage in cited]
        pieces = [(n, one) for n, passage in enumerate(cited) for one in _pieces(passage.text)]
        ranked = await self._ranked([one for _, one in pieces], [*sentences, self._question])
        kept: set[int] = set()
        for at in ranked:
            size = estimate(pieces[at][1])
            if size <= room:
                kept.add(at)
                room -= size
        if not kept:
            kept, (number, piece) = {ranked[0]}, pieces[ranked[0]]
            pieces[ranked[0]] = (number, shortened(piece, most))
        shown = [[passage.heading] for passage in cited]
        for at in sorted(kept):
            number, piece = pieces[at]
            shown[number].append(piece)
        return ["\n…\n".join(one) for one in shown]

    async def _ranked(self, pieces: Sequence[str], texts: Sequence[str]) -> list[int]:
        """The pieces' places, the nearest of each text first, then the second nearest."""
        turns: list[list[int]] = []
        spoken = [_words(piece) for piece in pieces]
        for text in texts:
            own = _words(text)
            cosines = await self._knowledge.similarity(text, pieces)
            shares = [len(own & one) / max(1, len(own)) for one in spoken]
            near = [share + cosine for share, cosine in zip(shares, cosines, strict=True)]
            turns.append(sorted(range(len(pieces)), key=lambda at: -near[at]))
        return list(dict.fromkeys(at for turn in zip(*turns, strict=True) for at in turn))


def _holds(claim: Claim, verdicts: dict[str, Verdict]) -> bool:
    return verdicts[claim.unit.bare] is Verdict.FOLLOWS


def stated(text: str) -> list[str]:
    """The sentences of a text that state something: no headings, no questions."""
    return [
        unit.bare
        for unit in units(text)
        if unit.kind is Kind.SENTENCE and "#" not in unit.lead and not _ASKS.search(unit.bare)
    ]


def _pieces(text: str) -> list[str]:
    found: list[str] = []
    ahead = ""
    for piece in _APART.split(text):
        whole = f"{ahead}\n\n{piece}" if ahead else piece
        ahead = whole if len(whole) < LEAST_PIECE else ""
        if not ahead:
            found.append(whole)
    return [*found, ahead] if ahead or not found else found


def _words(text: str) -> set[str]:
    return {word.lower() for word in words(text)}
