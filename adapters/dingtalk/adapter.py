"""DingTalk: messages by stream mode; answers by session webhook, by the robot API, or as cards."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self

from pydantic import SecretStr

from adapters.base import (
    AdapterError,
    Finding,
    IncomingMessage,
    NotSupported,
    Picture,
    Publish,
    RateLimited,
    Reply,
    SendRefused,
    Unconfirmed,
    picture_of,
)
from adapters.contract import Adapter, Context
from adapters.dingtalk.api import Api, call_budget, post_budget
from adapters.dingtalk.cards import Cards, variables_of
from adapters.dingtalk.check import findings
from adapters.dingtalk.codes import SessionGone, code_of
from adapters.dingtalk.events import CARD, person_of, staff_id, track_of
from adapters.dingtalk.markup import message
from adapters.dingtalk.receive import PictureCodes, Receiver, Sessions
from adapters.dingtalk.settings import Settings
from adapters.dingtalk.stream import Stream
from adapters.dingtalk.streaming import CardDrafts
from adapters.payload import inside, text
from adapters.pictures import pictures_at
from adapters.rest import Rest
from adapters.texts import phrase

log = logging.getLogger(__name__)

SESSION = "session:"
"""Begins the id of a reply that went by a session webhook, which gives none of its own."""

CARD_RESEND_S = 86400.0


def create(settings: Settings, context: Context) -> "DingTalkAdapter":
    """Builds the adapter of one app."""
    return DingTalkAdapter(settings, context)


class DingTalkAdapter(Adapter):
    """One app's robot, in all its groups and private chats."""

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings.name, context.clock)
        self.streams, self.alone = settings.streaming, settings.one_connection
        self.resend_s = CARD_RESEND_S if settings.card_template_id else 0.0
        self._settings, self._context = settings, context
        self._rest = Rest(self._link, code_of)
        self._api = Api(settings, self._rest, self._link, context.clock)
        self._sessions, self._pictures = Sessions(settings, context.clock), PictureCodes()
        self._posts, self._calls = post_budget(context.clock), call_budget(context.clock)
        self._cards = Cards(settings, self._api)
        self._drafts = CardDrafts(self._cards, self._posts, context.clock)

    async def __aenter__(self) -> Self:
        await self._rest.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._drafts.close()
        await self._rest.__aexit__()

    async def run(self, publish: Publish) -> None:
        receiver = Receiver(self._settings, self._context, self._sessions, self._pictures, publish)
        stream = Stream(self._api, self._link, self._context.clock, receiver.topics())
        try:
            await stream.run()
        except AdapterError as error:
            self._link.failed(error)
            raise

    async def send(self, reply: Reply) -> str:
        """Posts a reply. Only a card may be sent again without standing there twice."""
        if self._settings.card_template_id:
            return CARD + await self._send_card(reply)
        webhook = None if self._settings.recallable else self._sessions.webhook(reply.group)
        if webhook is None:
            self._calls.take()
        self._posts.take(reply.group)
        try:
            return await self._send_text(reply, webhook)
        except RateLimited as error:
            self._posts.block(error.retry_after_s, reply.group)
            raise

    async def recall(self, group: str, message_id: str) -> None:
        """Takes back what went by the robot API; a card is emptied."""
        if message_id.startswith(SESSION):
            raise NotSupported(phrase.both("session_stays"))
        if message_id.startswith(CARD):
            await self._cards.withdraw(message_id.removeprefix(CARD))
            return
        body: dict[str, Any] = {"robotCode": self._settings.robot, "processQueryKeys": [message_id]}
        path = "/v1.0/robot/otoMessages/batchRecall"
        if person_of(group) is None:
            path, body["openConversationId"] = "/v1.0/robot/groupMessages/recall", group
        data = await self._api.call("POST", path, body, repeatable=True)
        if failed := inside(data, "failedResult"):
            reason = str(next(iter(failed.values())))[:100]
            raise SendRefused(f"DingTalk did not take it back: {reason}")

    async def draft(self, group: str, reply_to: str, text: str) -> None:
        if not self._settings.streaming:
            return
        if text:
            self._drafts.begin(group, reply_to, text)
        else:
            await self._drafts.take_away(group, reply_to)

    async def pictures(self, message: IncomingMessage) -> Sequence[Picture]:
        """Those of a message that came since the bot started, and of what it quotes; each costs a
        call."""

        async def fetch(code: str) -> Picture | None:
            self._calls.take()
            return picture_of(await self._api.picture(code))

        return await pictures_at(self._pictures.of(message.message_id), fetch, message)

    def check(self) -> AsyncIterator[Finding]:
        """Asks DingTalk what is set up; a bot that runs meanwhile is not disturbed."""
        return findings(self._settings, self._context.clock)

    async def _send_card(self, reply: Reply) -> str:
        if self._settings.streaming and reply.kind == "answer":
            return await self._drafts.finish(reply)
        track = track_of(reply.group, reply.key)
        self._posts.take(reply.group)
        shown = await asyncio.to_thread(variables_of, reply)
        await self._cards.deliver(reply.group, track, shown)
        return track

    async def _send_text(self, reply: Reply, webhook: SecretStr | None) -> str:
        if webhook:
            try:
                return await self._send_by_session(webhook, reply)
            except SessionGone as error:
                log.info("%s: %s; the robot API is used instead", self.name, error)
                self._sessions.forget(reply.group)
                self._calls.take()
        return await self._send_by_api(reply)

    async def _send_by_session(self, webhook: SecretStr, reply: Reply) -> str:
        called = self._settings.mention_asker and person_of(reply.group) is None
        asker = staff_id(reply.user) if called and reply.kind != "reaction" else ""
        shown = await asyncio.to_thread(message, reply, asker)
        body: dict[str, Any] = {"msgtype": "markdown", "markdown": shown}
        if asker:
            body["at"] = {"atUserIds": [asker], "isAtAll": False}
        await self._api.post_to_session(webhook, body)
        return SESSION + reply.key

    async def _send_by_api(self, reply: Reply) -> str:
        person = person_of(reply.group)
        body: dict[str, Any] = {
            "robotCode": self._settings.robot,
            "msgKey": "sampleMarkdown",
            "msgParam": json.dumps(await asyncio.to_thread(message, reply), ensure_ascii=False),
        }
        if person is None:
            path, body["openConversationId"] = "/v1.0/robot/groupMessages/send", reply.group
        elif person:
            path, body["userIds"] = "/v1.0/robot/oToMessages/batchSend", [person]
        else:
            raise SendRefused("the bot can't write to a person of another organisation by itself")
        data = await self._api.call("POST", path, body, repeatable=False)
        # A message to a person may fail with a status of 200.
        if data.get("invalidStaffIdList"):
            raise SendRefused("DingTalk does not know this person, or shows them no such app")
        if data.get("flowControlledStaffIdList"):
            raise RateLimited("this person has had as many messages as DingTalk allows", 60.0)
        key = text(data, "processQueryKey")
        if not key:
            raise Unconfirmed("DingTalk did not say under which key the message was posted")
        return key
