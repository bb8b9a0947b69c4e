"""Answers that are shown while they are written: one card that grows and is completed.

The card is posted under a key that follows from the question, so a bot that was killed in between
finds its own card again instead of posting a second one.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress

from adapters.base import Reply, SendRefused
from adapters.drafts import Draft, Drafts
from adapters.lark.api import Api
from adapters.lark.card import TEXT_ELEMENT, draft_card, draft_text
from adapters.lark.codes import CardRefused, ScopeMissing
from adapters.lark.posting import Place, Posting, answer_uuid, id_of, uuid_of, was_there
from adapters.payload import Json, text
from common.clock import Clock

log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""Between two updates of a card."""

DENIED_S = 600.0
"""Where the permission is missing, this long passes before it is tried again."""


class CardDraft(Draft):
    """A card that grows. `card_id` is known before `message_id`: the card is made, then posted.
    A message that was there before has a card that has to be asked for."""

    def __init__(
        self,
        place: Place,
        api: Api,
        posting: Posting,
        clock: Clock,
        denied: Callable[[ScopeMissing], None],
    ) -> None:
        super().__init__(place.reply_to or "", clock, PAUSE_S)
        self._place, self._api, self._posting, self._denied = place, api, posting, denied
        self.uuid = answer_uuid(place.reply_to or "")
        self.card_id = self.message_id = ""
        self.tried = False
        """It was asked to be posted, so perhaps it is, even where no id is known."""
        self._sequence = 0

    async def step(self, text: str) -> None:
        """Makes the card and posts it, or changes its text."""
        try:
            if self.message_id:
                body = {"content": draft_text(text)}
                await self._put("card_text", f"/elements/{TEXT_ELEMENT}/content", body)
                return
            if not self.card_id:
                await self._make(text)
            await self.post()
        except ScopeMissing as error:
            self._denied(error)
            raise

    async def post(self) -> None:
        """Posts the card that was made."""
        self._api.posts.take(self._place.group)
        content = json.dumps({"type": "card", "data": {"card_id": self.card_id}})
        self.tried = True
        posted = await self._posting.message(self._place, "interactive", content, self.uuid)
        if was_there(posted):
            self.card_id = ""
        self.message_id = id_of(posted)

    async def fill(self, card: str) -> None:
        """Replaces the whole card."""
        await self._put("card_update", "", {"card": {"type": "card_json", "data": card}})

    async def _make(self, written: str) -> None:
        self._api.posts.take()
        body = {"type": "card_json", "data": draft_card(written)}
        made = await self._api.call("card_create", "POST", "cardkit/v1/cards", body=body)
        self.card_id = text(made.data, "data", "card_id")

    async def _put(self, name: str, path: str, body: Json) -> None:
        if not self.card_id:
            self._api.posts.take()
            asked = {"message_id": self.message_id}
            path_to_it = "cardkit/v1/cards/id_convert"
            found = await self._api.call("card_find", "POST", path_to_it, body=asked)
            self.card_id = text(found.data, "data", "card_id")
        self._api.posts.take()
        # Rises beyond what a bot that was killed may have used.
        self._sequence = max(self._sequence + 1, int(self._clock.now()))
        whole_path = f"cardkit/v1/cards/{self.card_id}{path}"
        await self._api.call(name, "PUT", whole_path, body={**body, "sequence": self._sequence})


class CardDrafts(Drafts[CardDraft]):
    """The cards that are growing; for ten minutes none does where the permission is missing."""

    def __init__(self, api: Api, posting: Posting, clock: Clock) -> None:
        super().__init__()
        self._api, self._posting, self._clock = api, posting, clock
        self._off_until = 0.0

    def begin(self, group: str, reply_to: str, written: str) -> None:
        """Shows a text soon; returns at once."""
        if self._off_until <= self._clock.now():
            self.show(reply_to, written, lambda: self._draft(Place(group, reply_to)))

    async def complete(self, reply: Reply, card: str) -> str:
        """Makes the card that was shown the answer, or posts one where none was; returns the
        message's id. Raises AdapterError; may be called again then."""
        draft = await self.hold(reply.reply_to)
        draft = draft or self._draft(Place(reply.group, reply.reply_to))
        if draft.card_id and not draft.message_id:
            with suppress(CardRefused):
                await draft.post()
        if not draft.message_id:
            posted = await self._posting.reply(reply, card, draft.uuid)
            draft.message_id, draft.card_id = id_of(posted), ""
            if not was_there(posted):
                self.done(reply.reply_to)
                return draft.message_id
        try:
            await draft.fill(card)
        except SendRefused as error:
            log.warning("reply %s is posted anew: %s", reply.key, error)
            await self._posting.delete(draft.message_id)
            draft.message_id = id_of(await self._posting.reply(reply, card, uuid_of(reply.key)))
        self.done(reply.reply_to)
        return draft.message_id

    async def drop(self, reply_to: str) -> None:
        """Takes away a card that was not completed. Raises AdapterError."""
        draft = await self.hold(reply_to)
        self.done(reply_to)
        if draft:
            if draft.tried and not draft.message_id:
                await draft.post()
            if draft.message_id:
                await self._posting.delete(draft.message_id)

    def _draft(self, place: Place) -> CardDraft:
        return CardDraft(place, self._api, self._posting, self._clock, self._switch_off)

    def _switch_off(self, error: ScopeMissing) -> None:
        if self._off_until <= self._clock.now():
            self._off_until = self._clock.now() + DENIED_S
            log.warning("nothing is streamed for ten minutes: %s", error)
