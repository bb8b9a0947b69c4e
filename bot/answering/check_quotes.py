"""Stage 5: nothing leaves that the sources don't say, and nothing that could do harm.

Documents are written by others: what they hold must not mention people or hide where a link
leads, whatever platform the answer is posted to.
"""

from adapters.base import Citation
from bot.answering.answer import Draft
from bot.grounding.sanitize import harmless
from bot.types import Answer, Outcome, Reason, Silence, Trace, stage
from knowledge.types import Found, Quote


def check(draft: Draft, found: Found, sure_evidence: float, trace: Trace) -> Outcome:
    """The answer to post, with its citations; Silence when nothing quoted stands in a source."""
    with stage(trace, "check") as figures:
        grounded = [quote for quote in draft.quotes if is_grounded(quote)]
        figures["grounded"] = len(grounded)
        figures["dropped"] = len(draft.quotes) - len(grounded)
        if not grounded:
            return Silence(Reason.UNGROUNDED)
        figures["exact"] = found.evidence >= sure_evidence
        text = "\n\n".join(_numbered(quote.text, n) for n, quote in enumerate(grounded, start=1))
        citations = tuple(map(_citation, grounded))
        return Answer(text, citations, exact=bool(figures["exact"]))


def _citation(quote: Quote) -> Citation:
    source = quote.passage
    return Citation(source.path, quote.heading, quote.line, source.url, source.origin)


def _numbered(text: str, number: int) -> str:
    """A quote with its citation mark: behind the last word, or below a code block or table."""
    shown = harmless(text).strip()
    return f"{shown}\n[{number}]" if shown.endswith(("```", "|")) else f"{shown} [{number}]"


def is_grounded(quote: Quote) -> bool:
    """Every line of the quote stands in its passage."""
    lines = [line.strip() for line in quote.text.splitlines()]
    source = {line.strip() for line in quote.passage.text.splitlines()} | {"", "…", "```"}
    body = quote.passage.text
    return bool(quote.text.strip()) and all(line in source or line in body for line in lines)
