"""The life of messages and replies under any sequence of events, against a model of it."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.base import Reply
from bot.store import decisions, incoming, replies
from bot.store.database import Connection
from bot.store.engines.sqlite import SqliteConnection
from bot.store.schema.migrations import migrate
from bot.types import Reason
from tests.bot.group.posts import ADAPTER, GROUP, post

P = ParamSpec("P")
T = TypeVar("T")
OLD_S = 50.0
some_id = st.sampled_from("abcdef")
some_ids = st.lists(some_id, min_size=1, max_size=3, unique=True)


@dataclass
class Told:
    """A message as the model sees it."""

    at: float
    state: str = "received"
    key: str | None = None


@dataclass
class Sent:
    """A reply as the model sees it."""

    at: float
    outcome: str
    state: str = "pending"


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.db = sqlite3.connect(":memory:", isolation_level=None, factory=SqliteConnection)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA foreign_keys = ON")
        self.do(migrate)
        self.now = 1000.0
        self.messages: dict[str, Told] = {}
        self.replies: dict[str, Sent] = {}
        self.made = 0

    @property
    def oldest(self) -> float:
        return min((message.at for message in self.messages.values()), default=self.now)

    def teardown(self) -> None:
        self.db.close()

    def do(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        with self.db:
            self.db.execute("BEGIN")
            return work(self.db, *args, **kwargs)

    @rule(seconds=st.sampled_from([1.0, 20.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(message_id=some_id, mention=st.booleans())
    def somebody_writes_or_the_platform_delivers_again(
        self, message_id: str, mention: bool
    ) -> None:
        message = post(message_id, mention=mention)
        new = self.do(incoming.add_message, message, self.now, self.now)
        assert new == (message_id not in self.messages)
        if new:
            self.messages[message_id] = Told(self.now)

    @precondition(lambda self: self.messages)
    @rule(chosen=some_ids, outcome=st.sampled_from(["answer", "silence"]))
    def the_bot_decides_and_replies(self, chosen: list[str], outcome: str) -> None:
        self.made += 1
        key = f"r{self.made}"
        if self.decide(chosen, outcome, Reply(key, GROUP, chosen[-1], "yes"), key):
            self.replies[key] = Sent(self.now, outcome)

    @precondition(lambda self: self.messages)
    @rule(chosen=some_ids)
    def the_bot_keeps_silent(self, chosen: list[str]) -> None:
        self.decide(chosen, "silence", None, None)

    def decide(self, chosen: list[str], outcome: str, reply: Reply | None, key: str | None) -> bool:
        decided = self.do(
            decisions.decide,
            adapter=ADAPTER,
            group=GROUP,
            message_ids=chosen,
            outcome=outcome,
            reason=Reason.ANSWERED,
            trace=[],
            reply=reply,
            now=self.now,
        )
        told = [self.messages[i] for i in chosen if i in self.messages]
        open_ones = [message for message in told if message.state == "received"]
        assert (decided is not None) == bool(open_ones)
        for message in open_ones:
            message.state, message.key = ("deciding" if reply else "dismissed"), key
            message.at = self.now
        return bool(open_ones)

    @precondition(lambda self: self.replies)
    @rule(back=st.integers(0, 2), fine=st.booleans())
    def the_platform_takes_or_refuses(self, back: int, fine: bool) -> None:
        key = f"r{max(0, self.made - back)}"
        reply = self.replies.get(key)
        try:
            if fine:
                self.do(replies.reply_sent, key, f"p-{key}", self.now)
            else:
                self.do(replies.reply_failed, key, self.now)
        except LookupError:
            assert reply is None or reply.state != "pending"
            return
        assert reply is not None
        if reply.state == "recalled":
            return  # its platform's id is kept, so that it can be withdrawn there
        assert reply.state == "pending"
        self.settle(key, "sent" if fine else "failed")

    def settle(self, key: str, state: str) -> None:
        reply = self.replies[key]
        reply.state = state
        good = state != "failed" and reply.outcome == "answer"
        for message in self.messages.values():
            if message.key == key and message.state == "deciding":
                message.state = "answered" if good else "dismissed"

    @precondition(lambda self: self.replies)
    @rule(back=st.integers(0, 2))
    def the_answer_is_withdrawn(self, back: int) -> None:
        key = f"r{max(0, self.made - back)}"
        self.do(replies.mark_recalled, key)
        if key in self.replies:
            self.settle(key, "recalled")

    @precondition(lambda self: self.messages)
    @rule(message_id=some_id)
    def its_author_recalls_it(self, message_id: str) -> None:
        self.do(decisions.recall_message, ADAPTER, message_id, self.now)
        message = self.messages.get(message_id)
        if message and message.state == "received":
            message.state, message.at = "dismissed", self.now

    @precondition(lambda self: self.now - OLD_S > self.oldest)
    @rule()
    def the_bot_is_started_late(self) -> None:
        dismissed = self.do(decisions.dismiss_stale, self.now, OLD_S)
        self.do(replies.fail_stale, self.now, OLD_S)
        for message in self.messages.values():
            if message.state == "received" and message.at < self.now - OLD_S:
                message.state, message.at = "dismissed", self.now
                dismissed -= 1
        assert dismissed == 0
        for key, reply in self.replies.items():
            if reply.state == "pending" and reply.at < self.now - OLD_S:
                self.settle(key, "failed")

    @precondition(lambda self: self.now - OLD_S > self.oldest)
    @rule()
    def old_things_are_deleted(self) -> None:
        while self.do(decisions.prune_batch, self.now - OLD_S):
            pass
        before = self.now - OLD_S
        self.messages = {
            i: m
            for i, m in self.messages.items()
            if m.state in ("received", "deciding") or m.at >= before
        }
        self.replies = {
            k: r for k, r in self.replies.items() if r.state == "pending" or r.at >= before
        }

    @invariant()
    def states_are_as_expected(self) -> None:
        found = {r["message_id"]: r["state"] for r in self.db.execute("SELECT * FROM messages")}
        assert found == {i: message.state for i, message in self.messages.items()}
        replies = {row["key"]: row["state"] for row in self.db.execute("SELECT * FROM replies")}
        assert replies == {key: reply.state for key, reply in self.replies.items()}

    @invariant()
    def what_is_unfinished_is_young_or_stale(self) -> None:
        since = self.now - OLD_S
        messages = incoming.undecided(self.db, self.now, OLD_S)
        pending_replies = replies.pending_replies(self.db, since)
        assert [message.message_id for message in messages] == [
            i for i, m in self.messages.items() if m.state == "received" and m.at >= since
        ]
        assert {pending.reply.key for pending in pending_replies} == {
            key for key, r in self.replies.items() if r.state == "pending" and r.at >= since
        }

    @invariant()
    def nothing_is_orphaned_and_numbers_are_unique(self) -> None:
        assert self.db.execute("PRAGMA foreign_key_check").fetchall() == []
        every = "SELECT seq FROM messages UNION ALL SELECT seq FROM replies"
        numbers = [row["seq"] for row in self.db.execute(every)]
        assert len(set(numbers)) == len(numbers)
        waiting = {m.key for m in self.messages.values() if m.state == "deciding"}
        assert waiting <= {k for k, r in self.replies.items() if r.state == "pending"}


TestLife = pytest.mark.timeout(600)(Life.TestCase)
TestLife.settings = settings(stateful_step_count=40)
