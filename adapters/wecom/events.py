"""What WeCom's callbacks mean. Pure: a payload in, an event or None out.

Everything that arrives speaks to the bot: WeCom delivers nothing else.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.base import EVERYBODY, Event, Feedback, IncomingMessage, Vote

SINGLE = "user:"
"""What the group's name of a private chat begins with; the user's id follows."""

MAX_QUOTE = 2000
"""So many characters of what a message quotes belong to the question."""

_EARLY_S = 86400.0
"""A time that lies further ahead than a clock may be wrong is no time."""


_VOTES = {1: Vote.HELPFUL, 2: Vote.UNHELPFUL, 3: Vote.NONE}
_TOKEN = re.compile(r"[@＠]\S{1,64}\s+")
_ALL = re.compile(r"[@＠](?:所有人|all)(?=\s|$)\s*", re.IGNORECASE)


def parse(body: Mapping[str, Any], adapter: str, bot_name: str, now: float) -> Event | None:
    """The event that the body of a callback tells of; None for what is nobody's or malformed."""
    user, group = user_of(body), group_of(body)
    if not user or not group or _string(body, "from", "userid") == _string(body, "aibotid"):
        return None
    if _string(body, "msgtype") == "event":
        return _feedback(body, adapter, group, user, now)
    return _message(body, adapter, group, user, bot_name, now)


def group_of(body: Mapping[str, Any]) -> str:
    """The chat's id; for a private chat one from which `target` tells whom to push to."""
    chat, user = _string(body, "chatid"), _string(body, "from", "userid")
    kind = _string(body, "chattype") or ("group" if chat else "single")
    if kind == "group":
        return chat
    return f"{SINGLE}{user}" if kind == "single" and user else ""


def user_of(body: Mapping[str, Any]) -> str:
    """Who it is; somebody of another company is never taken for one of ours."""
    user, company = _string(body, "from", "userid"), _string(body, "from", "corpid")
    return f"{company}/{user}" if user and company else user


def target(group: str) -> dict[str, Any]:
    """Where a push has to go so that it stands in this group."""
    if group.startswith(SINGLE):
        return {"chatid": group.removeprefix(SINGLE), "chat_type": 1}
    return {"chatid": group, "chat_type": 2}


def message_id(body: Mapping[str, Any]) -> str:
    """For the log."""
    return _string(body, "msgid") or "without an id"


def without_mention(text: str, name: str) -> str:
    """A group's text without the bot's name at its beginning or its end, once.

    WeCom sends mentions as they were typed. Where the name is another one than ours, the first
    "@somebody " must be the bot all the same.
    """
    text = text.strip()
    if (rest := _cut_name(text, name)) is not None:
        return rest
    token = _TOKEN.match(text)
    if token is None:
        return text
    rest = text[token.end() :].strip()
    return rest if (shorter := _cut_name(rest, name)) is None else shorter


def _cut_name(text: str, name: str) -> str | None:
    if not name:
        return None
    at = rf"[@＠]\s?{re.escape(name)}"
    # A name in Latin letters must not go on with one: "@bottle" is not "@bot".
    border = r"(?![A-Za-z0-9_-])" if name[-1].isascii() and name[-1].isalnum() else ""
    if found := re.match(f"{at}{border}[:：,，]?", text, re.IGNORECASE):
        return text[found.end() :].strip()
    if found := re.search(rf"(?:^|\s){at}$", text, re.IGNORECASE):
        return text[: found.start()].strip()
    return None


def _message(
    body: Mapping[str, Any], adapter: str, group: str, user: str, bot_name: str, now: float
) -> IncomingMessage | None:
    msgid = _string(body, "msgid")
    if not msgid or not _string(body, "msgtype"):
        return None
    text, attachments = _content(body)
    mentions: tuple[str, ...] = ()
    if not group.startswith(SINGLE):
        text = without_mention(text, bot_name)
        if found := _ALL.match(text):
            text, mentions = text[found.end() :], (EVERYBODY,)
    text = text.strip()
    quote = body.get("quote")
    if isinstance(quote, dict):
        said, shown = _content(quote)
        attachments += shown
        text = f"{text}\n\n{_quoted(said)}".strip()
    return IncomingMessage(
        adapter, group, user, msgid, text, _time(body, now),
        mention=True, attachments=attachments, mentions=mentions,
    )  # fmt: skip


def _content(part: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The text of a message or of what it quotes, and what else there is."""
    match _string(part, "msgtype"):
        case "text":
            return _string(part, "text", "content"), ()
        case "voice":
            said = _string(part, "voice", "content")  # WeCom writes down what was said
            return said, () if said.strip() else ("voice",)
        case "mixed":
            return _mixed(part)
        case "" as unknown:
            return unknown, ()
        case kind:
            return "", (kind[:32],)


def _mixed(part: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    mixed = part.get("mixed")
    items = mixed.get("msg_item") if isinstance(mixed, dict) else None
    contents = [_content(item) for item in _dicts(items) if _string(item, "msgtype") != "mixed"]
    texts = [text.strip() for text, _ in contents if text.strip()]
    return "\n".join(texts), tuple(kind for _, kinds in contents for kind in kinds)


def _quoted(text: str) -> str:
    lines = text.strip()[:MAX_QUOTE].splitlines()
    return "\n".join(f"> {line}" for line in lines)


def _feedback(
    body: Mapping[str, Any], adapter: str, group: str, user: str, now: float
) -> Feedback | None:
    event = body.get("event")
    if not isinstance(event, dict) or _string(event, "eventtype") != "feedback_event":
        return None
    given = event.get("feedback_event") or event.get("feedback")
    if not isinstance(given, dict):
        return None
    reply_id, kind = _string(given, "id"), given.get("type")
    vote = _VOTES.get(kind) if type(kind) is int else None
    if not reply_id or vote is None:
        return None
    return Feedback(adapter, group, reply_id, user, vote, _time(body, now))


def _time(body: Mapping[str, Any], now: float) -> float:
    sent = body.get("create_time")
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        return now
    return float(sent) if 0 < sent < now + _EARLY_S else now


def _string(part: Mapping[str, Any], *path: str) -> str:
    """The string at a path, in characters that can be stored; "" where there is none."""
    value: Any = part
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _dicts(value: Any) -> Iterable[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
