"""The bot's memory on disk: every message, what was decided on it, every reply.

The queries are functions of a connection, by topic, each with its signature and docstring where
it stands. Times are in seconds since the epoch.
"""

import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bot.store import (
    access,
    browse_groups,
    browse_questions,
    decisions,
    drafts,
    early,
    erasing,
    examples,
    figures,
    gaps,
    groups,
    history,
    incoming,
    replies,
)
from bot.store.database import (
    Connection,
    Database,
    Place,
    StoreError,
    open_database,
)

__all__ = ["Store", "StoreError", "open_store"]

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def open_store(
    place: Place, *, durable: bool = True, upgrade: bool = True
) -> AsyncIterator["Store"]:
    """Opens the store, made where there is none, and brings it up to date if `upgrade` allows."""
    async with open_database(place, durable=durable, upgrade=upgrade) as database:
        yield Store(database)


def _transaction(
    query: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate["Store", P], Coroutine[Any, Any, T]]:
    """A query as a method of the store, with the query's own parameters and docstring: one
    transaction in the store's thread, on disk when it returns. Raises StoreError."""

    @wraps(query)
    async def method(store: "Store", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await store.database.run(query, *args, **kwargs)

    return method


def _look(
    query: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate["Store", P], Coroutine[Any, Any, T]]:
    """As `_transaction`, for what people look at: it only reads, and may take a while."""

    @wraps(query)
    async def method(store: "Store", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await store.database.read(query, *args, **kwargs)

    return method


class Store:
    """An open store; also the adapters' `History`. Made by `open_store`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    add_message = _transaction(incoming.add_message)
    edit_message = _transaction(incoming.edit_message)
    undecided = _transaction(incoming.undecided)
    backlog = _transaction(incoming.backlog)
    kept = _transaction(incoming.kept)
    is_recalled = _transaction(incoming.is_recalled)
    touch = _transaction(incoming.touch)

    add_copy = _transaction(decisions.add_copy)
    decide = _transaction(decisions.decide)
    dismiss_stale = _transaction(decisions.dismiss_stale)
    recall_message = _transaction(decisions.recall_message)

    add_reply = _transaction(replies.add_reply)
    reply_tried = _transaction(replies.reply_tried)
    reply_sent = _transaction(replies.reply_sent)
    reply_failed = _transaction(replies.reply_failed)
    pending_replies = _transaction(replies.pending_replies)
    being_posted = _transaction(replies.being_posted)
    fail_stale = _transaction(replies.fail_stale)
    mark_recalled = _transaction(replies.mark_recalled)
    reply_for = _transaction(replies.reply_for)
    reply_by_platform_id = _transaction(replies.reply_by_platform_id)
    last_answer = _transaction(replies.last_answer)
    unprompted_replies = _transaction(replies.unprompted_replies)
    recent_answers = _transaction(replies.recent_answers)
    vote = _transaction(replies.vote)
    add_early = _transaction(early.add_early)
    early_events = _transaction(early.early_events)
    drop_early = _transaction(early.drop_early)

    drafts_since = _transaction(drafts.drafts_since)
    open_drafts = _transaction(drafts.open_drafts)
    list_drafts = _look(drafts.list_drafts)
    draft_answered = _transaction(drafts.draft_answered)

    add_label = _transaction(examples.add_label)
    remove_label = _transaction(examples.remove_label)
    forget_labels = _transaction(examples.forget_labels)
    labels = _transaction(examples.labels)
    labels_by_origin = _transaction(examples.labels_by_origin)
    stored_questions = _transaction(examples.stored_questions)
    question_of = _transaction(examples.question_of)
    add_refit = _transaction(examples.add_refit)
    refits = _transaction(examples.refits)
    undo_refit = _transaction(examples.undo_refit)
    weekly_messages = _look(examples.weekly_messages)

    bot_moved = _transaction(groups.bot_moved)
    standing = _transaction(groups.standing)
    group_mode = _transaction(groups.group_mode)
    set_mode = _transaction(groups.set_mode)
    bind_sources = _transaction(groups.bind_sources)
    bound_sources = _transaction(groups.bound_sources)
    known_groups = _look(groups.known_groups)
    latest = _transaction(groups.latest)
    mute = _transaction(groups.mute)
    unmute = _transaction(groups.unmute)
    muted_until = _transaction(groups.muted_until)

    add_audit = _transaction(access.add_audit)
    audit_page = _look(access.audit_page)

    add_session = _transaction(access.add_session)
    session = _transaction(access.session)
    end_session = _transaction(access.end_session)

    messages = _transaction(history.messages)
    said_lately = _transaction(history.said_lately)
    decision = _transaction(history.decision)
    decision_behind = _transaction(history.decision_behind)
    last_decision = _transaction(history.last_decision)
    counts = _look(history.counts)
    stored_bytes = _transaction(history.stored_bytes)
    asked_since = _look(history.asked_since)
    last_digest = _transaction(history.last_digest)
    digest_made = _transaction(history.digest_made)

    list_groups = _look(browse_groups.list_groups)
    one_group = _look(browse_groups.one_group)
    timeline = _look(browse_groups.timeline)
    seq_of = _transaction(browse_groups.seq_of)
    mark_seen = _transaction(browse_groups.mark_seen)
    budgets = _transaction(browse_groups.budgets)
    set_budget = _transaction(browse_groups.set_budget)
    list_questions = _look(browse_questions.list_questions)
    set_unsure = _transaction(browse_questions.set_unsure)
    kept_of = _look(erasing.kept_of)
    person_data = _look(erasing.person_data)
    erasures = _transaction(erasing.erasures)
    prune_old = _transaction(erasing.prune_old)

    async def erase_person(self, adapter: str, user: str, now: float) -> erasing.Erased:
        """Erases what is kept of a person, all of it when this returns; what went."""
        total = erasing.Erased()
        while (found := await self.database.run(erasing.erase_batch, adapter, user, now)).messages:
            total.add(found)
        total.add(found)
        await self.database.run(erasing.note_erasure)
        try:
            await self.database.fold()
        except StoreError as error:
            log.warning("what was erased leaves the log when the bot stops: %s", error)
        return total

    by_day = _look(figures.by_day)
    answer_seconds = _look(figures.answer_seconds)
    kept_promise = _look(figures.kept_promise)
    weekly_unprompted = _look(figures.weekly_unprompted)
    week_scores = _look(figures.week_scores)
    cited = _look(figures.cited)
    add_usage = _transaction(figures.add_usage)
    usage_of = _transaction(figures.usage_of)
    usage_by_day = _look(figures.usage_by_day)

    open_questions = _look(gaps.open_questions)
    open_question = _transaction(gaps.open_question)
    given_answer = _transaction(gaps.given_answer)
    decide_proposal = _transaction(gaps.decide_proposal)
    approved_proposals = _look(gaps.approved_proposals)

    async def prune(self, before: float) -> int:
        """Deletes what was decided before a time, never what is unfinished; how many rows."""
        total = 0
        while deleted := await self.database.run(decisions.prune_batch, before):
            total += deleted
        return total
