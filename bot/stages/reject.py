"""Stage 2: the gate. Most of a group's messages end here."""

from bot.trace import stage
from bot.types import Knowledge, Question, Reason, Silence, Trace


async def reject(question: Question, knowledge: Knowledge, trace: Trace) -> Silence | None:
    """Silence for what is too far from the documents; a mention is let through more easily."""
    with stage(trace, "reject") as figures:
        verdict = await knowledge.judge(
            question.text, mention=question.mention, sources=question.sources
        )
        figures["score"] = round(verdict.score, 4)
        figures["threshold"] = round(verdict.threshold, 4)
        figures["accept"] = verdict.accept
        return None if verdict.accept else Silence(Reason.OFF_TOPIC)
