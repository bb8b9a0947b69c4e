"""Stage 5: nothing leaves that the sources don't say, and nothing that could do harm.

Documents are written by others: what they hold must not mention people or hide where a link
leads, whatever platform the answer is posted to.
"""

import re

from adapters.base import Citation
from bot.grounding.markup import SPAN, is_closed, parts
from bot.stages.answer import Draft
from bot.trace import stage
from bot.types import Answer, Outcome, Reason, Silence, Trace
from knowledge.types import Found, Quote

_ADDRESS = r"\([^)\s]{0,2000}(?:\s[^)\n]{0,500})?\)"
_IMAGE = re.compile(rf"!\[([^\[\]]{{0,500}})\]{_ADDRESS}")
_LINK = re.compile(rf"\[([^\[\]]{{1,500}})\]{_ADDRESS}")
_LINK_LEFT = re.compile(r"\](?=\(\s*<?(?:[a-z][a-z0-9+.-]*:|//|www\.))", re.IGNORECASE)
_AT_TAG = re.compile(r"<(/?)(at\b|font\b|button\b|a\b|@)", re.IGNORECASE)
_AT = re.compile(r"(?<![A-Za-z0-9_])[@＠﹫](?=\w)")
"""Chinese has no space before a mention. In `user@host` it is none."""

_AT_IN_CODE = re.compile(
    r"(?<![A-Za-z0-9_])[@＠﹫](?=(?:all|everyone|here|channel)(?![\w.-])|[\u4e00-\u9fff])",
    re.IGNORECASE,
)
_TAG_IN_CODE = re.compile(r"<(?=/?at[\s>]|@)", re.IGNORECASE)
"""What mentions even where a client doesn't take it for code; decorators and `x@main` stay."""


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


def harmless(text: str) -> str:
    """Text without hidden link targets, images, platform tags and mentions of people or of all.

    Code can be copied as it is: it is shown, not interpreted. What is code only for some readers,
    an open block or the line of a fence, counts as text.
    """
    return "".join(
        _block(part) if is_code and is_closed(part) else _prose(part)
        for part, is_code in parts(text)
    )


def _block(text: str) -> str:
    fence, _, code = text.partition("\n")
    return f"{_plain(fence)}\n{_code(code)}"


def _prose(text: str) -> str:
    pieces = enumerate(SPAN.split(text))
    return "".join(_code(piece) if index % 2 else _plain(piece) for index, piece in pieces)


def _code(text: str) -> str:
    return _AT_IN_CODE.sub("@\u200b", _TAG_IN_CODE.sub("‹", text))


def _plain(text: str) -> str:
    text = _IMAGE.sub(r"\1", text)
    text = _LINK_LEFT.sub("] ", _LINK.sub(r"\1", text))
    text = _AT_TAG.sub(r"‹\1\2", text)
    return _AT.sub("@\u200b", text)
