"""Stage 2: the gate. Most of a group's messages end here."""

from bot.search.elsewhere import Elsewhere
from bot.trace import stage
from bot.types import Knowledge, Question, Reason, Silence, Trace


async def reject(
    question: Question, knowledge: Knowledge, elsewhere: Elsewhere | None, trace: Trace
) -> Silence | None:
    """Silence for what is too far from the documents; a mention is let through more easily, and
    in any case where it calls the project by name and more than the documents can be searched."""
    with stage(trace, "reject") as figures:
        verdict = await knowledge.judge(
            question.text, mention=question.mention, sources=question.sources
        )
        figures["score"] = round(verdict.score, 4)
        figures["threshold"] = round(verdict.threshold, 4)
        figures["accept"] = verdict.accept
        if not verdict.accept and question.mention and elsewhere:
            figures["accept"] = figures["named"] = elsewhere.is_named_in(question.text)
        return None if figures["accept"] else Silence(Reason.OFF_TOPIC)
