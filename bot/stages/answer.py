"""Stage 4: the draft. Without a language model it is quoted, never a word of our own."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.trace import stage
from bot.types import Knowledge, Trace
from knowledge.types import Found, Quote


@dataclass(frozen=True, slots=True)
class Draft:
    """Quotes in the order in which they will be shown."""

    quotes: Sequence[Quote]


async def answer(
    text: str, found: Found, knowledge: Knowledge, max_chars: int, trace: Trace
) -> Draft:
    """Cuts the best stretches out of the passages, at most `max_chars` characters in all."""
    with stage(trace, "answer") as figures:
        quotes = await knowledge.quote(text, found.passages, max_chars)
        figures["kind"] = "quoted"
        figures["quotes"] = len(quotes)
        figures["chars"] = sum(len(quote.text) for quote in quotes)
        return Draft(quotes)
