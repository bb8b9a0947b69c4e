"""What was said in a group before a question, and what its messages say now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.base import MAX_PICTURES, IncomingMessage
from adapters.contract import Adapter
from bot.answering.heuristics import leans
from bot.group.command_parser import parse_command
from bot.group.types import GroupOptions
from bot.store.store import Store
from bot.texts.notices import speaks_chinese
from bot.types import Question, Reason, Turn, joined_texts
from common.language import has_letters, is_chinese
from common.small_talk import small_talk

ROWS = 40
SECONDS = 1800.0
"""How far back a question's history reaches: so many messages, so many seconds."""

LEADS, LEAD_S, LEAD_CHARS = 3, 180.0, 500
"""What somebody wrote just before: so many messages, within so many seconds, of each so much."""

OPEN = (None, Reason.OFF_TOPIC, Reason.NOT_A_QUESTION)
"""What is not decided, or came to nothing by itself, may have been the beginning of something."""

IN_VAIN = (
    Reason.NO_EVIDENCE,
    Reason.UNSURE,
    Reason.COOLDOWN,
    Reason.BUDGET,
    Reason.LLM_DOWN,
    Reason.NOT_MENTIONED,
)
"""What got no answer because nobody had called the bot."""

FRESH_S = 2.0
"""What was read so lately is not looked at again. Before that it is: a message may have been
changed or taken back without the platform telling, above all in its first seconds."""


async def in_context(question: Question, store: Store) -> Question:
    """The question with what was said in its group lately."""
    first = question.messages[0]
    rows = await store.messages(first.adapter, first.group, None, ROWS)
    return replace(question, history=turns_before(question, rows, first.sent_at - SECONDS))


async def with_pictures(question: Question, adapters: Mapping[str, Adapter]) -> Question:
    """The question with the pictures of its messages, the first ones."""
    adapter = adapters.get(question.last.adapter)
    shown = [message for message in question.messages if "image" in message.attachments]
    if adapter is None or not shown:
        return question
    found = [picture for message in shown for picture in await adapter.pictures(message)]
    return replace(question, pictures=tuple(found[:MAX_PICTURES]))


async def with_what_it_leans_on(question: Question, store: Store, prefix: str) -> Question:
    """The question, if it asks something that was begun before, with that: what it replies to (for
    a reply to the bot the question that was answered) and what its author wrote just before.
    Commands, which begin with `prefix`, are nothing to lean on. Nor is, unprompted, what was more
    than left alone: "lunch?" after a question would get that one's answer once more. Who only calls
    the bot asks just that: what the call replies to, or what its author asked before in vain."""
    calls = question.mention and not has_letters(question.text)
    if not calls and not leans(question.text, mention=question.mention):
        return question
    quoted = await _replied_to(question, store)
    if calls:
        said = [] if quoted else await _said_before(question, store, prefix, (*OPEN, *IN_VAIN))
        asked = [*quoted, *(text for text in said if small_talk(text) is None)]
        return replace(question, text="\n".join(asked) or question.text)
    said = await _said_before(question, store, prefix, None if question.mention else OPEN)
    return replace(question, before=tuple(dict.fromkeys((*quoted, *said))))


async def _replied_to(question: Question, store: Store) -> Sequence[str]:
    """The questions that its messages reply to, or whose answers."""
    own = {message.message_id for message in question.messages}
    quoted = []
    for message in question.messages:
        if message.reply_to and message.reply_to not in own:
            found = await store.question_of(message.adapter, message.reply_to)
            if found and found.group == message.group and found.text.strip():
                quoted.append(found.text[-LEAD_CHARS:])
    return quoted


async def _said_before(
    question: Question, store: Store, prefix: str, reasons: Sequence[Reason | None] | None
) -> Sequence[str]:
    """What its author wrote just before, where it was decided so, or however it was."""
    first = question.messages[0]
    own = {message.message_id for message in question.messages}
    since = first.sent_at - LEAD_S
    rows = await store.said_lately(*question.group, first.user, since, first.sent_at, ROWS)
    said = [
        row["text"]
        for row in rows
        if row["message_id"] not in own
        and (reasons is None or row["reason"] in reasons)
        and parse_command(row["text"], prefix) is None
    ]
    return [text[-LEAD_CHARS:] for text in said[-LEADS:] if text.strip()]


async def chinese_is_spoken(
    message: IncomingMessage, text: str, language: str, store: Store
) -> bool | None:
    """In which language a text is answered: `bot.language`, or for "auto" its own; for one without
    a letter, such as a sticker, that of its group. None where nobody has said a word there."""
    if language != "auto" or has_letters(text):
        return speaks_chinese(language, text)
    rows = await store.messages(message.adapter, message.group, None, ROWS)
    said = [row["text"] for row in rows if row["kind"] == "message" and has_letters(row["text"])]
    return speaks_chinese(language, said[-1]) if said else None


async def command_in_chinese(message: IncomingMessage, options: GroupOptions, store: Store) -> bool:
    """Is a command to be answered in Chinese? The prefix is no language: without a Chinese word it
    is that of its sender's last words in the group, or else of anybody's."""
    if options.language != "auto" or is_chinese(message.text):
        return speaks_chinese(options.language, message.text)
    said = [
        row
        for row in await store.messages(message.adapter, message.group, None, ROWS)
        if row["kind"] == "message"
        and has_letters(row["text"])
        and parse_command(row["text"], options.command_prefix) is None
    ]
    heard = [row for row in said if row["user"] == message.user] or said
    return bool(heard) and is_chinese(heard[-1]["text"])


def turns_before(
    question: Question, rows: Sequence[Mapping[str, Any]], since: float
) -> tuple[Turn, ...]:
    """What people and the bot said before a question and after a time, oldest first.

    `rows` are those of the history (see `adapters.contract.History`): recalled ones, the bot's
    short notices and the question itself are left out.
    """
    own = {message.message_id for message in question.messages}
    asked = {row["message_id"] for row in rows if row["user"] == question.last.user}
    return tuple(
        Turn(row["user"], row["text"], to_asker=row["user"] is None and row["reply_to"] in asked)
        for row in rows
        if row["kind"] in ("message", "answer")
        and row["message_id"] not in own
        and not row["recalled"]
        and row["text"].strip()
        and since <= row["sent_at"] <= question.messages[0].sent_at
    )


async def as_it_is_now(
    question: Question, adapters: Mapping[str, Adapter], store: Store, now: float
) -> Question | None:
    """The question as its messages stand in the group now, and in the store from now on; the same
    object when nothing has changed, None when all of it was taken back."""
    adapter = adapters.get(question.last.adapter)
    if adapter is None:
        return question
    current = []
    for message in question.messages:
        fresh = await adapter.reread(message)
        if fresh is None:
            await store.recall_message(message.adapter, message.message_id, now)
            continue
        current.append(fresh)
        if fresh.text != message.text:
            await store.edit_message(message.adapter, message.message_id, fresh.text)
    texts = [message.text for message in current]
    if texts == [message.text for message in question.messages]:
        return question
    if not current:
        return None
    text = joined_texts(texts)
    return replace(question, text=text, messages=tuple(current))
