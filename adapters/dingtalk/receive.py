"""What is done with what DingTalk pushes: stored first, acknowledged after."""

import logging
from collections.abc import Mapping
from typing import Any

from adapters.base import Feedback, Publish
from adapters.contract import Context
from adapters.dingtalk.events import ids_of, parse_action, parse_message
from adapters.dingtalk.sessions import Sessions
from adapters.dingtalk.settings import Settings
from adapters.dingtalk.stream import Take
from adapters.payload import Json

log = logging.getLogger(__name__)

MESSAGES = "/v1.0/im/bot/messages/get"
ACTIONS = "/v1.0/card/instances/callback"


class Receiver:
    """Hands events to the bot; the values returned go back with the acknowledgement."""

    def __init__(
        self, settings: Settings, context: Context, sessions: Sessions, publish: Publish
    ) -> None:
        self._settings, self._context = settings, context
        self._sessions, self._publish = sessions, publish

    def topics(self) -> Mapping[str, Take]:
        """What is subscribed to. Buttons stand on cards only."""
        cards = {ACTIONS: self._act} if self._settings.card_template_id else {}
        return {MESSAGES: self._hear, **cards}

    async def _hear(self, payload: Json) -> str:
        self._sessions.learn(payload)
        now, name = self._context.clock.now(), self._context.bot_name
        message = parse_message(payload, self._settings.name, name, now)
        if message:
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
