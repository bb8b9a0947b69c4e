"""Cards: answers with buttons, which can be changed later. The template is the user's own."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from adapters.base import Reply, SendRefused
from adapters.dingtalk.api import Api
from adapters.dingtalk.events import person_of
from adapters.dingtalk.markup import message
from adapters.dingtalk.settings import Settings
from adapters.payload import Json, objects
from adapters.texts import phrase

FINISHED, WRITING = "3", "2"
"""DingTalk's `flowStatus` of a card that is written by a machine."""

VISIBLE = {"supportForward": True}
_KNOWN = re.compile(
    r"(exist|duplicat|repeat).*outTrackId|outTrackId.*(exist|duplicat|repeat)", re.I
)


def variables(title: str, content: str, state: str) -> dict[str, str]:
    """The variables of the template. All are sent each time: an update replaces them all."""
    flow = WRITING if state == "writing" else FINISHED
    return {"title": title, "content": content, "state": state, "flowStatus": flow}


def variables_of(reply: Reply) -> dict[str, str]:
    """What a reply looks like. Only an answer has buttons."""
    state = "answered" if reply.kind == "answer" else "notice"
    shown = message(reply)
    return variables(shown["title"], shown["text"], state)


class Cards:
    """The calls. Each may be repeated: a card is known by its outTrackId, which we choose."""

    def __init__(self, settings: Settings, api: Api) -> None:
        self._settings, self._api = settings, api

    async def deliver(self, group: str, track: str, shown: Mapping[str, str]) -> None:
        """Puts a card into a group; does nothing where it stands already."""
        body = {
            "cardTemplateId": self._settings.card_template_id,
            "outTrackId": track,
            "callbackType": "STREAM",
            "cardData": {"cardParamMap": shown},
            "userIdType": 1,
            **self._space(group),
        }
        path = "/v1.0/card/instances/createAndDeliver"
        try:
            _check(await self._api.call("POST", path, body, repeatable=True))
        except SendRefused as error:
            if not _KNOWN.search(str(error)):
                raise

    async def update(self, track: str, shown: Mapping[str, str]) -> None:
        """Replaces what a card shows."""
        body = {"outTrackId": track, "cardData": {"cardParamMap": shown}}
        _check(await self._api.call("PUT", "/v1.0/card/instances", body, repeatable=True))

    async def write(self, track: str, content: str, *, done: bool) -> None:
        """Replaces the text of a card that is being written."""
        body = {
            "outTrackId": track,
            "guid": uuid.uuid4().hex,
            "key": "content",
            "content": content,
            "isFull": True,
            "isFinalize": done,
            "isError": False,
        }
        _check(await self._api.call("PUT", "/v1.0/card/streaming", body, repeatable=True))

    async def withdraw(self, track: str) -> None:
        """Empties a card: there is no way to take it out of the group."""
        gone = f"（{phrase.both('withdrawn')}）"
        await self.update(track, variables(gone, gone, "withdrawn"))

    def _space(self, group: str) -> dict[str, Any]:
        person = person_of(group)
        if person is None:
            return {
                "openSpaceId": f"dtv1.card//IM_GROUP.{group}",
                "imGroupOpenSpaceModel": VISIBLE,
                "imGroupOpenDeliverModel": {"robotCode": self._settings.robot},
            }
        return {
            "openSpaceId": f"dtv1.card//IM_ROBOT.{person}",
            "imRobotOpenSpaceModel": VISIBLE,
            "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT"},
        }


def _check(data: Json) -> None:
    """A card's calls may fail with a status of 200."""
    if data.get("success") is False:
        raise SendRefused(f"DingTalk refused the card: {data.get('code', '?')}")
    for one in objects(data, "result", "deliverResults"):
        if one.get("success") is False:
            raise SendRefused(
                f"DingTalk did not deliver the card: {str(one.get('errorMsg'))[:100]}"
            )
