"""What Lark pushes, read as the bot's events. Pure: a payload that makes no sense is None."""

from collections.abc import Mapping
from dataclasses import replace

from adapters.base import (
    BotMoved,
    Event,
    Feedback,
    IncomingMessage,
    MessageRecalled,
    RecallAsked,
    Vote,
)
from adapters.lark.content import Content, Me, read
from adapters.payload import Json, inside, objects, seconds, text
from adapters.texts import phrase

MESSAGE = "im.message.receive_v1"
CARD_ACTION = "card.action.trigger"
"""A callback and no event: its answer is shown to whoever pressed the button."""

VOTES = {"THUMBSUP": Vote.HELPFUL, "THUMBSDOWN": Vote.UNHELPFUL}
BUTTON_VOTES = {"helpful": Vote.HELPFUL, "unhelpful": Vote.UNHELPFUL}


def event_type(payload: Json) -> str:
    """The type of a pushed event, such as MESSAGE."""
    return text(payload, "header", "event_type")


def event_id(payload: Json) -> str:
    """The platform's id of a pushed event, for logs."""
    return text(payload, "header", "event_id")


def parse(payload: Json, me: Me) -> Event | None:
    """The event in a pushed payload; None for what the bot has no use for: messages of bots,
    other emojis, what it does not understand."""
    event = inside(payload, "event")
    at = seconds(inside(payload, "header").get("create_time"))
    match event_type(payload):
        case "im.message.receive_v1":
            return _message(event, at, me)
        case "im.message.recalled_v1":
            return _recalled(event, me)
        case "im.message.reaction.created_v1":
            return _reaction(event, me, taken_back=False)
        case "im.message.reaction.deleted_v1":
            return _reaction(event, me, taken_back=True)
        case "im.chat.member.bot.added_v1":
            return _moved(event, me, joined=True)
        case "im.chat.member.bot.deleted_v1" | "im.chat.disbanded_v1":
            return _moved(event, me, joined=False)
        case "card.action.trigger":
            return _pressed(event, at, me)
        case _:
            return None


def parse_item(item: Json, me: Me, *, private: bool) -> IncomingMessage | None:
    """A message as the history and GET show it. They don't say whether a chat is `private`."""
    sender = inside(item, "sender")
    user = text(sender, "id") if text(sender, "sender_type") == "user" else ""
    content = read(
        text(item, "msg_type"), text(item, "body", "content"), objects(item, "mentions"), me
    )
    return _incoming(item, user, content, seconds(item.get("create_time")), me, private=private)


def with_content(message: IncomingMessage, content: Content | IncomingMessage) -> IncomingMessage:
    """The message with what it says replaced; whether it is a mention stays as it was."""
    return replace(
        message,
        text=content.text,
        attachments=content.attachments,
        mention=message.mention or content.mention,
        mentions=content.mentions,
    )


def _message(event: Json, at: float, me: Me) -> IncomingMessage | None:
    message, sender = inside(event, "message"), inside(event, "sender")
    if text(sender, "sender_type") != "user":
        return None
    content = read(
        text(message, "message_type"), text(message, "content"), objects(message, "mentions"), me
    )
    return _incoming(
        message,
        text(sender, "sender_id", "open_id"),
        content,
        seconds(message.get("create_time")) or at,
        me,
        private=text(message, "chat_type") == "p2p",
    )


def _incoming(
    message: Json, user: str, content: Content, sent_at: float, me: Me, *, private: bool
) -> IncomingMessage | None:
    message_id, group = text(message, "message_id"), text(message, "chat_id")
    if not (message_id and group and user and sent_at):
        return None
    return IncomingMessage(
        adapter=me.adapter,
        group=group,
        user=user,
        message_id=message_id,
        text=content.text,
        sent_at=sent_at,
        mention=private or content.mention,
        reply_to=text(message, "parent_id") or None,
        attachments=content.attachments,
        mentions=content.mentions,
        thread=text(message, "thread_id") or None,
    )


def _recalled(event: Json, me: Me) -> MessageRecalled | None:
    message_id, group = text(event, "message_id"), text(event, "chat_id")
    return MessageRecalled(me.adapter, group, message_id) if message_id and group else None


def _reaction(event: Json, me: Me, *, taken_back: bool) -> Feedback | None:
    """Reaction events don't name the group, so it is empty: the message's id is enough."""
    message_id, user = text(event, "message_id"), text(event, "user_id", "open_id")
    vote = VOTES.get(text(event, "reaction_type", "emoji_type").upper())
    by_person = text(event, "operator_type") == "user"
    at = seconds(event.get("action_time"))
    if vote is None or not (by_person and message_id and user and at):
        return None
    return Feedback(me.adapter, "", message_id, user, Vote.NONE if taken_back else vote, at)


def _moved(event: Json, me: Me, *, joined: bool) -> BotMoved | None:
    group = text(event, "chat_id")
    return BotMoved(me.adapter, group, joined, text(event, "name")) if group else None


def _pressed(event: Json, at: float, me: Me) -> Feedback | RecallAsked | None:
    reply_id, group = (
        text(event, "context", "open_message_id"),
        text(event, "context", "open_chat_id"),
    )
    user = text(event, "operator", "open_id")
    wish = text(event, "action", "value", "do")
    if not (reply_id and group and user):
        return None
    if wish == "recall":
        return RecallAsked(me.adapter, group, reply_id, user)
    if wish in BUTTON_VOTES and at:
        return Feedback(me.adapter, group, reply_id, user, BUTTON_VOTES[wish], at)
    return None


def toast(event: Event | None, payload: Json) -> Mapping[str, object]:
    """The short line for whoever pressed a button, in the language of their Lark."""
    match event:
        case Feedback():
            lines = phrase.lines["thanks"]
        case RecallAsked():
            lines = phrase.lines["being_withdrawn"]
        case _:
            return {}
    zh, en = lines["zh"], lines["en"]
    by_card = zh if text(payload, "event", "action", "value", "in") == "zh" else en
    by_language = {"zh_cn": zh, "zh_hk": zh, "zh_tw": zh, "en_us": en}
    return {"toast": {"type": "success", "content": by_card, "i18n": by_language}}
