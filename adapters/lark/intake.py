"""What is pushed, on its way to the bot: read, completed, stored; the same for both modes."""

import asyncio
import logging

from adapters.base import AdapterError, BotMoved, IncomingMessage, Publish, StoreFailed
from adapters.lark.api import Api
from adapters.lark.content import Me, forwarded
from adapters.lark.events import CARD_ACTION, event_id, event_type, parse, toast, with_content
from adapters.link import Link
from adapters.payload import Json, clean, objects

log = logging.getLogger(__name__)

FORWARD_S = 1.5
"""A bundle's messages have to be asked for; the platform wants its acknowledgement soon after."""

_NOTHING: Json = {}


class Intake:
    """Belongs to one life of the connection."""

    def __init__(self, me: Me, api: Api, link: Link, publish: Publish) -> None:
        self.me, self.publish = me, publish
        self.joined = asyncio.Event()
        """Set when the bot comes into a group."""
        self._api, self._link = api, link
        self._reading: dict[str, asyncio.Event] = {}
        """Groups in which a bundle is being read: what came after it waits."""

    async def take(self, payload: Json) -> Json:
        """Returns once the event is on disk: what goes back to the platform. Raises OSError or
        StoreFailed when it could not be stored."""
        self._link.heard(event=True)
        payload = clean(payload)
        event = parse(payload, self.me)
        if event is None:
            log.debug("%s: %s needs nothing", event_id(payload), event_type(payload))
            return _NOTHING
        while ahead := self._reading.get(event.group):
            await ahead.wait()
        if isinstance(event, IncomingMessage):
            event = await self._in_turn(event)
        try:
            await self.publish(event)
        except (OSError, StoreFailed) as error:
            log.error("event %s could not be stored: %s", event_id(payload), error)
            raise
        if isinstance(event, BotMoved) and event.joined:
            self.joined.set()
        return toast(event, payload) if event_type(payload) == CARD_ACTION else _NOTHING

    async def _in_turn(self, message: IncomingMessage) -> IncomingMessage:
        if message.attachments != ("forward",):
            return message
        read = self._reading[message.group] = asyncio.Event()
        try:
            return await self.completed(message)
        finally:
            del self._reading[message.group]
            read.set()

    async def completed(self, message: IncomingMessage) -> IncomingMessage:
        """With what a forwarded bundle holds, where the platform tells quickly."""
        if message.attachments != ("forward",):
            return message
        try:
            self._api.reads.take()
            async with asyncio.timeout(FORWARD_S):
                found = await self._api.message(message.message_id)
        except (AdapterError, TimeoutError) as error:
            log.info("bundle %s could not be read: %r", message.message_id, error)
            return message
        items = objects(found.data, "data", "items")
        return with_content(message, forwarded(items, message.message_id, self.me))
