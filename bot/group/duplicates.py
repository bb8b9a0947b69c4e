"""Near-identical questions of a group: what was answered lately, and one after the other."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from adapters.base import Reply
from bot.texts.answers import begin_alike
from bot.types import Answer, Group, Knowledge, PastAnswer, Question, Trace, stage

TOLD_S = 1800.0
"""What was said so lately need not be said again: it is still in view."""

MAX_ANSWERS = 200
"""Answers remembered per group."""


class RecentAnswers:
    """What was answered in each group within the last `window_s` seconds. Pure: the clock is
    passed in, in seconds since the epoch; one that is set back forgets nothing for long."""

    def __init__(self, window_s: float, per_group: int = MAX_ANSWERS) -> None:
        self.window_s = window_s
        self._per_group = per_group
        self._answers: dict[Group, deque[PastAnswer]] = {}
        self.forgotten = 0
        """How often something was forgotten: what else remembers answers has to forget them too."""

    def add(self, group: Group, answer: PastAnswer) -> None:
        """Remembers an answer; of more than `per_group` the oldest goes."""
        self._answers.setdefault(group, deque(maxlen=self._per_group)).append(answer)
        self._answers = {
            group: answers
            for group, answers in self._answers.items()
            if self._is_recent(answers[-1], answer.at)
        }

    def remember(self, question: Question, reply: Reply, now: float) -> None:
        """An answer was posted."""
        self.add(
            question.group,
            PastAnswer(
                key=reply.key,
                text=question.text,
                user=question.last.user,
                answer=reply.text,
                citations=reply.citations,
                at=now,
            ),
        )

    def restore(self, answers: Iterable[tuple[Group, PastAnswer]]) -> None:
        """Takes up after a restart what the store remembers, oldest first."""
        for group, answer in answers:
            self.add(group, answer)

    def of(self, group: Group, now: float) -> Sequence[PastAnswer]:
        """The answers that are still in the window, oldest first."""
        return [one for one in self._answers.get(group, ()) if self._is_recent(one, now)]

    def forget(self, group: Group, key: str) -> None:
        """An answer was withdrawn: its question may be answered anew."""
        self.forgotten += 1
        kept = [one for one in self._answers.pop(group, ()) if one.key != key]
        if kept:
            self._answers[group] = deque(kept, self._per_group)

    def forget_all(self, keys: Collection[str]) -> None:
        """The questions behind these answers were erased."""
        self.forgotten += 1
        for group in list(self._answers):
            for answer in [one for one in self._answers.get(group, ()) if one.key in keys]:
                self.forget(group, answer.key)

    def clear(self) -> None:
        """Remembers nothing."""
        self.forgotten += 1
        self._answers.clear()

    def _is_recent(self, answer: PastAnswer, now: float) -> bool:
        return abs(now - answer.at) < self.window_s


@dataclass(frozen=True, slots=True, eq=False)
class _UnderWay:
    text: str
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Duplicates:
    """Finds near-identical questions: their cosine is at least `similarity`."""

    def __init__(self, knowledge: Knowledge, recent: RecentAnswers, similarity: float) -> None:
        self._knowledge, self._recent, self._similarity = knowledge, recent, similarity
        self._under_way: dict[Group, list[_UnderWay]] = {}

    @asynccontextmanager
    async def one_at_a_time(self, question: Question) -> AsyncIterator[None]:
        """Waits until no near-identical question of the group is being answered, so that the
        second one can point to the answer."""
        group, own = question.group, _UnderWay(question.text)
        seen: list[_UnderWay] = []
        # What began while we looked has to be looked at too.
        while (others := list(self._under_way.get(group, ()))) != seen:
            cosines = await self._knowledge.alike(own.text, [other.text for other in others])
            near = zip(others, cosines, strict=True)
            same = next((other for other, cosine in near if cosine >= self._similarity), None)
            if same:
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

    async def answered(self, question: Question, now: float, trace: Trace) -> PastAnswer | None:
        """The answer that a near-identical question got lately."""
        earlier = self._recent.of(question.group, now)
        if not earlier:
            return None
        with stage(trace, "repeated") as figures:
            cosines = await self._knowledge.alike(question.text, [one.text for one in earlier])
            best = max(range(len(earlier)), key=lambda index: cosines[index])
            figures["similarity"] = round(cosines[best], 3)
            figures["threshold"] = self._similarity
        return earlier[best] if cosines[best] >= self._similarity else None

    def was_told(self, question: Question, answer: Answer, now: float) -> bool:
        """Does an answer begin with what the asker was told a while ago, or who asked the question
        that this one leans on? A follow-up that nothing more is found for would bring it again."""
        return any(
            (one.user == question.last.user or one.text in question.text)
            and abs(now - one.at) < TOLD_S
            and begin_alike(answer.text, one.answer)
            for one in self._recent.of(question.group, now)
        )
