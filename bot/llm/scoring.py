"""Scores from 0 to 10 by one generated digit: the expected value of its distribution.

The paper (arXiv 2401.08772) asks the model for a number and reads it; with the probabilities of
all digits one token gives a graded score.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.llm.types import Completion

LEAST_MASS = 0.5
"""Digits must hold this share of the first token's probability, else the text is parsed."""

_NUMBER = re.compile(r"(?<![\d.])(10|\d)(?![\d.]*\d)")


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


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 10. `how` is "expected" (from probabilities), "digit" (from the text) or "unreadable"
    (then `value` is the cautious one)."""

    value: float
    how: str


def read_score(rubric: Rubric, completion: Completion) -> Score:
    """The score in a model's answer of one digit; 0 to 9 is stretched to 0 to 10."""
    mass = sum(completion.digits.values())
    if mass >= LEAST_MASS:
        expected = sum(digit * p for digit, p in completion.digits.items()) / mass
        return Score(round(expected * 10 / 9, 3), "expected")
    numbers = _NUMBER.findall(completion.text)
    if not numbers:
        return Score(CAUTIOUS[rubric], "unreadable")
    # A talkative model gives its verdict last ("on this scale from 0 to 9: 7"), a terse one only.
    number = int(numbers[-1])
    return Score(round(min(10.0, number * 10 / 9), 3), "digit")
