"""How outcomes read in a group: the text around an answer, and the line that declines."""

import re
from collections.abc import Sequence

from bot.texts.notices import notice
from bot.types import Answer, Reason, Trace
from common.language import has_letters
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
    Reason.REPEATED,
)
"""Silences that a mention is told of."""

_LINES = {
    Reason.NOT_A_QUESTION: "no_question",
    Reason.UNSAFE: "unsafe",
    Reason.REPEATED: "no_more",
}
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
    """The first words of an answer as it was posted, without what the bot put before it: a
    sentence where it has one, else its heading, else what there is."""
    lines = [line.strip() for line in _without_lead(text).splitlines() if line.strip()]
    prose = [line for line in lines if not line.startswith(("#", "```", "|"))]
    headings = [line.lstrip("# ") for line in lines if line.startswith("#")]
    said = [line for line in prose if has_letters(line)] or headings or lines or [""]
    cut = said[0][:EXCERPT_CHARS]
    return cut if cut == said[0] else f"{cut}…"


def begin_alike(text: str, other: str) -> bool:
    """Do two answers begin with the same quote, whatever the bot put before it?"""
    first, second = (_without_lead(one).partition("[1]") for one in (text, other))
    return bool(first[1]) and first[0].strip() == second[0].strip()


def _without_lead(text: str) -> str:
    for lead in LEADS:
        for chinese in (True, False):
            text = text.removeprefix(notice(lead, chinese))
    return text


def decline_text(
    trace: Trace, chinese: bool, reason: Reason = Reason.NO_EVIDENCE, *, said: str
) -> str:
    """One short line for a mention that can't be answered: what was wrong with it, or what of what
    was `said` in it the documents lack. It claims to have searched only where it has."""
    if reason in _LINES:
        return notice(_LINES[reason], chinese)
    if failed := _why_without_a_model(trace):
        return notice(_FAILED.get(failed, "model_down"), chinese)
    found: list[str] = next((entry["unknown"] for entry in trace if entry.get("unknown")), [])
    in_code = {name for entry in trace for name in entry.get("known", ())}
    found = [name for name in found if name not in in_code and name.lower() in said.lower()]
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
    SmallTalk.WRONG: "wrong",
}


def small_talk_text(
    text: str, chinese: bool, *, name: str, prefix: str, helpers: Sequence[str]
) -> str:
    """What small talk is answered with: a short line, or one of `REACTIONS`. The bot's name and
    the prefix of its commands stand in some."""
    kind = small_talk(text)
    if kind in REACTIONS:
        return REACTIONS[kind]
    if kind is SmallTalk.HUMAN and helpers:
        return notice("helpers", chinese, names=notice("comma", chinese).join(helpers))
    line = _RETURNED.get(kind, "no_helpers") if kind else "no_question"
    return notice(line, chinese, name=name, prefix=prefix)


def _why_without_a_model(trace: Trace) -> str:
    """How the model's last call failed, "" where it didn't: then nobody has really read the
    passages."""
    asked = [entry for entry in trace if entry["stage"] in _ASKED]
    return str(asked[-1]["failed"]) if asked and asked[-1]["stage"] == "llm" else ""
