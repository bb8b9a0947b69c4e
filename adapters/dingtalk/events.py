"""What DingTalk pushes, read as events. Pure: a payload comes in, an event or None goes out.

Payloads come from the wire: nothing in them is relied on, not even its type.
"""

import hashlib
from collections.abc import Iterable, Iterator

from adapters.base import (
    EVERYBODY,
    MAX_PICTURES,
    Feedback,
    IncomingMessage,
    RecallAsked,
    Vote,
)
from adapters.markup import take_mention, with_quote
from adapters.payload import Json, inside, listed, objects, parsed, seconds, text

PRIVATE = "private:"
"""Begins the group id of a private chat; the person's id follows, to whom the bot can write."""

PRIVATE_CHAT = "1"
CARD = "card:"
"""Begins the id of a reply that is a card; the card's outTrackId follows."""

ATTACHMENTS = {"picture": "image", "audio": "voice", "video": "video", "file": "file"}
UNKNOWN = "unknown"
"""The kind of what DingTalk does not show to bots: merged forwards, cards."""

MAX_NAME_CHARS = 64
VOTES = {"helpful": Vote.HELPFUL, "unhelpful": Vote.UNHELPFUL}
RECALL = "recall"


def parse_message(payload: Json, adapter: str, bot_name: str, now: float) -> IncomingMessage | None:
    """A message to the bot; None for what is malformed or the bot's own."""
    group, user = group_of(payload), _user(payload)
    message_id, kind = text(payload, "msgId"), text(payload, "msgtype")
    if not (group and user and message_id and kind) or _is_own(payload):
        return None
    said, attachments = _content(payload, kind)
    return IncomingMessage(
        adapter=adapter,
        group=group,
        user=user,
        message_id=message_id,
        text=with_quote(take_mention(said, bot_name)[0], _words(_replied(payload))),
        sent_at=seconds(payload.get("createAt")) or now,
        mention=_speaks_to_bot(payload),
        reply_to=_quoted(payload),
        attachments=attachments + ("image",) * len(_quoted_codes(payload)),
        mentions=tuple(_others(payload)),
    )


def parse_action(
    payload: Json, adapter: str, groups: Iterable[str], now: float
) -> Feedback | RecallAsked | None:
    """A button that somebody pressed below one of our cards; `groups` are those that are known,
    as DingTalk does not say in which group the card stands."""
    track, user = text(payload, "outTrackId"), text(payload, "userId")
    group = next((group for group in groups if stands_in(track, group)), None)
    if not user or group is None:
        return None
    content = inside(payload, "content") or parsed(payload.get("content"))
    pressed = inside(content, "cardPrivateData")
    words = [*listed(pressed, "actionIds"), *inside(pressed, "params").values()]
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


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def group_of(payload: Json) -> str:
    """The group's id, or for a private chat one that names the person; "" where there is none."""
    if payload.get("conversationType") == PRIVATE_CHAT:
        person = _user(payload)
        return PRIVATE + person if person else ""
    return text(payload, "conversationId")


def person_of(group: str) -> str | None:
    """The staff id of the person that the bot alone speaks to; None for a real group, "" for a
    person of another organisation, who has no staff id."""
    if not group.startswith(PRIVATE):
        return None
    return staff_id(group.removeprefix(PRIVATE))


def staff_id(user: str) -> str:
    """The user's id if DingTalk can write to it or mention it; else ""."""
    return "" if user.startswith("$") else user


def ids_of(payload: Json) -> str:
    """What may stand in a log."""
    return f"{text(payload, 'msgId')!r} in {text(payload, 'conversationId')!r}"


def _user(payload: Json) -> str:
    # People of other organisations have no staff id.
    return text(payload, "senderStaffId") or text(payload, "senderId")


def _is_own(payload: Json) -> bool:
    own = text(payload, "chatbotUserId")
    return bool(own) and own == text(payload, "senderId")


def _speaks_to_bot(payload: Json) -> bool:
    """Only messages that mention the bot are pushed, but for those to everybody: there the bot
    must be named besides."""
    if payload.get("conversationType") == PRIVATE_CHAT:
        return True
    listed = payload.get("isInAtList")
    if isinstance(listed, bool) and listed:
        return True
    own = text(payload, "chatbotUserId")
    if own and any(text(one, "dingtalkId") == own for one in objects(payload, "atUsers")):
        return True
    return listed is not False and payload.get("isAtAll") is not True


def _others(payload: Json) -> Iterator[str]:
    own = text(payload, "chatbotUserId")
    for one in objects(payload, "atUsers"):
        person = text(one, "staffId") or text(one, "dingtalkId")
        if person and text(one, "dingtalkId") != own:
            yield person
    if payload.get("isAtAll") is True:
        yield EVERYBODY


def _content(payload: Json, kind: str) -> tuple[str, tuple[str, ...]]:
    """The text of a message, and what it holds besides text."""
    if kind == "text":
        return text(payload, "text", "content"), ()
    if kind == "richText":
        pieces = objects(payload, "content", "richText")
        return _rich_text(pieces, len(objects(payload, "atUsers")))
    said = text(payload, "content", "recognition") if kind == "audio" else ""
    return said, (ATTACHMENTS.get(kind, UNKNOWN),)


def picture_codes(payload: Json) -> tuple[str, ...]:
    """By which DingTalk hands out the pictures of a message, and then of what it quotes."""
    own = _codes(text(payload, "msgtype"), inside(payload, "content"))
    return tuple([*own, *_quoted_codes(payload)][:MAX_PICTURES])


def _quoted_codes(payload: Json) -> list[str]:
    replied = _replied(payload)
    return _codes(text(replied, "msgType"), _content_of(replied))


def _codes(kind: str, content: Json) -> list[str]:
    pieces = [one for one in objects(content, "richText") if _is_picture(one)]
    shown = [content] if kind == "picture" else pieces
    return [code for one in shown if (code := text(one, "downloadCode"))]


def _is_picture(piece: Json) -> bool:
    return text(piece, "type") == "picture" or "downloadCode" in piece


def _rich_text(pieces: list[Json], mentioned: int) -> tuple[str, tuple[str, ...]]:
    """Joins the pieces of a post. Each mention is a piece "@name" of its own: as many of those as
    people are mentioned are left out."""
    words: list[str] = []
    pictures = 0
    for piece in pieces:
        said = text(piece, "text")
        if _is_picture(piece):
            pictures += 1
            words.append("\n")
        elif mentioned and _looks_like_mention(said):
            mentioned -= 1
            words.append(" ")
        else:
            words.append(said)
    return "".join(words), ("image",) * pictures


def _looks_like_mention(said: str) -> bool:
    name = said.strip()
    return name.startswith("@") and "\n" not in name and len(name) <= MAX_NAME_CHARS


def _quoted(payload: Json) -> str | None:
    """The id of the message that is quoted."""
    found = text(_replied(payload), "msgId") or text(payload, "originalMsgId")
    return found or text(_body(payload), "originalMsgId") or None


def _body(payload: Json) -> Json:
    return inside(payload, "text") or inside(payload, "content")


def _replied(payload: Json) -> Json:
    """The message that is quoted. Not documented: it is taken from wherever it was seen."""
    return inside(_body(payload), "repliedMsg")


def _words(replied: Json) -> str:
    """What a quoted message says."""
    content = _content_of(replied)
    pieces = (text(piece, "text") or text(piece, "content") for piece in _pieces(content))
    return text(content, "text") or text(content, "recognition") or "".join(pieces)


def _content_of(replied: Json) -> Json:
    return inside(replied, "content") or parsed(replied.get("content"))


def _pieces(content: Json) -> list[Json]:
    """Those of a rich text but for its pictures."""
    pieces = objects(content, "richText")
    return [one for one in pieces if (text(one, "msgType") or text(one, "type")) in ("", "text")]
