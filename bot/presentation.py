"""How outcomes read in a group: the text around an answer, and the line that declines."""

from bot.notices import notice
from bot.types import Answer, Reason, Trace

DECLINED = (
    Reason.NOT_A_QUESTION,
    Reason.OFF_TOPIC,
    Reason.NO_EVIDENCE,
    Reason.UNGROUNDED,
    Reason.UNSURE,
    Reason.UNSAFE,
)
"""Silences that a mention is told of."""


def answer_text(answer: Answer, chinese: bool) -> str:
    """The answer as it is posted; says so when it is only the nearest passage."""
    if answer.exact:
        return answer.text
    return f"{notice('nearest', chinese)}\n\n{answer.text}"


def decline_text(trace: Trace, chinese: bool) -> str:
    """One short line for a mention that can't be answered, naming what the documents lack."""
    unknown: list[str] = next((entry["unknown"] for entry in trace if entry.get("unknown")), [])
    if unknown:
        names = ("、" if chinese else ", ").join(unknown[:3])
        return notice("unknown_names", chinese, names=names)
    return notice("unknown", chinese)
