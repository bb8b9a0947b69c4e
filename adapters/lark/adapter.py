"""A bot on Lark (Feishu): events over the long connection or HTTP, everything else over REST."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Self

from aiohttp import web

from adapters.base import (
    MAX_PICTURES,
    AdapterError,
    Finding,
    IncomingMessage,
    Picture,
    Publish,
    Reply,
    SendRefused,
    picture_of,
)
from adapters.contract import Adapter, Context
from adapters.lark.api import Api
from adapters.lark.callback import Callback
from adapters.lark.card import card
from adapters.lark.check import findings
from adapters.lark.codes import Gone, result_of
from adapters.lark.content import Me, picture_keys
from adapters.lark.events import parse_item, with_content
from adapters.lark.history import HistoryReader
from adapters.lark.intake import Intake
from adapters.lark.posting import Posting, emoji_type, id_of, uuid_of
from adapters.lark.recovery import Gaps, Poll
from adapters.lark.settings import Settings
from adapters.lark.socket import connected
from adapters.lark.streaming import CardDrafts
from adapters.link import until_first_ends
from adapters.payload import objects, text
from adapters.pictures import pictures_at
from adapters.rest import Rest

log = logging.getLogger(__name__)

RESEND_S = 3600.0 - 300.0
"""Lark knows a message's key for an hour."""

MAX_THINKING = 1000


def create(settings: Settings, context: Context) -> "LarkAdapter":
    """Builds the adapter; nothing is asked of the platform before it is opened."""
    return LarkAdapter(settings, context)


class LarkAdapter(Adapter):
    """One app on Lark."""

    resend_s = RESEND_S

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings.name, context.clock)
        self.streams = settings.streaming
        self._settings, self._context = settings, context
        self._rest = Rest(self._link, result_of)
        self._api = Api(settings, self._rest, self._link, context.clock)
        self._posting = Posting(self._api)
        self._drafts = CardDrafts(self._api, self._posting, context.clock)
        self._callback = Callback(settings, context.clock)
        reader = HistoryReader(self._api)
        self._gaps = Gaps(self.name, context, reader, self._link)
        self._poll = Poll(self.name, settings.poll_history_s, context, reader)
        self._thinking: OrderedDict[str, str] = OrderedDict()
        self._me: Me | None = None

    async def __aenter__(self) -> Self:
        await self._rest.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._drafts.close()
        await self._rest.__aexit__()

    async def run(self, publish: Publish) -> None:
        """One connection's life; in the mode `callback` until cancelled."""
        try:
            self._me = await self._api.me()
            if self._settings.recover:
                await self._gaps.note()
            intake = Intake(self._me, self._api, self._link, publish)
            if self._settings.mode == "callback":
                await self._take_callbacks(intake)
            else:
                await self._take_stream(intake)
        except AdapterError as error:
            self._link.failed(error)
            raise

    async def send(self, reply: Reply) -> str:
        if reply.kind == "reaction" and reply.reply_to and (emoji := emoji_type(reply.text)):
            try:
                return await self._posting.react(reply.reply_to, emoji)
            except Gone:
                raise
            except SendRefused as error:
                log.warning("%s: emoji %s can't be used: %s", self.name, emoji, error)
        streamed = self._settings.streaming and reply.kind == "answer" and bool(reply.reply_to)
        buttons = self._settings.buttons
        shown = await asyncio.to_thread(card, reply, buttons=buttons, streamed=streamed)
        if streamed:
            return await self._drafts.complete(reply, shown)
        return id_of(await self._posting.reply(reply, shown, uuid_of(reply.key)))

    async def recall(self, group: str, message_id: str) -> None:
        """Withdraws a reply that `send` posted, emojis too."""
        del group
        await self._posting.delete(message_id)

    async def draft(self, group: str, reply_to: str, text: str) -> None:
        if not self._settings.streaming:
            return
        if text:
            self._drafts.begin(group, reply_to, text)
            return
        try:
            await self._drafts.drop(reply_to)
        except AdapterError as error:
            log.warning("%s: a draft below %s stays: %s", self.name, reply_to, error)

    async def thinking(self, group: str, message_id: str, *, on: bool) -> None:
        """With `thinking_reaction`, an emoji below the message while the bot works on it."""
        del group
        if not self._settings.thinking_reaction:
            return
        try:
            if on:
                emoji = self._settings.thinking_reaction
                self._thinking[message_id] = await self._posting.react(message_id, emoji)
                while len(self._thinking) > MAX_THINKING:
                    self._thinking.popitem(last=False)
            elif posted := self._thinking.pop(message_id, None):
                await self._posting.delete(posted)
        except AdapterError as error:
            log.info("%s: thinking_reaction below %s: %s", self.name, message_id, error)

    async def reread(self, message: IncomingMessage) -> IncomingMessage | None:
        """The message as it stands there now: Lark tells nobody of edits."""
        try:
            self._api.reads.take()
            me = self._me = self._me or await self._api.me()
            found = await self._api.message(message.message_id)
        except Gone:
            return None
        except AdapterError as error:
            log.info("%s: %s can't be read again: %s", self.name, message.message_id, error)
            return message
        items = objects(found.data, "data", "items")
        if not items:
            return message
        if items[0].get("deleted") is True:
            return None
        now = parse_item({"chat_id": message.group, **items[0]}, me, private=False)
        if now is None or "forward" in message.attachments:
            return message
        return with_content(message, now)

    async def pictures(self, message: IncomingMessage) -> Sequence[Picture]:
        """Those of the message as it stands in its chat, at most `MAX_PICTURES`."""
        if "image" not in message.attachments:
            return ()
        try:
            self._api.reads.take()
            items = objects((await self._api.message(message.message_id)).data, "data", "items")
            item = items[0] if items else {}
        except AdapterError as error:
            log.info("%s: no picture of %s: %s", self.name, message.message_id, error)
            return ()

        async def fetch(key: str) -> Picture | None:
            return picture_of(await self._api.picture(message.message_id, key))

        keys = picture_keys(text(item, "msg_type"), text(item, "body", "content"))
        return await pictures_at(keys[:MAX_PICTURES], fetch, message)

    def routes(self) -> Iterable[web.RouteDef]:
        if self._settings.mode != "callback":
            return ()
        return (web.post(f"/lark/{self.name}/events", self._callback.handle),)

    def check(self) -> AsyncIterator[Finding]:
        return findings(self._settings, self._api)

    async def _take_callbacks(self, intake: Intake) -> None:
        self._callback.intake = intake
        try:
            with self._link.connected():
                await self._read_history(intake)
        finally:
            self._callback.intake = None

    async def _take_stream(self, intake: Intake) -> None:
        clock = self._context.clock
        async with connected(self._settings, intake.take, clock, self._link) as connection:
            log.info("%s: the long connection is up", self.name)
            with self._link.connected():
                await until_first_ends(connection.watch(), self._read_history(intake))

    async def _read_history(self, intake: Intake) -> None:
        """Never ends by itself."""
        if self._settings.recover:
            await self._gaps.close(intake)
        if self._settings.poll_history_s:
            await self._poll.run(intake)
        await asyncio.Event().wait()
