"""What the group says about the gate, as labels in the store.

Who knows the rules says it outright: the `good` or `bad` of an admin, or of a login that may label,
is a whole label. Anybody's word counts for less, and a vote on an answer or its withdrawal for as
little: it may be about the answer and not about whether there should have been one. How much a
person can move in all is bounded where the labels are taken up; see `learning`.
"""

from collections.abc import Sequence

from adapters.base import Feedback, Labelled, RecallAsked, Vote
from bot.store.examples import Origin, StoredQuestion
from bot.store.store import Store
from bot.types import Reason

ANSWERS = (Reason.ANSWERED, Reason.NEAREST)

WHOLE = 1.0
SAID = 0.5
"""What somebody says with `good` or `bad` who is no admin."""

VOTED = 0.3
"""A vote, or an answer that was withdrawn."""


async def label_message(
    store: Store, said: Labelled, admins: Sequence[str], origin: Origin
) -> StoredQuestion | None:
    """Somebody says whether the bot should answer a message of the group; who knows the rules is
    named in the audit log. None where there is no such message."""
    question = await store.question_of(said.adapter, said.message_id)
    if question is None or question.group != said.group:
        return None
    person = f"{said.adapter}:{said.user}"
    knows = bool(said.login) or person in admins
    await _add(
        store,
        question,
        user=said.user,
        good=said.good,
        origin=origin,
        weight=WHOLE if knows else SAID,
        at=said.at,
    )
    if knows:
        await store.add_audit(
            at=said.at,
            who=said.login or person,
            action="label",
            target=f"{said.adapter}:{said.group} {question.message_id}",
            after="good" if said.good else "bad",
        )
    return question


async def label_by_vote(store: Store, vote: Feedback) -> None:
    """A helpful answer was one that the bot should give. One that is not helpful was none, if
    nobody had asked for it: who called the bot wanted an answer, only not this one."""
    question = await store.question_of(vote.adapter, vote.reply_id)
    if question is None or question.reason not in ANSWERS:
        return
    person = f"{vote.adapter}:{vote.user}"
    await store.remove_label(vote.adapter, question.message_id, Origin.VOTE, person)
    good = vote.vote == Vote.HELPFUL
    if vote.vote != Vote.NONE and (good or question.unprompted):
        await _add(
            store,
            question,
            user=vote.user,
            good=good,
            origin=Origin.VOTE,
            weight=VOTED,
            at=vote.at,
        )


async def label_by_recall(store: Store, recall: RecallAsked, now: float) -> None:
    """An answer that nobody had asked for and that somebody has withdrawn was none to give."""
    question = await store.question_of(recall.adapter, recall.reply_id)
    if question and question.unprompted and question.reason in ANSWERS:
        await _add(
            store,
            question,
            user=recall.user,
            good=False,
            origin=Origin.RECALL,
            weight=VOTED,
            at=now,
        )


async def _add(
    store: Store,
    question: StoredQuestion,
    *,
    user: str,
    good: bool,
    origin: Origin,
    weight: float,
    at: float,
) -> None:
    if not question.text.strip():
        return
    await store.add_label(
        question.labelled(
            good=good,
            origin=origin,
            at=at,
            weight=weight,
            person=f"{question.adapter}:{user}",
        )
    )
