"""After the gate: is it a real question, and is it harmless? Two scores, at once."""

from bot.llm.llm import Llm, all_of
from bot.llm.scoring import Rubric
from bot.trace import stage
from bot.types import Reason, Silence, Trace
from knowledge.split import is_chinese

MENTION_SHARE = 0.5
"""A mention asks by being one: its score must reach this share of the threshold, which parts a
clumsy question or a bare error message from greetings and small talk."""


async def intent(text: str, llm: Llm, trace: Trace, *, mention: bool = False) -> Silence | None:
    """Silence for what is no question to answer. Raises LlmError."""
    limits, chinese = llm.options.thresholds, is_chinese(text)
    least = limits.question * (MENTION_SHARE if mention else 1.0)
    with stage(trace, "intent") as figures:
        question, unsafe = await all_of(
            [
                llm.score(Rubric.QUESTION, chinese=chinese, message=text),
                llm.score(Rubric.UNSAFE, chinese=chinese, message=text),
            ]
        )
        figures |= {"question": question.value, "at_least": least}
        figures |= {"unsafe": unsafe.value, "below": limits.unsafe_question}
        figures["how"] = question.how
        if unsafe.value >= limits.unsafe_question:
            return Silence(Reason.UNSAFE)
        if question.value < least:
            return Silence(Reason.NOT_A_QUESTION)
        return None
