"""Answers that are shown while they are written: one stream, one bubble in the chat.

Every frame shows the whole text so far. A stream has to be ended, within ten minutes of its first
frame, and expires when it is not touched for six; what it shows can't be taken back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import uuid4

from adapters.base import AdapterError, RateLimited
from adapters.wecom.budget import Budget
from adapters.wecom.callbacks import Callback
from adapters.wecom.errors import GONE
from adapters.wecom.render import draft, follows, unanswered
from adapters.wecom.socket import NoAck
from common.clock import Clock

log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""Between two frames of a stream."""
REFRESH_S = 180.0
END_S = 510.0

Write: TypeAlias = Callable[[Callback, dict[str, object]], Awaitable[int]]
"""Sends the `stream` of a reply and returns the code of its ack. Raises NetworkError."""


class Bubble:
    """One stream, kept up by a task of its own: writing an answer never waits for WeCom."""

    def __init__(self, callback: Callback, write: Write, budget: Budget, clock: Clock) -> None:
        self.stream_id = f"draft-{uuid4().hex}"
        self.open = False
        self.text = ""
        self._callback, self._write, self._budget, self._clock = callback, write, budget, clock
        self._shown = ""
        self._began = self._touched = self._not_before = 0.0
        self._woken = asyncio.Event()
        self._stopping = self._over = False
        self._task = asyncio.create_task(self._work())

    def show(self, text: str) -> None:
        """The newest text wins."""
        self.text = text
        self._woken.set()

    async def stop(self) -> None:
        """No more drafts; returns once the frame under way is through."""
        self._stopping = True
        self._woken.set()
        # A bare await would pass a cancellation on to the task.
        await asyncio.wait([self._task])
        self._task.result()

    async def end(self, text: str, *, patient: bool) -> None:
        """Ends the stream with this text; `patient` waits until the chat may have a message, else
        the stream stays open where it may not."""
        while pause := self._budget.pause(self._callback.group):
            if not patient:
                raise RateLimited("the chat may have no message now", pause)
            await self._clock.wait(asyncio.Event(), self._clock.now() + pause)
        await self._frame(text, finish=True)
        self.open = False

    async def _work(self) -> None:
        try:
            while not (self._stopping or self._over):
                await self._clock.wait(self._woken, self._due())
                self._woken.clear()
                if not self._stopping:
                    await self._step()
        except NoAck as error:
            self.open = True  # perhaps; the answer's frame settles it
            log.info("drafts in %s stop: %s", self._callback.group, error)
        except AdapterError as error:
            log.info("drafts in %s stop: %s", self._callback.group, error)

    def _due(self) -> float | None:
        if self.text != self._shown:
            moment = self._touched + PAUSE_S
        elif self.open:
            moment = min(self._touched + REFRESH_S, self._began + END_S)
        else:
            return None
        return max(moment, self._not_before)

    async def _step(self) -> None:
        due, now = self._due(), self._clock.now()
        if due is None or now < due:
            return
        late = self.open and now >= self._began + END_S
        spend = self._budget.pause if late else self._budget.draft_pause
        if pause := spend(self._callback.group):
            self._not_before = now + pause
        elif late:
            await self._frame(follows(self.text), finish=True)
            self.open, self._over = False, True
        else:
            self._shown = self.text
            await self._frame(draft(self.text), finish=False)

    async def _frame(self, text: str, *, finish: bool) -> None:
        stream: dict[str, object] = {"id": self.stream_id, "finish": finish, "content": text}
        if not self._began:
            self._began = self._clock.now()
            stream["feedback"] = {"id": self.stream_id}
        self._touched = self._clock.now()
        code = await self._write(self._callback, stream)
        self.open = not code or (self.open and code not in GONE)
        if code:
            raise AdapterError(f"WeCom refuses a draft: code {code}")


class Drafts:
    """The open drafts, by the id of the message that they answer."""

    def __init__(self, write: Write, budget: Budget, clock: Clock) -> None:
        self._write, self._budget, self._clock = write, budget, clock
        self._bubbles: dict[str, Bubble] = {}

    def show(self, message_id: str, callback: Callback, text: str) -> None:
        """Shows an answer as far as it is."""
        bubble = self._bubbles.get(message_id)
        if bubble is None:
            bubble = Bubble(callback, self._write, self._budget, self._clock)
            self._bubbles[message_id] = bubble
        bubble.show(text)

    async def hold(self, message_id: str | None) -> str:
        """The stream in which a message's answer is shown, quiet from now on; "" for none."""
        bubble = self._bubbles.get(message_id or "")
        if bubble is None:
            return ""
        await bubble.stop()
        return bubble.stream_id if bubble.open else ""

    def completed(self, message_id: str | None) -> None:
        """The answer stands in the chat."""
        self._bubbles.pop(message_id or "", None)

    async def close(self, message_id: str, *, patient: bool = True) -> None:
        """Ends a draft whose answer was not sent. Never raises AdapterError."""
        stream_id = await self.hold(message_id)
        bubble = self._bubbles.pop(message_id, None)
        if bubble is None or not stream_id:
            return
        try:
            await bubble.end(unanswered(bubble.text), patient=patient)
        except AdapterError as error:
            log.warning("a draft in reply to %s stays open: %s", message_id, error)

    async def close_all(self) -> None:
        """Ends what is still open, as far as that is quickly done."""
        for message_id in list(self._bubbles):
            await self.close(message_id, patient=False)
