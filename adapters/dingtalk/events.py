"""What DingTalk pushes, read as events. Pure: a payload comes in, an event or None goes out.

Payloads come from the wire: nothing in them is relied on, not even its type.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adapters.base import EVERYBODY, Feedback, IncomingMessage, RecallAsked, Vote
from adapters.markup import take_mention

PRIVATE = "private:"
"""Begins the group id of a private chat; the person's id follows, to whom the bot can write."""

PRIVATE_CHAT = "1"
CARD = "card:"
"""Begins the id of a reply that is a card; the card's outTrackId follows."""

ATTACHMENTS = {"picture": "image", "audio": "voice", "video": "video", "file": "file"}
UNKNOWN = "unknown"
"""The kind of what DingTalk does not show to bots: merged forwards, cards."""

MAX_NAME_CHARS = 64
MAX_MILLISECONDS = 1e14
VOTES = {"helpful": Vote.HELPFUL, "unhelpful": Vote.UNHELPFUL}
RECALL = "recall"


def parse_message(
    payload: object, adapter: str, bot_name: str, now: float
) -> IncomingMessage | None:
    """A message to the bot; None for what is malformed or the bot's own."""
    found = _mapping(payload)
    group, user = group_of(found), _user(found)
    message_id, kind = _text(found, "msgId"), _text(found, "msgtype")
    if not (group and user and message_id and kind) or _is_own(found):
        return None
    text, attachments = _content(found, kind)
    return IncomingMessage(
        adapter=adapter,
        group=group,
        user=user,
        message_id=message_id,
        text=take_mention(text, bot_name)[0],
        sent_at=_seconds(found.get("createAt")) or now,
        mention=_speaks_to_bot(found),
        reply_to=_quoted(found),
        attachments=attachments,
        mentions=tuple(_others(found)),
    )


def parse_action(
    payload: object, adapter: str, groups: Iterable[str], now: float
) -> Feedback | RecallAsked | None:
    """A button that somebody pressed below one of our cards; `groups` are those that are known,
    as DingTalk does not say in which group the card stands."""
    found = _mapping(payload)
    track, user = _text(found, "outTrackId"), _text(found, "userId")
    group = next((group for group in groups if stands_in(track, group)), None)
    if not user or group is None:
        return None
    pressed = _mapping(_mapping(_decoded(found.get("content"))).get("cardPrivateData"))
    words = [*_list(pressed.get("actionIds")), *_mapping(pressed.get("params")).values()]
    reply_id = CARD + track
    if RECALL in words:
        return RecallAsked(adapter, group, reply_id, user)
    vote = next((VOTES[word] for word in words if isinstance(word, str) and word in VOTES), None)
    return Feedback(adapter, group, reply_id, user, vote, now) if vote else None


def track_of(group: str, key: str) -> str:
    """The outTrackId of a card: always the same for a key, and tells the group it stands in."""
    return f"{_digest(key)}-{_digest(group)[:16]}"


def stands_in(track: str, group: str) -> bool:
    """Was the card made for this group?"""
    return track.partition("-")[2] == _digest(group)[:16]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def group_of(payload: Mapping[str, Any]) -> str:
    """The group's id, or for a private chat one that names the person; "" where there is none."""
    if payload.get("conversationType") == PRIVATE_CHAT:
        person = _user(payload)
        return PRIVATE + person if person else ""
    return _text(payload, "conversationId")


def person_of(group: str) -> str | None:
    """The staff id of the person that the bot alone speaks to; None for a real group, "" for a
    person of another organisation, who has no staff id."""
    if not group.startswith(PRIVATE):
        return None
    return staff_id(group.removeprefix(PRIVATE))


def staff_id(user: str) -> str:
    """The user's id if DingTalk can write to it or mention it; else ""."""
    return "" if user.startswith("$") else user


def ids_of(payload: object) -> str:
    """What may stand in a log."""
    found = _mapping(payload)
    return f"{_text(found, 'msgId')!r} in {_text(found, 'conversationId')!r}"


def _user(payload: Mapping[str, Any]) -> str:
    # People of other organisations have no staff id.
    return _text(payload, "senderStaffId") or _text(payload, "senderId")


def _is_own(payload: Mapping[str, Any]) -> bool:
    own = _text(payload, "chatbotUserId")
    return bool(own) and own == _text(payload, "senderId")


def _speaks_to_bot(payload: Mapping[str, Any]) -> bool:
    """Only messages that mention the bot are pushed, but for those to everybody: there the bot
    must be named besides."""
    if payload.get("conversationType") == PRIVATE_CHAT:
        return True
    listed = payload.get("isInAtList")
    if isinstance(listed, bool) and listed:
        return True
    own = _text(payload, "chatbotUserId")
    if own and any(_text(one, "dingtalkId") == own for one in _mentioned(payload)):
        return True
    return listed is not False and payload.get("isAtAll") is not True


def _others(payload: Mapping[str, Any]) -> Iterator[str]:
    own = _text(payload, "chatbotUserId")
    for one in _mentioned(payload):
        person = _text(one, "staffId") or _text(one, "dingtalkId")
        if person and _text(one, "dingtalkId") != own:
            yield person
    if payload.get("isAtAll") is True:
        yield EVERYBODY


def _mentioned(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [_mapping(one) for one in _list(payload.get("atUsers"))]


def _content(payload: Mapping[str, Any], kind: str) -> tuple[str, tuple[str, ...]]:
    """The text of a message, and what it holds besides text."""
    content = _mapping(payload.get("content"))
    if kind == "text":
        return _text(_mapping(payload.get("text")), "content"), ()
    if kind == "richText":
        return _rich_text(_list(content.get("richText")), len(_mentioned(payload)))
    text = _text(content, "recognition") if kind == "audio" else ""
    return text, (ATTACHMENTS.get(kind, UNKNOWN),)


def _rich_text(items: list[Any], mentioned: int) -> tuple[str, tuple[str, ...]]:
    """Joins the pieces of a post. Each mention is a piece "@name" of its own: as many of those as
    people are mentioned are left out."""
    words: list[str] = []
    pictures = 0
    for item in map(_mapping, items):
        text = _text(item, "text")
        if item.get("type") == "picture" or "downloadCode" in item:
            pictures += 1
            words.append("\n")
        elif mentioned and _looks_like_mention(text):
            mentioned -= 1
            words.append(" ")
        else:
            words.append(text)
    return "".join(words), ("image",) * pictures


def _looks_like_mention(text: str) -> bool:
    name = text.strip()
    return name.startswith("@") and "\n" not in name and len(name) <= MAX_NAME_CHARS


def _quoted(payload: Mapping[str, Any]) -> str | None:
    """The message that is quoted. Not documented: it is taken from wherever it was seen."""
    inside = _mapping(payload.get("text")) or _mapping(payload.get("content"))
    quoted = _mapping(inside.get("repliedMsg"))
    found = _text(quoted, "msgId") or _text(payload, "originalMsgId")
    return found or _text(inside, "originalMsgId") or None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _decoded(value: object) -> object:
    """JSON within JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _seconds(milliseconds: object) -> float:
    """0 where it is no time."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return 0.0
    return milliseconds / 1000 if 0 < milliseconds < MAX_MILLISECONDS else 0.0
