"""Several questions in one message: told apart where that is clear, answered one by one.

`split_questions` errs on the side of one question: what points back to the question before it, or
says too little to be looked up by itself, stays with it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.answering.heuristics import is_question
from bot.grounding.markdown import renumbered
from bot.texts.answers import lead_of
from bot.texts.notices import notice
from bot.types import Answer, Outcome
from common.language import chinese_characters, is_chinese
from common.small_talk import without_openers

MOST = 4
"""Questions that are told apart; a longer list is taken as one, as it always was."""

MIN_ROOM = 150
"""Characters of an answer below which a question gets none of its own."""

OPEN_CHARS, NUMBER_CHARS = 80, 60
"""Room for the line about what stays open, and for a number and the line above an answer."""

_MIN_CHINESE, _MIN_ENGLISH, _MIN_ITEM = 6, 10, 4
"""How much a question says that can be looked up by itself: a Chinese character counts 1, a Latin
word 2. The item of a list needs to say less."""

_CODE = re.compile(r"```|^Traceback|^\s+(?:File \"|at )", re.MULTILINE)
_ITEM = re.compile(
    r"^[ \t]*(?:[(（]?(?:\d{1,2}|[一二三四五六七八九十])[)）.、:：]|[-*•])(?!\d)[ \t]*(?=\S)"
)
_ENDS = re.compile(r"(?<=[?？])[\s?？!！]*|(?<=[。.!！\n])\s+|(?<=[。！\n])")
_POINTS_BACK = re.compile(
    r"^(?:那|这|是|它|他|其|如果|然后|还是|还要|是不是|是否|或者|不然|否则|要不|为什么[?？]|怎么办"
    r"|(?:and then|then|or|if|but|is it|does it|do they|are they|it|that|this|these|those|they)\b)"
    r"|[它其]|这个|那个|这样|那样|上面|前面|\b(?:it|its|them|they|this|that|those|these)\b",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(r"问题|想问|请问|请教|疑问|question|ask|know", re.IGNORECASE)
_LATIN = re.compile(r"[A-Za-z0-9][\w.'-]*", re.ASCII)


def split_questions(text: str) -> tuple[str, ...]:
    """The questions of a message, in its words and order; the message itself as the only one where
    it is not clearly several. What is said before a question stays with it."""
    said = without_openers(text)
    if not _CODE.search(said):
        parts = _listed(said) or _in_sentences(said)
        if 1 < len(parts) <= MOST:
            return parts
    return (text,)


def _listed(text: str) -> tuple[str, ...]:
    """The items of a list; what is said above it is for all of them, or announces it."""
    lines = [line for line in text.splitlines() if line.strip()]
    first = next((n for n, line in enumerate(lines) if _ITEM.match(line)), len(lines))
    items = lines[first:]
    if not items or not all(_ITEM.match(line) for line in items) or first > 1:
        return ()
    announced = first == 1 and _ANNOUNCED.search(lines[0]) is not None
    if first and not announced:
        return ()
    found = tuple(_ITEM.sub("", line).strip() for line in items)
    clear = all(announced or is_question(item) for item in found)
    return found if clear and all(_stands_alone(item, _MIN_ITEM) for item in found) else ()


def _in_sentences(text: str) -> tuple[str, ...]:
    """What ends in a question mark, with what is said before it; what comes last without a mark
    belongs to the last one."""
    parts: list[str] = []
    before = ""
    text = "\n".join(_ITEM.sub("", line) for line in text.splitlines())
    for sentence in filter(str.strip, _ENDS.split(text)):
        asks = sentence.rstrip().endswith(("?", "？"))
        whole = f"{before} {sentence.strip()}".strip()
        if not asks:
            before = whole
        elif parts and not _stands_alone(sentence):
            parts[-1], before = f"{parts[-1]} {whole}", ""
        else:
            parts.append(whole)
            before = ""
    if before and parts:
        parts[-1] = f"{parts[-1]} {before}"
    return tuple(parts) if all(map(_stands_alone, parts)) else ()


def _stands_alone(part: str, least: int | None = None) -> bool:
    said = without_openers(part).strip()
    weight = chinese_characters(said) + 2 * len(_LATIN.findall(said))
    least = least or (_MIN_CHINESE if is_chinese(said) else _MIN_ENGLISH)
    return weight >= least and not _POINTS_BACK.search(said)


def room_for_each(count: int, max_chars: int) -> int:
    """The length of each of so many answers in one message; 0 where there is too little room."""
    room = (max_chars - OPEN_CHARS) // count - NUMBER_CHARS
    return room if room >= MIN_ROOM else 0


def joined(outcomes: Mapping[int, Outcome], chinese: bool) -> Answer | None:
    """The outcomes of questions, by their number in the message, as one answer: each below its
    number, for what others wrote is not repeated, with the sources numbered through, and what
    stays open. None where nothing is answered."""
    answers = {n: answer for n, answer in outcomes.items() if isinstance(answer, Answer)}
    if not answers:
        return None
    cited = list(dict.fromkeys(c for answer in answers.values() for c in answer.citations))
    numbers = {citation: number for number, citation in enumerate(cited, 1)}
    whole = Answer(
        "",
        tuple(cited),
        exact=any(answer.exact for answer in answers.values()),
        pictures=max(answer.pictures for answer in answers.values()),
    )
    below: dict[str, list[str]] = {}  # the same text is said once
    for n, answer in answers.items():
        text = renumbered(answer.text, {i: numbers[c] for i, c in enumerate(answer.citations, 1)})
        lead = lead_of(answer)
        own = f"{notice(lead, chinese)}\n\n" if lead and lead != lead_of(whole) else ""
        below.setdefault(f"{own}{text}", []).append(str(n))
    comma = notice("comma", chinese)
    said = [f"**{comma.join(asked)}.**\n\n{text}" for text, asked in below.items()]
    if left := [str(n) for n in outcomes if n not in answers]:
        said.append(notice("left_open", chinese, numbers=comma.join(left)))
    return replace(whole, text="\n\n".join(said))
