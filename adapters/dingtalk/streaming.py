"""Answers that grow on their cards while they are written."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.base import AdapterError, RateLimited, Reply
from adapters.budget import Budget
from adapters.dingtalk.cards import Cards, variables, variables_of
from adapters.dingtalk.events import track_of
from adapters.dingtalk.markup import dingtalk, title_of
from adapters.drafts import Draft, Drafts
from common.clock import Clock

log = logging.getLogger(__name__)

UPDATE_S = 1.5
"""Between two updates of all the app's cards: DingTalk refuses more than a few at a time."""


class Updates:
    """One update follows the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._busy, self._free_at = clock, asyncio.Lock(), 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises RateLimited where it is too early for one."""
        async with self._busy:
            if (pause := self._free_at - self._clock.now()) > 0:
                raise RateLimited("another card was updated just now", pause)
            try:
                yield
            finally:
                self._free_at = self._clock.now() + UPDATE_S


class CardDraft(Draft):
    """A card that grows, known by the message that it answers."""

    def __init__(
        self, group: str, track: str, cards: Cards, posts: Budget, updates: Updates, clock: Clock
    ) -> None:
        super().__init__(track, clock, UPDATE_S)
        self.group, self.track, self.delivered = group, track, False
        self._cards, self._posts, self._updates = cards, posts, updates

    async def step(self, text: str) -> None:
        """Puts the card into the group, or changes its text."""
        async with self._updates.turn():
            if self.delivered:
                await self._cards.write(self.track, dingtalk(text), done=False)
                return
            self._posts.take(self.group)
            shown = variables(title_of(text), dingtalk(text), "writing")
            await self._cards.deliver(self.group, self.track, shown)
            self.delivered = True


class CardDrafts(Drafts[CardDraft]):
    """All of one app."""

    def __init__(self, cards: Cards, posts: Budget, clock: Clock) -> None:
        super().__init__()
        self._cards, self._posts, self._clock = cards, posts, clock
        self._updates = Updates(clock)

    def begin(self, group: str, message_id: str, text: str) -> None:
        """Shows a text soon; returns at once."""
        track = track_of(group, message_id)
        self.show(
            track,
            text,
            lambda: CardDraft(group, track, self._cards, self._posts, self._updates, self._clock),
        )

    async def take_away(self, group: str, message_id: str) -> None:
        """Empties the card of a draft that became no answer."""
        track = track_of(group, message_id)
        draft = await self.hold(track)
        self.done(track)
        if draft and draft.delivered:
            try:
                await self._cards.withdraw(track)
            except AdapterError as error:
                log.warning("a draft can't be taken away: %r", error)

    async def finish(self, reply: Reply) -> str:
        """Completes the card of a draft, or makes one, also after a crash in between: the card of
        an answer is known by the message it answers. Returns its outTrackId."""
        track = track_of(reply.group, reply.reply_to or reply.key)
        shown = await asyncio.to_thread(variables_of, reply)
        draft = await self.hold(track)
        if draft and draft.delivered:
            await self._cards.write(track, shown["content"], done=True)
        else:
            self._posts.take(reply.group)
            await self._cards.deliver(reply.group, track, shown)
        await self._cards.update(track, shown)
        self.done(track)
        return track
