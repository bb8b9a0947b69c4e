"""What is done with what DingTalk pushes: stored first, acknowledged after."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from adapters.base import Feedback, Publish
from adapters.contract import Context
from adapters.dingtalk.events import group_of, ids_of, parse_action, parse_message, picture_codes
from adapters.dingtalk.settings import Settings
from adapters.dingtalk.stream import Take
from adapters.payload import Json, seconds, text
from common.clock import Clock

log = logging.getLogger(__name__)

MESSAGES = "/v1.0/im/bot/messages/get"
ACTIONS = "/v1.0/card/instances/callback"

MAX_SESSIONS, MAX_MESSAGES = 10_000, 1000
SPARE_S = 60.0
"""A webhook is not used any more when it has only this long to live."""


@dataclass(frozen=True, slots=True)
class Session:
    """A webhook into a group, and until when it is valid."""

    webhook: SecretStr
    until: float


class Sessions:
    """The newest webhook of each group. In memory only: whoever has one can post into its group."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._by_group: OrderedDict[str, Session] = OrderedDict()

    def learn(self, payload: Json) -> None:
        """Keeps the webhook of a message that was pushed; one that leads elsewhere is not."""
        group, url = group_of(payload), text(payload, "sessionWebhook")
        until = seconds(payload.get("sessionWebhookExpiredTime"))
        if not (group and until and self._settings.trusts_webhook(url)):
            return
        self._by_group[group] = Session(SecretStr(url), until)
        self._by_group.move_to_end(group)
        while len(self._by_group) > MAX_SESSIONS:
            self._by_group.popitem(last=False)

    def webhook(self, group: str) -> SecretStr | None:
        """A webhook into the group that is still valid."""
        session = self._by_group.get(group)
        if session is None or session.until - SPARE_S <= self._clock.now():
            return None
        return session.webhook

    def groups(self) -> list[str]:
        """Where the bot was spoken to since it started."""
        return list(self._by_group)

    def forget(self, group: str) -> None:
        """The webhook does not work any more."""
        self._by_group.pop(group, None)


class PictureCodes:
    """The codes of the latest messages' pictures. In memory only: whoever has one gets the
    picture."""

    def __init__(self) -> None:
        self._by_message: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def learn(self, message_id: str, codes: tuple[str, ...]) -> None:
        """Keeps those of a message."""
        if codes:
            self._by_message[message_id] = codes
        if len(self._by_message) > MAX_MESSAGES:
            self._by_message.popitem(last=False)

    def of(self, message_id: str) -> tuple[str, ...]:
        """Those of a message that came since the start."""
        return self._by_message.get(message_id, ())


class Receiver:
    """Hands events to the bot; the values returned go back with the acknowledgement."""

    def __init__(
        self,
        settings: Settings,
        context: Context,
        sessions: Sessions,
        pictures: PictureCodes,
        publish: Publish,
    ) -> None:
        self._settings, self._context = settings, context
        self._sessions, self._pictures, self._publish = sessions, pictures, publish

    def topics(self) -> Mapping[str, Take]:
        """What is subscribed to. Buttons stand on cards only."""
        cards = {ACTIONS: self._act} if self._settings.card_template_id else {}
        return {MESSAGES: self._hear, **cards}

    async def _hear(self, payload: Json) -> str:
        self._sessions.learn(payload)
        now, name = self._context.clock.now(), self._context.bot_name
        message = parse_message(payload, self._settings.name, name, now)
        if message:
            self._pictures.learn(message.message_id, picture_codes(payload))
            await self._publish(message)
        else:
            log.warning("%s: no message: %s", self._settings.name, ids_of(payload))
        return "OK"

    async def _act(self, payload: Json) -> Any:
        """The answer changes the card for the one who pressed the button."""
        name = self._settings.name
        groups = {*await self._context.history.latest(name), *self._sessions.groups()}
        event = parse_action(payload, name, groups, self._context.clock.now())
        if event is None:
            log.warning("%s: somebody pressed a button that is not known", name)
            return {}
        await self._publish(event)
        if not isinstance(event, Feedback):
            return {}
        return {
            "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
            "userPrivateData": {"cardParamMap": {"vote": event.vote.value}},
        }
