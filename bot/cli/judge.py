"""`eval answers --judge`: a model grades the answers against the passages that hold the right one,
for who has no patterns; where there are some, how far both agree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.llm.llm import Llm
from bot.llm.scoring import Grade
from bot.types import Answer
from common.language import is_chinese
from knowledge.base import KnowledgeBase
from knowledge.evaluate import Labelled

SEARCHED = 50
"""Hits among which the passages of the gold pages are looked for."""

SHOWN, SHOWN_CHARS = 2, 5000
"""Passages that the judge sees, grown to so many characters in all."""


@dataclass(frozen=True, slots=True)
class Graded:
    """An answer with its grade, None where the judge gave none; `fits` is whether it holds the
    patterns, None where the question has none."""

    question: Labelled
    grade: Grade | None
    fits: bool | None


async def graded(
    answers: Sequence[tuple[Labelled, Answer]], knowledge: KnowledgeBase, llm: Llm
) -> list[Graded]:
    """Grades of answers to questions whose page is known and found. Raises LlmError."""
    found: list[Graded] = []
    for question, answer in answers:
        if not (gold := await _gold(question, knowledge)):
            continue
        chinese = is_chinese(question.question)
        grade = await llm.grade(question.question, answer.text, gold, chinese=chinese)
        fits = question.contained_in(answer.text) if question.must_contain else None
        found.append(Graded(question, grade, fits))
    return found


async def _gold(question: Labelled, knowledge: KnowledgeBase) -> str:
    hits = (await knowledge.search(question.question, SEARCHED)).passages
    gold = [hit for hit in hits if hit.path in question.gold_paths][:SHOWN]
    grown = await knowledge.expand(gold, SHOWN_CHARS) if gold else []
    return "\n\n".join(f"{one.heading}\n{one.text}" for one in grown)


def judged_figures(found: Sequence[Graded]) -> dict[str, float]:
    """The share of each grade, and the agreement with the patterns: the share of answers of which
    both say the same, and Cohen's kappa, which is 0 for what chance alone would bring."""
    counts = Counter(one.grade for one in found)
    whole = max(1, len(found))
    figures: dict[str, float] = {"judged": len(found)}
    figures |= {f"judged_{grade}": round(counts[grade] / whole, 4) for grade in Grade}
    figures["judged_unreadable"] = round(counts[None] / whole, 4)
    both = [(one.grade is Grade.RIGHT, one.fits) for one in found if one.fits is not None]
    return figures | _agreement([(right, bool(fits)) for right, fits in both])


def _agreement(both: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    if not both:
        return {"agreement": 0.0, "kappa": 0.0}
    same = sum(right == fits for right, fits in both) / len(both)
    rights, fitting = (sum(one[side] for one in both) / len(both) for side in (0, 1))
    chance = rights * fitting + (1 - rights) * (1 - fitting)
    kappa = (same - chance) / (1 - chance) if chance < 1 else 1.0
    return {"agreement": round(same, 4), "kappa": round(kappa, 4)}


def judged_row(one: Graded) -> dict[str, Any]:
    """A line for the file of grades."""
    return {
        "id": one.question.id,
        "question": one.question.question,
        "grade": one.grade,
        "patterns": one.fits,
    }
