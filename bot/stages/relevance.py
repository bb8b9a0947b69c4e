"""After retrieval: which passages help, by the model's score; those are given more room."""

from collections.abc import Sequence
from dataclasses import replace

from bot.llm.llm import Llm
from bot.llm.scoring import Rubric, Score
from bot.llm.tokens import estimate
from bot.trace import stage
from bot.types import Knowledge, Reason, Silence, Trace
from knowledge.split import is_chinese
from knowledge.types import Found, Passage


async def relevance(text: str, found: Found, llm: Llm, trace: Trace) -> Found | Silence:
    """The passages that help, most helpful first. A passage whose score failed counts as one that
    doesn't. Raises LlmError when all of them failed."""
    least = llm.options.thresholds.relevance
    with stage(trace, "relevance") as figures:
        scores = await helpfulness(text, found.passages, llm)
        figures["failed"] = sum(score.how == "failed" for score in scores)
        figures["scores"] = [score.value for score in scores]
        figures["at_least"] = least
        ranked = sorted(zip(scores, found.passages, strict=True), key=lambda pair: -pair[0].value)
        kept = tuple(passage for score, passage in ranked if score.value >= least)
        return replace(found, passages=kept) if kept else Silence(Reason.NO_EVIDENCE)


async def helpfulness(text: str, passages: Sequence[Passage], llm: Llm) -> list[Score]:
    """How well each passage helps to answer. Raises LlmError when all scores failed."""
    shown = [f"{passage.heading}\n{passage.text}" for passage in passages]
    return await llm.score_each(
        Rubric.RELEVANCE, "passage", shown, chinese=is_chinese(text), question=text
    )


async def widened(found: Found, knowledge: Knowledge, llm: Llm, trace: Trace) -> Sequence[Passage]:
    """The passages grown to sections and pages, as far as the model's context goes."""
    with stage(trace, "widen") as figures:
        held = "".join(passage.text for passage in found.passages)
        per_token = max(1.0, len(held) / max(1, estimate(held)))
        most = int(llm.evidence_tokens() * per_token)
        passages = _within(await knowledge.widen(found.passages, most), most)
        figures["passages"] = len(passages)
        figures["chars"] = sum(len(passage.text) for passage in passages)
        figures["at_most"] = most
        return passages


def _within(passages: Sequence[Passage], most: int) -> Sequence[Passage]:
    """The first passages that fit, and the best one in any case: only what the model will see
    may be cited."""
    kept: list[Passage] = []
    for passage in passages:
        most -= len(passage.text)
        if kept and most < 0:
            break
        kept.append(passage)
    return kept
