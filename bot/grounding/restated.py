"""Sentences that restate one of their source's, and the place of the source instead of the others.

For where no model judges whether a sentence follows, or the model is not sure. A sentence stays as
it was written only where one sentence of its source has nearly all of its words, and denies,
limits, orders and counts as it does. What is not so plain is replaced by what the source says
there, in the source's words: a false sentence gives way to what is true, and a true one that was
worded freely to its original.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.grounding.claims import Claim
from bot.grounding.facts import Sort
from bot.grounding.markdown import Kind, leads_on, units
from bot.grounding.normalize import letters, unmarked
from bot.types import Knowledge
from common.language import is_chinese, stem, words
from knowledge.types import Passage

LEAST_SHARED, LEAST_ALIKE = 0.5, 0.5
"""Share of a sentence's words, the rarer the weightier, that one of the source must have, and their
cosine, for both to say the same."""

LEAST_NEAR, LEAST_NEAR_TRANSLATED = 0.65, 0.4
"""Share and cosine together from which on a place of the source is shown instead, and where it is
in another language, and so shares few words."""

LEAST_WORDS = 4
"""A sentence of fewer, but for those of the grammar, may be a step that the source only implies."""

MOST_SENTENCES = 300
"""Of the passages: so many are compared with, the first ones."""

_TURNS = {
    "not": r"\b(?:not|no|never|none|nor|neither|nothing|nobody|without|cannot|ignor\w+|refus\w+)\b"
    r"|n't\b|[不没无未非勿]|禁止|忽略|拒绝",
    "only": r"\b(?:only|just|solely|alone)\b|只|仅|才",
    "but": r"\b(?:unless|except|otherwise|apart from|instead)\b|除|否则|以外|而不是",
    "before": r"\b(?:before|until|first|earlier)\b|之前|以前|前[请再]|先|直到",
    "after": r"\b(?:after|then|once|later|afterwards)\b|之后|以后|后[请再]|再|然后|最后",
    "while": r"\b(?:while|meanwhile|during)\b|期间|同时",
    "all": r"\b(?:all|every|always|any\w*|each|whole|both|completely|entirely)\b|全部|所有|任何"
    r"|总是|每|一律|始终|随时|任意",
    "more": r"\b(?:more|(?<!at )most|larger|longer|higher|faster|better|at least|over)\b|至少|以上"
    r"|超过|更[多大长高快]",
    "less": r"\b(?:less|fewer|smaller|shorter|lower|slower|at most|up to|below)\b|最多|以下"
    r"|不超过|更[少小短低慢]",
    "off": r"\b(?:off|disabled?|stop\w*|drop(?:s|ped)?|lost|removed?|hid\w+|deleted?|left out)\b"
    r"|关闭|停|禁用|丢|删|隐藏|失效|取消",
    "on": r"\b(?:on by|switched on|enabled?)\b|打开|开启|启用",
    "default": r"\bdefaults?\b|默认|缺省",
}
_TURNING = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _TURNS.items()}
"""What turns the meaning of a sentence, by kinds."""

ADDED = frozenset({"not", "only", "but", "before", "after", "while", "all", "off", "on", "default"})
LEFT_OUT = frozenset({"not", "only", "but", "off"})
"""Kinds that may not be in the sentence alone, and not in its source alone."""

_ANSWERS = re.compile(
    r"^\s*(?:yes|no|不能|不会|不用|不是|不行|不可以|不需要|没有|能|会|是的?|可以|对|有|需要)"
    r"\s*(?:[,，。.:：;；—-]+\s*|$)",
    re.IGNORECASE,
)
_SIGNS, _JOINS = r"[,，;；:：()（）、]|\s[-–—]\s", r"\b(?:and|but|while|which|unless)\b|而|但"
_CLAUSE, _JOINED = re.compile(f"{_SIGNS}|{_JOINS}"), re.compile(f"{_SIGNS}|(?={_JOINS})")
_TIMES = re.compile(
    r"\b(second|minute|hour|day|week|month|year)s?\b|(秒|分钟|小时|天|周|月|年)", re.IGNORECASE
)
_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_LITTLE = """
    a an the is are was be been of to in on at it its and or that this these those which who for
    with by as from does do did if when what how can may will would so than there they them their
    you your he she his her we our i me my up out about into per
    的 了 是 在 和 与 或 把 被 由 从 到 对 而 及 其 这 那 它 一 个 条 次 份 种 就 会 能 可以 吗 呢
    之 以 用 等 为 有 里 中 时 上 下 让 给 请 你 他 们 您
"""
_GRAMMAR = frozenset(_LITTLE.split())
"""Words that say nothing by themselves."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence of the passage `mark`, in a paragraph of all passages'."""

    text: str
    mark: int
    paragraph: tuple[int, int]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the passages say what is nearest to a sentence: is it near, and plainly restated?"""

    at: int
    near: bool
    restated: bool


class Restated:
    """The sentences of some passages, [1] the first, and what an answer makes of them."""

    def __init__(self, passages: Sequence[Passage], knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        found = [one for mark, p in enumerate(passages, 1) for one in _sentences(p.text, mark)]
        self._said = found[:MOST_SENTENCES]
        counts = Counter(word for one in self._said for word in one.words)
        self._counts, self._rarest = counts, math.log(2 * (len(self._said) + 1))

    async def borrowed(self, claims: Sequence[Claim], question: str) -> list[Claim]:
        """The claims that are near to no sentence of their source's and have words of the question
        that no passage has: what only the asker said is no evidence. Steps of few words and what
        names something that may stand in code are left alone. Raises KnowledgeError."""
        asked = _words(question) - self._counts.keys()
        found: list[Claim] = []
        for claim in claims:
            named = any(fact.sort is not Sort.NUMBER for fact in claim.facts)
            own = _words(claim.unit.bare)
            if named or not _is_prose(claim) or len(own) < LEAST_WORDS or not own & asked:
                continue
            if not (await self._place(claim)).near:
                found.append(claim)
        return found

    async def instead(self, claims: Sequence[Claim], doubted: Sequence[Claim]) -> list[Claim]:
        """The claims, of those that are `doubted` each sentence that restates none of its source's
        as the place of the source that it is nearest to; what is shown already is not shown again,
        and what is near to nothing goes. Raises KnowledgeError."""
        kept: list[Claim] = []
        shown = {letters(claim.unit.bare) for claim in claims}
        for claim in claims:
            if claim not in doubted or not _is_prose(claim):
                kept.append(claim)
                continue
            place = await self._place(claim)
            if place.restated:
                kept.append(claim)
            if place.restated or not place.near:
                continue
            around = [one.text for one in self._around(place.at) if letters(one.text) not in shown]
            if around:
                shown |= {letters(text) for text in around}
                text = _within_spaces(" ".join(around), claim.unit.text)
                told = replace(claim.unit, text=text, cites=(self._said[place.at].mark,))
                kept.append(replace(claim, unit=told))
        return kept

    async def _place(self, claim: Claim) -> _Place:
        said = _ANSWERS.sub("", claim.unit.bare)
        at, share, cosine = await self._nearest(said, claim.unit.marks)
        source = self._said[at].text if self._said else ""
        same = share >= LEAST_SHARED and cosine >= LEAST_ALIKE
        if same and turns_alike(said, source):
            return _Place(at, near=True, restated=True)
        translated = is_chinese(said) is not is_chinese(source)
        least = LEAST_NEAR_TRANSLATED if translated else LEAST_NEAR
        return _Place(at, near=share + cosine >= least, restated=False)

    async def _nearest(self, said: str, marks: Sequence[int]) -> tuple[int, float, float]:
        """The place of the nearest sentence of the passages that are cited, its share of the words
        and its cosine."""
        places = [n for n, one in enumerate(self._said) if one.mark in marks]
        if not places:
            return 0, 0.0, 0.0
        own = _words(said)
        cosines = await self._knowledge.similarity(said, [self._said[n].text for n in places])
        shares = [self._share(own, self._said[n].words) for n in places]
        best = max(range(len(places)), key=lambda n: shares[n] + cosines[n])
        return places[best], shares[best], cosines[best]

    def _share(self, own: frozenset[str], others: frozenset[str]) -> float:
        whole = sum(map(self._weight, own))
        return sum(map(self._weight, own & others)) / whole if whole else 0.0

    def _weight(self, word: str) -> float:
        return self._rarest - math.log(2 * self._counts[word] + 1)

    def _around(self, at: int) -> list[_Said]:
        """The sentence with the one before it and the one behind it, of the same paragraph."""
        near = self._said[max(0, at - 1) : at + 2]
        return [one for one in near if one.paragraph == self._said[at].paragraph]


def _is_prose(claim: Claim) -> bool:
    return claim.unit.kind is Kind.SENTENCE and not leads_on(claim.unit)


def turns_alike(said: str, source: str) -> bool:
    """Does a sentence deny, limit, order and count as one of the source does that has its words?
    What one of both turns and the other doesn't is taken for a difference."""
    source = _nearest_clauses(said, source)
    turned = [
        {name for name, turn in _TURNING.items() if turn.search(text)} for text in (said, source)
    ]
    added, left = turned[0] - turned[1], turned[1] - turned[0]
    opposite = {"more", "less"} <= added | left or {"on", "off"} <= added | left
    times = [set(_TIMES.findall(text.lower())) for text in (said, source)]
    differs = added & ADDED or left & LEFT_OUT or opposite or times[0] - times[1]
    return not differs and _counts_alike(said, source)


def _nearest_clauses(said: str, source: str) -> str:
    """The clauses of a source that have words of the sentence, each with the word that joins it."""
    own = _words(said)
    clauses = [one for one in _JOINED.split(source) if one.strip()]
    return " , ".join(one for one in clauses if own & _words(one))


def _counts_alike(said: str, source: str) -> bool:
    """Is each number of the sentence in a clause of the source that has all its other words that
    the source has, with the same word behind it?"""
    of_source = source.split(" , ")
    for clause in _CLAUSE.split(said):
        known = _words(clause) & _words(source)
        for number in _NUMBER.findall(clause):
            others = [one for one in of_source if number in _NUMBER.findall(one)]
            if not any(known <= _words(one) for one in others):
                return False
            if _behind(number, clause) not in {_behind(number, one) for one in others}:
                return False
    return True


def _behind(number: str, text: str) -> tuple[str, ...]:
    """The next two words, which tell what is counted."""
    found = map(stem, words(text.partition(number)[2]))
    return tuple(word for word in found if word not in _GRAMMAR)[:2]


def _sentences(text: str, mark: int) -> list[_Said]:
    found: list[_Said] = []
    for unit in units(text):
        if unit.kind is Kind.CODE or "#" in unit.lead:
            continue
        rows = unit.bare.splitlines()[2:]  # the head of a table states nothing
        lines = map(_row, rows) if unit.kind is Kind.TABLE else [unit.bare]
        for number, line in enumerate(lines):
            said = " ".join(line.split())
            if has_words := _words(said):
                place = unit.paragraph if unit.kind is Kind.SENTENCE else -len(found) - number - 1
                found.append(_Said(said, mark, (mark, place), has_words))
    return found


def _row(line: str) -> str:
    """The cells of a table's row, as it can stand in a sentence."""
    return " · ".join(cell.strip() for cell in line.strip(" |").split("|") if cell.strip())


def _words(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words(unmarked(text))) - _GRAMMAR


def _within_spaces(text: str, like: str) -> str:
    before, behind = len(like) - len(like.lstrip()), len(like.rstrip())
    return f"{like[:before]}{text}{like[behind:]}"
