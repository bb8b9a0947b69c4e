"""Near-identical questions of a group take turns, so that the second can point to the answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.types import Group, Knowledge, Question


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    text: str
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Turns:
    """Knows which questions are being answered. `similarity` is the cosine from which two are
    near-identical."""

    def __init__(self, knowledge: Knowledge, similarity: float) -> None:
        self._knowledge, self._similarity = knowledge, similarity
        self._under_way: dict[Group, list[_Turn]] = {}

    @asynccontextmanager
    async def after_the_same(self, question: Question) -> AsyncIterator[None]:
        """Waits until no near-identical question of the group is being answered."""
        group, own = question.group, _Turn(question.text)
        seen: list[_Turn] = []
        # What began while we looked has to be looked at too.
        while (others := list(self._under_way.get(group, ()))) != seen:
            if same := await self._same(own.text, others):
                await same.done.wait()
            else:
                seen = others
        self._under_way.setdefault(group, []).append(own)
        try:
            yield
        finally:
            own.done.set()
            self._under_way[group].remove(own)
            if not self._under_way[group]:
                del self._under_way[group]

    async def _same(self, text: str, others: list[_Turn]) -> _Turn | None:
        cosines = await self._knowledge.alike(text, [other.text for other in others])
        near = zip(others, cosines, strict=True)
        return next((other for other, cosine in near if cosine >= self._similarity), None)
