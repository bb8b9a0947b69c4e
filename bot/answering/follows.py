"""Does each sentence of an answer follow from its passages? The model is asked, all sentences in
one call.

What a model writes next to true facts, such as a "not" too few or a number of something else, no
comparison of words finds. The check of hard facts comes first, in `bot.grounding.claims`: it needs
no model and can't be talked into anything.
"""

import re
from collections.abc import Sequence

from bot.grounding.claims import Claim
from bot.grounding.markdown import Kind, units
from bot.grounding.normalize import letters
from bot.llm.llm import Llm
from bot.llm.prompts import estimate, shortened
from bot.llm.scoring import Verdict
from bot.types import Knowledge
from common.language import is_chinese, words
from knowledge.types import Passage

SHOWN_TOKENS = 900
"""Of the passages: what is nearest to the sentences, where they are longer."""

LEAST_PIECE = 40
"""Characters; a shorter piece, such as a heading, goes with the one behind it."""

_APART = re.compile(r"\n[ \t]*\n")
_ASKS = re.compile(r"[?？]\W*$")


class Entailment:
    """The verdicts on the sentences of one question's answer; each sentence is asked about once,
    however often the answer is looked at while it is written."""

    def __init__(
        self, question: str, passages: Sequence[Passage], knowledge: Knowledge, llm: Llm
    ) -> None:
        self._question, self._passages = question, passages
        self._knowledge, self._llm = knowledge, llm
        self._verdicts: dict[str, Verdict] = {}
        self._said = {letters(one) for passage in passages for one in stated(passage.text)}

    async def unfounded(self, claims: Sequence[Claim]) -> list[Claim]:
        """The claims that don't follow. Raises LlmError and KnowledgeError."""
        asked = [claim for claim in claims if self._is_asked(claim)]
        new = [claim for claim in asked if claim.unit.bare not in self._verdicts]
        if new:
            sentences = list(dict.fromkeys(claim.unit.bare for claim in new))
            marks = dict.fromkeys(mark for claim in new for mark in claim.unit.marks)
            cited = [self._passages[mark - 1] for mark in marks] or self._passages[:1]
            shown = await self._shown(cited, sentences)
            chinese = is_chinese(" ".join(sentences))
            verdicts = await self._llm.follows(self._question, sentences, shown, chinese)
            self._verdicts |= dict(zip(sentences, verdicts, strict=True))
        return [one for one in asked if self._verdicts[one.unit.bare] is not Verdict.FOLLOWS]

    def _is_asked(self, claim: Claim) -> bool:
        """Code is held against the documents line by line; what stands there word for word
        follows."""
        if claim.unit.kind is Kind.CODE:
            return False
        return letters(claim.unit.bare) not in {"", *self._said}

    async def _shown(self, cited: Sequence[Passage], sentences: Sequence[str]) -> list[str]:
        """The passages, or the pieces of them that are nearest to some sentence, as many as fit."""
        room = SHOWN_TOKENS - sum(estimate(passage.heading) for passage in cited)
        if sum(estimate(passage.text) for passage in cited) <= room:
            return [f"{passage.heading}\n{passage.text}" for passage in cited]
        pieces = [(n, one) for n, passage in enumerate(cited) for one in _pieces(passage.text)]
        ranked = await self._ranked([one for _, one in pieces], sentences)
        kept: set[int] = set()
        for at in ranked:
            size = estimate(pieces[at][1])
            if size <= room:
                kept.add(at)
                room -= size
        if not kept:
            kept, (number, piece) = {ranked[0]}, pieces[ranked[0]]
            pieces[ranked[0]] = (number, shortened(piece, SHOWN_TOKENS))
        shown = [[passage.heading] for passage in cited]
        for at in sorted(kept):
            number, piece = pieces[at]
            shown[number].append(piece)
        return ["\n…\n".join(one) for one in shown]

    async def _ranked(self, pieces: Sequence[str], sentences: Sequence[str]) -> list[int]:
        """The pieces' places, the nearest of each sentence first, then the second nearest."""
        turns: list[list[int]] = []
        spoken = [_words(piece) for piece in pieces]
        for sentence in sentences:
            own = _words(sentence)
            cosines = await self._knowledge.similarity(sentence, pieces)
            shares = [len(own & one) / max(1, len(own)) for one in spoken]
            near = [share + cosine for share, cosine in zip(shares, cosines, strict=True)]
            turns.append(sorted(range(len(pieces)), key=lambda at: -near[at]))
        return list(dict.fromkeys(at for turn in zip(*turns, strict=True) for at in turn))


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
