"""An answer while it is being written: shown as far as the whole answer's checks would let it
pass, scores included."""

import asyncio
from contextlib import suppress
from typing import Self

from bot.answering.check import Inspector, scored
from bot.grounding.markdown import complete, cut_short, marks_in
from bot.llm.asked_in import asked_in, is_in_another
from bot.llm.llm import NO_ANSWER, Llm
from bot.llm.types import LlmError, OnText
from knowledge.types import KnowledgeError

MOST_LOOKS = 2
"""So often an answer is checked on its way: each look costs two scores and verdicts on what is
new."""


class Preview:
    """Looks at the whole sentences that there are, while the model writes on; one look at a time.
    What doesn't pass, or can't be checked, is not shown. Ends with the `async with`."""

    def __init__(self, question: str, inspector: Inspector, llm: Llm, show: OnText | None) -> None:
        self._question, self._inspector, self._llm, self._show = question, inspector, llm, show
        self._looked_at = ""
        self._looks = 0
        self._look: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._look:
            self._look.cancel()
            with suppress(asyncio.CancelledError):
                await self._look

    async def on_text(self, text: str) -> None:
        """Takes all the text so far."""
        busy = self._look and not self._look.done()
        if self._show is None or busy or self._looks == MOST_LOOKS:
            return
        found = cut_short(complete(text), self._inspector.max_chars)
        if found in ("", self._looked_at) or NO_ANSWER in text or self._inspector.leaks(text):
            return
        if is_in_another(found, asked_in(self._question)):
            return  # it will be translated first
        self._looked_at = found
        self._looks += 1
        self._look = asyncio.create_task(self._check(found, self._show), name="preview")

    async def _check(self, text: str, show: OnText) -> None:
        try:
            found = await self._inspector.inspect(text)
            if found.core_lost or not marks_in(found.text):
                return
            if await scored(self._question, found.text, self._llm, {}) is None:
                await show(found.text)
        except (LlmError, KnowledgeError):
            return  # the answer's own check will tell
