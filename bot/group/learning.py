"""The gate learns from what the groups said of it, and can be led back.

Labels of all groups serve one gate. Whole labels, such as an admin's, decide; where there are none
for a message the votes do, weighed against each other; what a model said counts where no person
said anything. Nobody can turn the bot alone: all that a person voted is worth `PER_PERSON` whole
labels at most.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bot.store.examples import Label, Origin
from bot.store.store import Store
from bot.types import Knowledge
from common.clock import Clock
from knowledge.gate.examples import Example, bounded
from knowledge.gate.refit import Refit

PER_PERSON = 2.0
"""What the votes of a person are worth at most, in whole labels."""

MOST_VOTED = 0.9
"""What votes are worth for one message: never a whole label, which proves something."""

LEAST = 0.05
"""Votes that nearly cancel each other out say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """Takes up labels, and takes back what was taken up."""

    store: Store
    knowledge: Knowledge
    clock: Clock

    async def refit(self) -> Refit:
        """Fits the gate to all labels; it is taken if it is no worse. Raises KnowledgeError."""
        erased = await self.store.erasures()
        labels = await self.store.labels()
        found = await self.knowledge.refit(as_examples(labels))
        if found.changed:
            point = found.state.unprompted
            figures = {
                "before": found.before,
                "after": found.after,
                "model": found.state.model,
                "good": found.state.good,
                "bad": found.state.bad,
                "threshold": point.threshold,
                "recall": point.recall,
            }
            taken_up = [label.id for label in labels] if found.taken else None
            await self.store.add_refit(self.clock.now(), figures, taken_up)
        if await self.store.erasures() != erased:
            # Who was erased meanwhile, by a command beside the bot perhaps, was among the labels.
            await self.forget_erased()
        return found

    async def undo(self) -> int | None:
        """Goes back to the gate before the last refit that was taken, and sets aside the labels
        that it took up; how many, None where there is no such refit. Raises KnowledgeError."""
        if not await self.knowledge.undo_refit():
            return None
        tried = await self.store.refits()
        last = next((one for one in tried if one.taken and one.undone_at is None), None)
        return await self.store.undo_refit(last.id, self.clock.now()) if last else 0

    async def forget_erased(self) -> bool:
        """Takes what the store no longer holds, because its author took it back, out of the gate
        and of the steps that it could go back to; was there any? Raises KnowledgeError."""
        kept = {label.text for label in await self.store.labels(aside=True)}
        gone = await self.knowledge.labelled() - kept
        if gone:
            await self.knowledge.forget(gone)
        return bool(gone)


def as_examples(labels: Sequence[Label]) -> list[Example]:
    """One example per message that is labelled, as far as the labels agree."""
    by_teacher = [label for label in labels if label.origin == Origin.TEACHER]
    by_people = [label for label in labels if label.origin != Origin.TEACHER]
    voted = [label for label in by_people if label.weight < 1.0]
    whole = sorted((label for label in by_people if label.weight >= 1.0), key=lambda one: one.at)
    votes: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for label, vote in zip(voted, bounded(list(map(_example, voted)), PER_PERSON), strict=True):
        votes[label.adapter, label.message_id].append(vote)
    found = {(label.adapter, label.message_id): _example(label) for label in by_teacher}
    found |= {message: _weighed(given) for message, given in votes.items()}
    found |= {(label.adapter, label.message_id): _example(label) for label in whole}
    return [example for example in found.values() if example.weight >= LEAST]


def _weighed(votes: Sequence[Example]) -> Example:
    """What is left when the votes on a message are set against each other."""
    net = sum(vote.weight if vote.good else -vote.weight for vote in votes)
    last = votes[-1]
    return Example(
        text=last.text,
        good=net > 0,
        weight=min(MOST_VOTED, abs(net)),
        origin=last.origin,
        group=last.group,
        time=last.time,
    )


def _example(label: Label) -> Example:
    return Example(
        text=label.text,
        good=label.good,
        weight=label.weight,
        origin=label.origin,
        group=f"{label.adapter}:{label.group}",
        person=label.person,
        time=label.at,
    )
