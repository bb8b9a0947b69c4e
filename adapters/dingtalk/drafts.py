"""Answers that grow on their cards while they are written."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from adapters.base import AdapterError, Reply
from adapters.dingtalk.budget import Budget
from adapters.dingtalk.cards import Cards, variables, variables_of
from adapters.dingtalk.events import track_of
from adapters.dingtalk.markup import dingtalk, title_of
from common.clock import Clock

log = logging.getLogger(__name__)

UPDATE_S = 1.5
"""Between two updates of all the app's cards: DingTalk refuses more than a few at a time."""


@dataclass(slots=True)
class Draft:
    """An answer that is being written. `text` is the newest one, `shown` the last on the card."""

    group: str
    track: str
    text: str = ""
    shown: str = ""
    shown_at: float = 0.0
    delivered: bool = False


class Drafts:
    """All of one app. One update follows the other, and each shows the newest text."""

    def __init__(self, cards: Cards, budget: Budget, clock: Clock) -> None:
        self._cards, self._budget, self._clock = cards, budget, clock
        self._open: dict[str, Draft] = {}
        self._busy = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    def show(self, group: str, message_id: str, text: str) -> None:
        """Takes the newest text of the answer to a message; it is shown when its turn comes."""
        track = track_of(group, message_id)
        self._open.setdefault(track, Draft(group, track)).text = text
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def take_away(self, group: str, message_id: str) -> None:
        """Empties the card of a draft that became no answer."""
        async with self._busy:
            draft = self._open.pop(track_of(group, message_id), None)
            if draft is None or not draft.delivered:
                return
            try:
                await self._cards.withdraw(draft.track)
            except AdapterError as error:
                log.warning("a draft can't be taken away: %r", error)

    async def finish(self, reply: Reply) -> str:
        """Completes the card of a draft, or makes one, also after a crash in between: the card of
        an answer is known by the message it answers. Returns its outTrackId."""
        track, shown = track_of(reply.group, reply.reply_to or reply.key), variables_of(reply)
        async with self._busy:
            draft = self._open.get(track)
            if draft and draft.delivered:
                draft.text = draft.shown  # nothing more is written
                await self._cards.write(track, shown["content"], done=True)
            else:
                self._budget.take(reply.group)
                await self._cards.deliver(reply.group, track, shown)
            await self._cards.update(track, shown)
            self._open.pop(track, None)
        return track

    async def close(self) -> None:
        """Writes no more."""
        if self._writer:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer

    async def _write(self) -> None:
        while waiting := [draft for draft in self._open.values() if draft.text != draft.shown]:
            async with self._busy:
                await self._update(min(waiting, key=lambda draft: draft.shown_at))
            await self._clock.wait(asyncio.Event(), self._clock.now() + UPDATE_S)

    async def _update(self, draft: Draft) -> None:
        text, draft.shown_at = draft.text, self._clock.now()
        if draft.track not in self._open or text == draft.shown:
            return  # it was completed while we waited for our turn
        content = dingtalk(text)
        try:
            if draft.delivered:
                await self._cards.write(draft.track, content, done=False)
            else:
                self._budget.take(draft.group)
                shown = variables(title_of(text), content, "writing")
                await self._cards.deliver(draft.group, draft.track, shown)
                draft.delivered = True
        except AdapterError as error:
            log.warning("a draft can't be shown: %r", error)
        draft.shown = text  # where it failed, too: the next text gets its own chance
