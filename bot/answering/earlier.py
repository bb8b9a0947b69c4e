"""Answers that were written before, given again to the same question while the documents behind
them are unchanged: no call of a model is needed then.

In one group a repeated question is pointed to its answer (`bot.group.duplicates`); this is for
other groups, and for later.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.types import Answer, Knowledge, Question
from knowledge.types import Passage

MOST = 100
"""Answers that are remembered, since the bot was started."""


@dataclass(frozen=True, slots=True)
class _Earlier:
    """`hits` were found for the question, and the answer was written from `grown`, which they grew
    to, at most `room` characters; `max_chars` bounded the answer."""

    text: str
    sources: tuple[str, ...]
    max_chars: int
    hits: tuple[Passage, ...]
    grown: tuple[str, ...]
    room: int
    answer: Answer


class EarlierAnswers:
    """The latest answers. Questions are the same where they are worded alike and their cosine is at
    least `similarity`. When `forgotten` counts on, an answer was withdrawn or a person's questions
    were erased: then all are forgotten."""

    def __init__(
        self, knowledge: Knowledge, similarity: float, forgotten: Callable[[], int]
    ) -> None:
        self._knowledge, self._similarity, self._forgotten = knowledge, similarity, forgotten
        self._answers: deque[_Earlier] = deque(maxlen=MOST)
        self._as_of = forgotten()

    async def knows(self, question: Question) -> bool:
        """Was the same question answered before, whatever the documents said then?"""
        return bool(await self._same(question))

    async def find(
        self, question: Question, found: Sequence[Passage], max_chars: int
    ) -> Answer | None:
        """The answer to the same question, if the passages that it was written from are found
        again and say the same. Raises KnowledgeError."""
        here = {_place(passage): passage for passage in found}
        for one in await self._same(question):
            now = [here[_place(hit)] for hit in one.hits if _place(hit) in here]
            if one.max_chars != max_chars or len(now) < len(one.hits):
                continue
            grown = await self._knowledge.expand(now, one.room)
            if tuple(passage.text for passage in grown)[: len(one.grown)] == one.grown:
                return one.answer
        return None

    def remember(
        self,
        question: Question,
        hits: Sequence[Passage],
        grown: Sequence[Passage],
        room: int,
        max_chars: int,
        answer: Answer,
    ) -> None:
        """An answer was written; only what stands in the documents can be looked up again."""
        self._forget()
        if any(passage.origin != "documents" for passage in (*hits, *grown)):
            return
        self._answers.appendleft(
            _Earlier(
                text=question.text,
                sources=question.sources,
                max_chars=max_chars,
                hits=tuple(replace(hit, score=0.0) for hit in hits),
                grown=tuple(passage.text for passage in grown),
                room=room,
                answer=answer,
            )
        )

    async def _same(self, question: Question) -> list[_Earlier]:
        self._forget()
        earlier = [one for one in self._answers if one.sources == question.sources]
        cosines = await self._knowledge.alike(question.text, [one.text for one in earlier])
        both = zip(earlier, cosines, strict=True)
        return [one for one, cosine in both if cosine >= self._similarity]

    def _forget(self) -> None:
        if self._as_of != self._forgotten():
            self._answers.clear()
            self._as_of = self._forgotten()


def _place(passage: Passage) -> tuple[str, str, str, str]:
    return passage.source, passage.path, passage.heading, passage.text
