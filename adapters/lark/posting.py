"""Messages that leave: cards in answer to a message, emojis below it, and taking them back."""

import hashlib
import logging
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from adapters.base import NetworkError, Reply
from adapters.lark.api import Api
from adapters.lark.card import plain
from adapters.lark.codes import CardRefused, Gone, ThreadRefused
from adapters.payload import inside, seconds, text
from adapters.rest import Response

log = logging.getLogger(__name__)

MAX_UUID = 50
OLD_S = 2.0
"""A message this much older than the answer that names it was there before it was asked for."""

EMOJIS = {"🤔": "THINKING", "👍": "THUMBSUP", "👎": "ThumbsDown", "👌": "OK", "🙏": "THANKS"}
EMOJIS |= {"👀": "GLANCE", "✅": "DONE", "🎉": "PARTY", "❤️": "HEART", "😂": "LOL"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: below another one, in its thread where it stands in one."""

    group: str
    reply_to: str | None
    in_thread: bool = False


class Posting:
    """The calls that show something in a group. All raise AdapterError."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def reply(self, reply: Reply, card: str, uuid: str) -> Response:
        """Posts a card; where the platform can't show it, its text."""
        place = Place(reply.group, reply.reply_to, in_thread=bool(reply.thread))
        self._api.posts.take(place.group)
        try:
            return await self.message(place, "interactive", card, uuid)
        except CardRefused as error:
            log.warning("reply %s is sent as plain text: %s", reply.key, error)
            await self._api.posts.wait(place.group)
            return await self.message(place, "post", plain(reply), uuid)

    async def message(self, place: Place, kind: str, content: str, uuid: str) -> Response:
        """Posts a content; without the thread where the platform allows none. The budget has
        been asked."""
        try:
            return await self._post(place, kind, content, uuid)
        except ThreadRefused:
            if not place.in_thread:
                raise
            await self._api.posts.wait(place.group)
            return await self._post(replace(place, in_thread=False), kind, content, uuid)

    async def react(self, message_id: str, emoji: str) -> str:
        """Puts an emoji below a message; returns what `delete` takes."""
        self._api.posts.take()
        path = f"im/v1/messages/{_quoted(message_id)}/reactions"
        body = {"reaction_type": {"emoji_type": emoji}}
        response = await self._api.call("react", "POST", path, body=body)
        return f"{message_id}/reactions/{text(response.data, 'data', 'reaction_id')}"

    async def delete(self, posted_id: str) -> None:
        """Takes back a message or an emoji of ours; it is no error when it is gone."""
        self._api.posts.take()
        call = "unreact" if "/" in posted_id else "recall"
        try:
            await self._api.call(call, "DELETE", f"im/v1/messages/{_quoted(posted_id)}")
        except Gone:
            log.debug("%s was gone", posted_id)

    async def _post(self, place: Place, kind: str, content: str, uuid: str) -> Response:
        body: dict[str, object] = {"msg_type": kind, "content": content, "uuid": uuid}
        if place.reply_to:
            path = f"im/v1/messages/{_quoted(place.reply_to)}/reply"
            body["reply_in_thread"] = place.in_thread
            return await self._api.call("reply", "POST", path, body=body)
        return await self._api.call(
            "send",
            "POST",
            "im/v1/messages",
            body={**body, "receive_id": place.group},
            params={"receive_id_type": "chat_id"},
        )


def id_of(posted: Response) -> str:
    """The id of a message that was posted."""
    found = text(posted.data, "data", "message_id")
    if not found:
        raise NetworkError("the platform does not say what it posted")
    return found


def was_there(posted: Response) -> bool:
    """Was the message posted by an earlier request under the same key? By the platform's own
    clock, so that ours does not matter."""
    try:
        now = parsedate_to_datetime(posted.headers.get("Date", "")).timestamp()
    except ValueError:
        return False
    made = seconds(inside(posted.data, "data").get("create_time"))
    return 0 < made < now - OLD_S


def uuid_of(key: str) -> str:
    """What the platform takes as a key, for any key of ours."""
    return key if len(key) <= MAX_UUID else hashlib.sha256(key.encode()).hexdigest()[:MAX_UUID]


def answer_uuid(message_id: str) -> str:
    """The key of the one answer to a message, known before the answer is."""
    return hashlib.sha256(f"answer to {message_id}".encode()).hexdigest()[:MAX_UUID]


def emoji_type(shown: str) -> str | None:
    """Lark's name of an emoji; None for one that it has no name for."""
    shown = shown.strip()
    return EMOJIS.get(shown, shown if shown.isidentifier() and shown.isascii() else None)


def _quoted(message_id: str) -> str:
    return quote(message_id, safe="/")
