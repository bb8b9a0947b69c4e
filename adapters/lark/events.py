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

CARD_ACTION = "card.action.trigger"
"""A callback and no event: its answer is shown to whoever pressed the button."""

VOTES = {"THUMBSUP": Vote.HELPFUL, "THUMBSDOWN": Vote.UNHELPFUL}
BUTTON_VOTES = {"helpful": Vote.HELPFUL, "unhelpful": Vote.UNHELPFUL}


def event_type(payload: Json) -> str:
    """The type of a pushed event, such as CARD_ACTION."""
    return text(payload, "header", "event_type")


def event_id(payload: Json) -> str:
    """The platform's id of a pushed event, for logs."""
    return text(payload, "header", "event_id")


def parse(payload: Json, me: Me) -> Event | None:
    """The event in a pushed payload; None for what the bot has no use for: messages of bots,
    other emojis, what it does not understand."""
    event = inside(payload, "event")
    at = seconds(inside(payload, "header").get("create_time"))
    group, message_id = text(event, "chat_id"), text(event, "message_id")
    match event_type(payload):
        case "im.message.receive_v1":
            return _message(event, at, me)
        case "im.message.recalled_v1" if group and message_id:
            return MessageRecalled(me.adapter, group, message_id)
        case "im.message.reaction.created_v1":
            return _reaction(event, me)
        case "im.message.reaction.deleted_v1":
            vote = _reaction(event, me)
            return replace(vote, vote=Vote.NONE) if vote else None
        case "im.chat.member.bot.added_v1" if group:
            return BotMoved(me.adapter, group, joined=True, title=text(event, "name"))
        case "im.chat.member.bot.deleted_v1" | "im.chat.disbanded_v1" if group:
            return BotMoved(me.adapter, group, joined=False, title=text(event, "name"))
        case "card.action.trigger":
            return _pressed(event, at, me)
        case _:
            return None


def parse_item(item: Json, me: Me, *, private: bool) -> IncomingMessage | None:
    """A message as the history and GET show it. They don't say whether a chat is `private`."""
    user = text(item, "sender", "id") if text(item, "sender", "sender_type") == "user" else ""
    said = read(
        text(item, "msg_type"), text(item, "body", "content"), objects(item, "mentions"), me
    )
    at = seconds(item.get("create_time"))
    return _incoming(item, user=user, said=said, sent_at=at, me=me, private=private)


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
    if text(event, "sender", "sender_type") != "user":
        return None
    message = inside(event, "message")
    kind, content = text(message, "message_type"), text(message, "content")
    return _incoming(
        message,
        user=text(event, "sender", "sender_id", "open_id"),
        said=read(kind, content, objects(message, "mentions"), me),
        sent_at=seconds(message.get("create_time")) or at,
        me=me,
        private=text(message, "chat_type") == "p2p",
    )


def _incoming(
    message: Json, *, user: str, said: Content, sent_at: float, me: Me, private: bool
) -> IncomingMessage | None:
    message_id, group = text(message, "message_id"), text(message, "chat_id")
    if not (message_id and group and user and sent_at):
        return None
    return IncomingMessage(
        adapter=me.adapter,
        group=group,
        user=user,
        message_id=message_id,
        text=said.text,
        sent_at=sent_at,
        mention=private or said.mention,
        reply_to=text(message, "parent_id") or None,
        attachments=said.attachments,
        mentions=said.mentions,
        thread=text(message, "thread_id") or None,
    )


def _reaction(event: Json, me: Me) -> Feedback | None:
    """Reaction events don't name the group, so it is empty: the message's id is enough."""
    message_id, user = text(event, "message_id"), text(event, "user_id", "open_id")
    vote = VOTES.get(text(event, "reaction_type", "emoji_type").upper())
    at = seconds(event.get("action_time"))
    if vote is None or text(event, "operator_type") != "user" or not (message_id and user and at):
        return None
    return Feedback(me.adapter, "", message_id, user, vote, at)


def _pressed(event: Json, at: float, me: Me) -> Feedback | RecallAsked | None:
    reply_id = text(event, "context", "open_message_id")
    group, user = text(event, "context", "open_chat_id"), text(event, "operator", "open_id")
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
