"""What replies look like in a WeCom chat, and answers that are shown while they are written: one
stream, one bubble.

Every frame shows the whole text so far. A stream has to be ended, within ten minutes of its first
frame, and expires when it is not touched for six; what it shows can't be taken back.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import uuid4

from adapters.base import AdapterError, RateLimited, Reply, SendRefused
from adapters.budget import Budget
from adapters.dialects import WECOM
from adapters.drafts import Draft, Drafts
from adapters.markdown import rendered
from adapters.markup import byte_size, composed, fit
from adapters.texts import phrase
from adapters.wecom.callbacks import Callback
from adapters.wecom.protocol import GONE
from adapters.wecom.socket import NoAck
from common.clock import Clock
from common.language import is_chinese
from common.rate_limit import Pace

log = logging.getLogger(__name__)

MAX_BYTES = 20480
PAUSE_S = 1.0
"""Between two frames of a stream."""
REFRESH_S = 180.0
END_S = 510.0

Write: TypeAlias = Callable[[Callback, dict[str, object]], Awaitable[int]]
"""Sends the `stream` of a reply and returns the code of its ack. Raises NetworkError."""


def render(reply: Reply) -> str:
    """The reply as WeCom's Markdown, within the limit."""
    return composed(reply, WECOM, MAX_BYTES, str, byte_size)


def draft_text(text: str, below: str = "") -> str:
    """An answer as far as it is."""
    return fit(text, MAX_BYTES, lambda kept: rendered(kept, WECOM) + below, byte_size)


def follows(text: str) -> str:
    """Ends a draft whose answer will take longer than a draft may stand open."""
    return draft_text(text, f"\n\n{phrase('follows', is_chinese(text))}")


def unanswered(text: str) -> str:
    """Ends a draft that came to nothing. It can't be withdrawn, and must not stay open."""
    return phrase("unanswered", is_chinese(text))


class Bubble(Draft):
    """One stream."""

    def __init__(
        self, callback: Callback, write: Write, budget: Budget, drafts: Pace, clock: Clock
    ) -> None:
        super().__init__(callback.group, clock, PAUSE_S)
        self.stream_id = f"draft-{uuid4().hex}"
        self.open = False
        self._callback, self._write = callback, write
        self._budget, self._drafts = budget, drafts
        self._began = self._touched = 0.0

    def due(self) -> float | None:
        """A stream that is open is touched, or ended, though there is nothing new."""
        if self.open and self.text == self.shown:
            return max(min(self._touched + REFRESH_S, self._began + END_S), self.not_before)
        return super().due()

    async def step(self, text: str) -> None:
        """Shows what is written so far; ends the stream where it has been open for too long."""
        group = self._callback.group
        if self.open and self._clock.now() >= self._began + END_S:
            self._budget.take(group)
            await self._frame(follows(text), finish=True)
            self.open = False
            raise SendRefused("the stream was open for too long")
        if pause := self._drafts.take(group):
            raise RateLimited("answers need room", pause)
        self._budget.take(group)
        await self._frame(draft_text(text), finish=False)

    async def end(self, text: str, *, patient: bool) -> None:
        """Ends the stream with this text; `patient` waits until the chat may have a message, else
        the stream stays open where it may not."""
        if patient:
            await self._budget.wait(self._callback.group)
        else:
            self._budget.take(self._callback.group)
        await self._frame(text, finish=True)
        self.open = False

    async def _frame(self, text: str, *, finish: bool) -> None:
        stream: dict[str, object] = {"id": self.stream_id, "finish": finish, "content": text}
        self._touched = self._clock.now()
        if not self._began:
            self._began = self._touched
            stream["feedback"] = {"id": self.stream_id}
        try:
            code = await self._write(self._callback, stream)
        except NoAck as error:
            self.open = True  # perhaps; the answer's frame settles it
            raise SendRefused(str(error)) from error
        self.open = not code or (self.open and code not in GONE)
        if code:
            raise SendRefused(f"WeCom refuses a draft: code {code}")


class Bubbles(Drafts[Bubble]):
    """The streams that are open."""

    def __init__(self, write: Write, budget: Budget, clock: Clock) -> None:
        super().__init__()
        self._write, self._budget, self._clock = write, budget, clock
        # There are fewer drafts than messages may be, so that answers have room.
        self._rate = Pace(clock, 8, 60, burst=4)

    def begin(self, message_id: str, callback: Callback, text: str) -> None:
        """Shows an answer as far as it is."""
        self.show(
            message_id,
            text,
            lambda: Bubble(callback, self._write, self._budget, self._rate, self._clock),
        )

    async def end(self, message_id: str, *, patient: bool = True) -> None:
        """Ends a draft whose answer was not sent. Never raises AdapterError."""
        bubble = await self.hold(message_id)
        self.done(message_id)
        if bubble is None or not bubble.open:
            return
        try:
            await bubble.end(unanswered(bubble.text), patient=patient)
        except AdapterError as error:
            log.warning("a draft in reply to %s stays open: %s", message_id, error)

    async def close(self) -> None:
        """Ends what is still open, as far as that is quickly done."""
        for message_id in list(self.open):
            await self.end(message_id, patient=False)
