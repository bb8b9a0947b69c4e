"""Answers that are shown while they are written: one card that grows and is completed.

The card is posted under a key that follows from the question, so a bot that was killed in between
finds its own card again instead of posting a second one.
"""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field

from adapters.base import AdapterError, NetworkError, RateLimited, Reply, SendRefused
from adapters.lark.api import Api
from adapters.lark.card import TEXT_ELEMENT, draft_card, draft_text
from adapters.lark.codes import CardRefused, ScopeMissing
from adapters.lark.posting import Place, Posting, answer_uuid, id_of, uuid_of, was_there
from adapters.payload import Json, text
from common.clock import Clock

log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""Between two updates of a card; the newest text wins."""


@dataclass(slots=True)
class Draft:
    """A card that grows. `card_id` is known before `message_id`: the card is made, then posted.
    A message that was there before has a card that has to be asked for."""

    place: Place
    newest: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    card_id: str = ""
    message_id: str = ""
    tried: bool = False
    """It was asked to be posted, so perhaps it is, even where no id is known."""
    sequence: int = 0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    growing: asyncio.Task[None] | None = None

    @property
    def uuid(self) -> str:
        """The key that it is posted under."""
        return answer_uuid(self.place.reply_to or "")


class Drafts:
    """The cards that are growing."""

    def __init__(self, api: Api, posting: Posting, clock: Clock) -> None:
        self._api, self._posting, self._clock = api, posting, clock
        self._open: dict[tuple[str, str], Draft] = {}
        self._off = False

    def show(self, group: str, reply_to: str, text: str) -> None:
        """Shows a text soon; returns at once."""
        if self._off:
            return
        draft = self._open.get((group, reply_to))
        if draft is None:
            draft = self._open[group, reply_to] = Draft(Place(group, reply_to))
            draft.growing = asyncio.create_task(self._grow(draft))
        draft.newest = text
        draft.changed.set()

    async def complete(self, reply: Reply, card: str) -> str:
        """Makes the card that was shown the answer, or posts one where none was; returns the
        message's id. Raises AdapterError; may be called again then."""
        key = (reply.group, reply.reply_to or "")
        draft = self._open.get(key) or Draft(Place(*key))
        await self._stop(draft)
        if draft.card_id and not draft.message_id:
            with suppress(CardRefused):
                await self._post(draft)
        if not draft.message_id:
            posted = await self._posting.reply(reply, card, draft.uuid)
            draft.message_id, draft.card_id = id_of(posted), ""
            if not was_there(posted):
                self._open.pop(key, None)
                return draft.message_id
        try:
            await self._fill(draft, card)
        except SendRefused as error:
            log.warning("reply %s is posted anew: %s", reply.key, error)
            await self._posting.delete(draft.message_id)
            draft.message_id = id_of(await self._posting.reply(reply, card, uuid_of(reply.key)))
        self._open.pop(key, None)
        return draft.message_id

    async def drop(self, group: str, reply_to: str) -> None:
        """Takes away a card that was not completed. Raises AdapterError."""
        draft = self._open.pop((group, reply_to), None)
        if draft:
            await self._stop(draft)
            if draft.tried and not draft.message_id:
                await self._post(draft)
            if draft.message_id:
                await self._posting.delete(draft.message_id)

    async def close(self) -> None:
        """Cards stop growing."""
        for draft in self._open.values():
            if draft.growing:
                draft.growing.cancel()
                await asyncio.wait({draft.growing})
        self._open.clear()

    async def _grow(self, draft: Draft) -> None:
        try:
            while True:
                await draft.changed.wait()
                draft.changed.clear()
                async with draft.busy:
                    await self._step(draft)
                await self._clock.wait(asyncio.Event(), self._clock.now() + PAUSE_S)
        except ScopeMissing as error:
            self._off = True
            log.warning("streaming is off until the next start: %s", error)
        except AdapterError as error:
            log.info("the card below %s grows no more: %s", draft.place.reply_to, error)

    async def _step(self, draft: Draft) -> None:
        try:
            if draft.message_id:
                content = {"content": draft_text(draft.newest)}
                await self._put(draft, "card_text", f"/elements/{TEXT_ELEMENT}/content", content)
                return
            if not draft.card_id:
                self._api.posts.take()
                body = {"type": "card_json", "data": draft_card(draft.newest)}
                made = await self._api.call("card_create", "POST", "cardkit/v1/cards", body=body)
                draft.card_id = text(made.data, "data", "card_id")
            await self._post(draft)
        except (NetworkError, RateLimited) as error:
            log.debug("a draft is shown later: %s", error)
            draft.changed.set()

    async def _post(self, draft: Draft) -> None:
        self._api.posts.take(draft.place.group)
        content = json.dumps({"type": "card", "data": {"card_id": draft.card_id}})
        draft.tried = True
        posted = await self._posting.message(draft.place, "interactive", content, draft.uuid)
        if was_there(posted):
            draft.card_id = ""
        draft.message_id = id_of(posted)

    async def _fill(self, draft: Draft, card: str) -> None:
        whole = {"card": {"type": "card_json", "data": card}}
        await self._put(draft, "card_update", "", whole)

    async def _put(self, draft: Draft, name: str, path: str, body: Json) -> None:
        if not draft.card_id:
            self._api.posts.take()
            asked = {"message_id": draft.message_id}
            path_to_it = "cardkit/v1/cards/id_convert"
            found = await self._api.call("card_find", "POST", path_to_it, body=asked)
            draft.card_id = text(found.data, "data", "card_id")
        self._api.posts.take()
        # Rises beyond what a bot that was killed may have used.
        draft.sequence = max(draft.sequence + 1, int(self._clock.now()))
        whole_path = f"cardkit/v1/cards/{draft.card_id}{path}"
        await self._api.call(name, "PUT", whole_path, body={**body, "sequence": draft.sequence})

    @staticmethod
    async def _stop(draft: Draft) -> None:
        """Not in the middle of a request: what became of it would not be known."""
        if draft.growing:
            async with draft.busy:
                draft.growing.cancel()
            await asyncio.wait({draft.growing})
