"""What WeCom's callbacks mean. Pure: a payload in, an event or None out.

Everything that arrives speaks to the bot: WeCom delivers nothing else.
"""

import re
from typing import Any

from adapters.base import EVERYBODY, Event, Feedback, IncomingMessage, Vote
from adapters.markup import with_quote
from adapters.payload import Json, inside, number, objects, text

SINGLE = "user:"
"""What the group's name of a private chat begins with; the user's id follows."""

_EARLY_S = 86400.0
"""A time that lies further ahead than a clock may be wrong is no time."""


_VOTES = {1: Vote.HELPFUL, 2: Vote.UNHELPFUL, 3: Vote.NONE}
_TOKEN = re.compile(r"[@＠]\S{1,64}\s+")
_ALL = re.compile(r"[@＠](?:所有人|all)(?=\s|$)\s*", re.IGNORECASE)


def parse(body: Json, adapter: str, bot_name: str, now: float) -> Event | None:
    """The event that the body of a callback tells of; None for what is nobody's or malformed."""
    user, group = user_of(body), group_of(body)
    if not user or not group or text(body, "from", "userid") == text(body, "aibotid"):
        return None
    if text(body, "msgtype") == "event":
        return _feedback(body, adapter, group, user, now)
    return _message(body, adapter, group, user, bot_name, now)


def group_of(body: Json) -> str:
    """The chat's id; for a private chat one from which `target` tells whom to push to."""
    chat, user = text(body, "chatid"), text(body, "from", "userid")
    kind = text(body, "chattype") or ("group" if chat else "single")
    if kind == "group":
        return chat
    return f"{SINGLE}{user}" if kind == "single" and user else ""


def user_of(body: Json) -> str:
    """Who it is; somebody of another company is never taken for one of ours."""
    user, company = text(body, "from", "userid"), text(body, "from", "corpid")
    return f"{company}/{user}" if user and company else user


def target(group: str) -> dict[str, Any]:
    """Where a push has to go so that it stands in this group."""
    if group.startswith(SINGLE):
        return {"chatid": group.removeprefix(SINGLE), "chat_type": 1}
    return {"chatid": group, "chat_type": 2}


def message_id(body: Json) -> str:
    """For the log."""
    return text(body, "msgid") or "without an id"


def without_mention(said: str, name: str) -> str:
    """A group's text without the bot's name at its beginning or its end, once.

    WeCom sends mentions as they were typed. Where the name is another one than ours, the first
    "@somebody " must be the bot all the same.
    """
    said = said.strip()
    if (rest := _cut_name(said, name)) is not None:
        return rest
    token = _TOKEN.match(said)
    if token is None:
        return said
    rest = said[token.end() :].strip()
    return rest if (shorter := _cut_name(rest, name)) is None else shorter


def _cut_name(said: str, name: str) -> str | None:
    if not name:
        return None
    at = rf"[@＠]\s?{re.escape(name)}"
    # A name in Latin letters must not go on with one: "@bottle" is not "@bot".
    border = r"(?![A-Za-z0-9_-])" if name[-1].isascii() and name[-1].isalnum() else ""
    if found := re.match(f"{at}{border}[:：,，]?", said, re.IGNORECASE):
        return said[found.end() :].strip()
    if found := re.search(rf"(?:^|\s){at}$", said, re.IGNORECASE):
        return said[: found.start()].strip()
    return None


def _message(
    body: Json, adapter: str, group: str, user: str, bot_name: str, now: float
) -> IncomingMessage | None:
    msgid = text(body, "msgid")
    if not msgid or not text(body, "msgtype"):
        return None
    said, attachments = _content(body)
    mentions: tuple[str, ...] = ()
    if not group.startswith(SINGLE):
        said = without_mention(said, bot_name)
        if found := _ALL.match(said):
            said, mentions = said[found.end() :], (EVERYBODY,)
    said = said.strip()
    if quote := inside(body, "quote"):
        cited, shown = _content(quote)
        attachments += shown
        said = with_quote(said, cited)
    return IncomingMessage(
        adapter=adapter,
        group=group,
        user=user,
        message_id=msgid,
        text=said,
        sent_at=_time(body, now),
        mention=True,
        attachments=attachments,
        mentions=mentions,
    )


def _content(part: Json) -> tuple[str, tuple[str, ...]]:
    """The text of a message or of what it quotes, and what else there is."""
    match text(part, "msgtype"):
        case "text":
            return text(part, "text", "content"), ()
        case "voice":
            said = text(part, "voice", "content")  # WeCom writes down what was said
            return said, () if said.strip() else ("voice",)
        case "mixed":
            items = objects(part, "mixed", "msg_item")
            contents = [_content(item) for item in items if text(item, "msgtype") != "mixed"]
            texts = [said.strip() for said, _ in contents if said.strip()]
            return "\n".join(texts), tuple(kind for _, kinds in contents for kind in kinds)
        case kind:
            return "", (kind[:32],) if kind else ()


def _feedback(body: Json, adapter: str, group: str, user: str, now: float) -> Feedback | None:
    event = inside(body, "event")
    if text(event, "eventtype") != "feedback_event":
        return None
    given = inside(event, "feedback_event") or inside(event, "feedback")
    reply_id, vote = text(given, "id"), _VOTES.get(int(number(given, "type")))
    if not reply_id or vote is None:
        return None
    return Feedback(adapter, group, reply_id, user, vote, _time(body, now))


def _time(body: Json, now: float) -> float:
    sent = number(body, "create_time")
    return sent if 0 < sent < now + _EARLY_S else now
