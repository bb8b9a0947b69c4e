"""Stage 3: the passages to answer from."""

from bot.trace import stage
from bot.types import Knowledge, Question, Reason, Silence, Trace
from knowledge.types import Found


async def retrieve(
    question: Question, knowledge: Knowledge, k: int, min_evidence: float, trace: Trace
) -> Found | Silence:
    """The k best passages; Silence when the documents don't cover the question."""
    with stage(trace, "retrieve") as figures:
        found = await knowledge.search(question.text, k, question.sources)
        figures["evidence"] = round(found.evidence, 3)
        figures["min_evidence"] = min_evidence
        figures["unknown"] = list(found.unknown)
        figures["hits"] = [
            {"path": hit.path, "line": hit.line, "score": round(hit.score, 3)}
            for hit in found.passages
        ]
        if not found.passages or found.evidence < min_evidence:
            return Silence(Reason.NO_EVIDENCE)
        return found
