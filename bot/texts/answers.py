"""How outcomes read in a group: the text around an answer, and the line that declines."""

import re
from collections.abc import Sequence

from bot.texts.notices import notice
from bot.types import Answer, Reason, Trace
from common.small_talk import SmallTalk, small_talk

_REPEATABLE = re.compile(r"(?!https?$|www$)[\w+-]+(?:\.\d+)*", re.IGNORECASE)
"""A name that the bot may repeat: no address, which a platform would turn into a link."""

EXCERPT_CHARS = 80

LEADS = ("nearest", "from_code", "from_web", "from_both")
"""Lines that the bot puts above an answer."""

DECLINED = (
    Reason.NOT_A_QUESTION,
    Reason.OFF_TOPIC,
    Reason.NO_EVIDENCE,
    Reason.UNGROUNDED,
    Reason.UNSURE,
    Reason.UNSAFE,
)
"""Silences that a mention is told of."""

_LINES = {Reason.NOT_A_QUESTION: "no_question", Reason.UNSAFE: "unsafe"}
"""The lines of silences that say nothing about the documents."""

_FAILED = {"Overdue": "model_slow", "Spent": "model_spent"}
"""The lines for calls that failed in some way; else the model can't be reached."""

_ASKED = ("intent", "relevance", "llm")
"""Stages that ask the model before an answer is written; "llm" stands for a call that failed."""


def answer_text(answer: Answer, chinese: bool) -> str:
    """The answer as it is posted; says so when it is only the nearest passage, or stands in no
    document of ours."""
    lead = lead_of(answer)
    text = f"{notice(lead, chinese)}\n\n{answer.text}" if lead else answer.text
    return f"{text}\n\n{notice('picture_seen', chinese)}" if answer.pictures else text


def lead_of(answer: Answer) -> str:
    """The name of the line above an answer, "" for none."""
    origins = {citation.origin for citation in answer.citations}
    if not origins or "documents" in origins:
        return "" if answer.exact else "nearest"
    if origins == {"code"}:
        return "from_code"
    return "from_both" if "code" in origins else "from_web"


def excerpt(text: str) -> str:
    """The first words of an answer as it was posted, without what the bot put before it."""
    for lead in LEADS:
        for chinese in (True, False):
            text = text.removeprefix(notice(lead, chinese))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("#", "```"))] or lines or [""]
    return said[0][:EXCERPT_CHARS]


def decline_text(trace: Trace, chinese: bool, reason: Reason = Reason.NO_EVIDENCE) -> str:
    """One short line for a mention that can't be answered: what was wrong with it, or what the
    documents lack. It claims to have searched only where it has."""
    if reason in _LINES:
        return notice(_LINES[reason], chinese)
    if failed := _why_without_a_model(trace):
        return notice(_FAILED.get(failed, "model_down"), chinese)
    found: list[str] = next((entry["unknown"] for entry in trace if entry.get("unknown")), [])
    in_code = {name for entry in trace for name in entry.get("known", ())}
    found = [name for name in found if name not in in_code]
    unknown = [name for name in found if _REPEATABLE.fullmatch(name)]
    # Where an address stands in the message, its parts are no names to speak of.
    if unknown and len(unknown) == len(found):
        names = notice("comma", chinese).join(unknown[:3])
        return notice("unknown_names", chinese, names=names)
    return notice("unknown", chinese)


REACTIONS = {SmallTalk.PRAISE: "🙏", SmallTalk.OK: "👌"}
"""Small talk that no words need follow."""

_RETURNED = {
    SmallTalk.WHO: "who",
    SmallTalk.THANKS: "thanks",
    SmallTalk.BYE: "bye",
    SmallTalk.HELLO: "hello",
}


def small_talk_text(text: str, chinese: bool, name: str, helpers: Sequence[str]) -> str:
    """What small talk is answered with: a short line, or one of `REACTIONS`."""
    kind = small_talk(text)
    if kind in REACTIONS:
        return REACTIONS[kind]
    if kind is SmallTalk.HUMAN and helpers:
        return notice("helpers", chinese, names=notice("comma", chinese).join(helpers))
    return notice(_RETURNED.get(kind, "no_helpers") if kind else "no_question", chinese, name=name)


def _why_without_a_model(trace: Trace) -> str:
    """How the model's last call failed, "" where it didn't: then nobody has really read the
    passages."""
    asked = [entry for entry in trace if entry["stage"] in _ASKED]
    return str(asked[-1]["failed"]) if asked and asked[-1]["stage"] == "llm" else ""
