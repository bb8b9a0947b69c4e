"""Scores from 0 to 10 by one generated digit, the expected value of its distribution; and verdicts
on sentences, a word for each.

The paper (arXiv 2401.08772) asks the model for a number and reads it; with the probabilities of
all digits one token gives a graded score.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.llm.types import Completion

LEAST_MASS = 0.5
"""Digits must hold this share of the first token's probability, else the text is parsed."""

_ONE = r"(?<![\d.\-])(10|\d)(?![\d.]*\d)"
_NUMBER = re.compile(_ONE)
_RATIO = re.compile(rf"{_ONE}\s*(?:/|out\s+of)\s*(9|10)\b", re.IGNORECASE)
_SCALE = re.compile(
    r"\b0\s*(?:to|-|–|~|and|到|至|和)\s*(?:9|10)\b|满分\s*(?:9|10)\s*分?", re.IGNORECASE
)
_LABELLED = re.compile(
    rf"(?:score|rating|verdict|分数|评分|得分|打分)\D{{0,12}}?{_ONE}", re.IGNORECASE
)
_TERSE = re.compile(rf"\W*{_ONE}")


class Rubric(StrEnum):
    """What is scored; each has a prompt of its name."""

    QUESTION = "question"  # is it a real, self-contained technical question?
    RELEVANCE = "relevance"  # does a passage help to answer?
    DODGE = "dodge"  # does an answer evade the question?
    UNSAFE = "unsafe"  # is a text harmful?


CAUTIOUS: Mapping[Rubric, float] = {
    Rubric.QUESTION: 0.0,
    Rubric.RELEVANCE: 0.0,
    Rubric.DODGE: 10.0,
    Rubric.UNSAFE: 10.0,
}
"""What a score that can't be read counts as: the bot keeps quiet."""


UNDECIDED: Mapping[Rubric, float] = {
    Rubric.QUESTION: 5.0,
    Rubric.RELEVANCE: 4.0,
    Rubric.DODGE: 0.0,
    Rubric.UNSAFE: 0.0,
}
"""What a score without an opinion counts as, on the scale of 0 to 10: what nearly all texts are
that come so far. Enough for a mention to be a question, not for anything else."""


SURE: Mapping[Rubric, float] = {
    Rubric.QUESTION: 0.25,
    Rubric.RELEVANCE: 0.25,
    Rubric.DODGE: 0.5,
    Rubric.UNSAFE: 0.5,
}
"""Confidence from which a distribution is an opinion. One that is spread over all digits has none:
its expected value is that of noise. To silence the bot takes more. A model of 1.5B parameters had
0.05 to 0.6 for questions, 0.1 to 0.25 for passages, and on what is harmful 0.2 to 0.4 where it
isn't and 0.5 to 0.7 where it is."""


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 10. `how` is "expected" (from probabilities), "digit" (from the text), "unreadable" or
    "failed" (then `value` is the cautious one); `confidence` is 1 for all probability on one digit
    and 0 for the same on each of ten: 1 less the distribution's entropy by that of chance; `firm`
    tells whether that makes an opinion."""

    value: float
    how: str
    confidence: float = 1.0
    firm: bool = True


def read_score(rubric: Rubric, completion: Completion) -> Score:
    """The score in a model's answer of one digit; 0 to 9 is stretched to 0 to 10. The less sure it
    is, the more counts what is so in general."""
    mass = sum(completion.digits.values())
    if mass >= LEAST_MASS:
        shares = {digit: p / mass for digit, p in completion.digits.items()}
        expected = sum(digit * p for digit, p in shares.items())
        entropy = -sum(p * math.log(p) for p in shares.values() if p > 0)
        confidence = max(0.0, 1 - entropy / math.log(10))
        weight = min(1.0, confidence / SURE[rubric])
        drawn = weight * expected * 10 / 9 + (1 - weight) * UNDECIDED[rubric]
        firm = confidence >= SURE[rubric]
        return Score(round(drawn, 3), "expected", round(confidence, 3), firm)
    value = value_in(completion.text)
    if value is None:
        return Score(CAUTIOUS[rubric], "unreadable")
    return Score(value, "digit")


def failed_score(rubric: Rubric) -> Score:
    """Stands for a score that was asked for and not given."""
    return Score(CAUTIOUS[rubric], "failed")


def readable(completion: Completion) -> bool:
    """Is there a score in it?"""
    mass = sum(completion.digits.values())
    return mass >= LEAST_MASS or value_in(completion.text) is not None


def value_in(text: str) -> float | None:
    """The verdict from 0 to 10 in a model's words; None where there is none.

    A terse model begins with it, a talkative one labels it or gives it last ("on this scale from
    0 to 9: 7").
    """
    text = unicodedata.normalize("NFKC", text)  # full-width digits
    if ratio := _RATIO.search(text):
        return round(min(10.0, 10 * int(ratio[1]) / int(ratio[2])), 3)
    text = _SCALE.sub(" ", text)
    found = _TERSE.match(text) or _LABELLED.search(text)
    numbers = [found[1]] if found else _NUMBER.findall(text)
    return round(min(10.0, int(numbers[-1]) * 10 / 9), 3) if numbers else None


class Verdict(StrEnum):
    """What passages say to a sentence."""

    FOLLOWS = "follows"
    CONTRADICTS = "contradicts"
    MISSING = "missing"


_VERDICT = re.compile(rf"(?:\b(\d{{1,3}})\W{{1,6}})?\b({'|'.join(Verdict)})\b", re.IGNORECASE)


def read_verdicts(text: str, count: int) -> Sequence[Verdict]:
    """The verdicts on so many sentences in a model's lines, by number, or in their order where none
    has one. What isn't said, or said twice and differently, is the cautious `MISSING`."""
    found = [(int(n) if n else 0, Verdict(word.lower())) for n, word in _VERDICT.findall(text)]
    if len(found) == count and not any(number for number, _ in found):
        return [verdict for _, verdict in found]
    said: dict[int, set[Verdict]] = {}
    for number, verdict in found:
        said.setdefault(number, set()).add(verdict)
    each = (said.get(number, set()) for number in range(1, count + 1))
    return [next(iter(one)) if len(one) == 1 else Verdict.MISSING for one in each]


class Grade(StrEnum):
    """What a judge says of an answer, held against the passage that answers."""

    RIGHT = "right"
    PARTLY = "partly"
    WRONG = "wrong"
    INVENTED = "invented"


_GRADE = re.compile(rf"\b({'|'.join(Grade)})\b", re.IGNORECASE)


def read_grade(text: str) -> Grade | None:
    """The grade in a model's words; None where it gives none, or several."""
    found = {word.lower() for word in _GRADE.findall(text)}
    return Grade(found.pop()) if len(found) == 1 else None
