"""Who has a group's lane, under any sequence of claims, expired leases and events: only its last
holder writes, and what came in is taken in once, in order."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from adapters.base import Reply
from bot.store import decisions, incoming, replies
from bot.store.cluster import events, leases
from bot.store.cluster.leases import Lane
from bot.store.database import Connection, Place
from bot.store.engines.base import Engine
from bot.store.engines.postgres import open_postgres
from bot.store.engines.sqlite import open_sqlite
from bot.types import Reason
from tests.bot.group.posts import ADAPTER, post

P = ParamSpec("P")
T = TypeVar("T")
WORKERS, GROUPS = ("w1", "w2", "w3"), ("a", "b", "c")
LEASE_S = 3600.0
worker, group = st.sampled_from(WORKERS), st.sampled_from(GROUPS)


class Lanes(RuleBasedStateMachine):
    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.do(_empty)
        self.sent: dict[str, list[str]] = {name: [] for name in GROUPS}
        self.taken: dict[str, list[str]] = {name: [] for name in GROUPS}
        self.believed: dict[tuple[str, str], Lane] = {}
        """What each worker thinks it holds, by worker and group."""
        self.holder: dict[str, tuple[str, int]] = {}
        """Who was last to claim a group, and its token."""
        self.expired: set[str] = set()

    def do(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self.engine.transact(lambda db: work(db, *args, **kwargs))[0]

    @rule(name=group, number=st.integers(0, 3))
    def the_platform_delivers(self, name: str, number: int) -> None:
        message_id = f"{name}{number}"
        waits = message_id in self.sent[name][len(self.taken[name]) :]
        new = self.do(events.add_event, post(message_id, group=name))
        assert new is not waits, "a second delivery waits beside none"
        if new:
            self.sent[name].append(message_id)

    @rule(who=worker, most=st.integers(1, 3))
    def somebody_claims(self, who: str, most: int) -> None:
        free = {name for name in GROUPS if name not in self.holder or name in self.expired}
        for lane in self.do(leases.claim, who, LEASE_S, most):
            name = lane.group[1]
            before, token = self.holder.get(name, ("", 0))
            assert name in free and before != who, "a lane is taken when its lease has ended"
            assert lane.token > token, "each holder has a higher token"
            self.holder[name] = (who, lane.token)
            self.expired.discard(name)
            self.believed[who, name] = lane

    @rule(name=group)
    def a_lease_ends_while_its_holder_sleeps(self, name: str) -> None:
        self.do(_expire, name)
        if name in self.holder:
            self.expired.add(name)

    @rule(who=worker)
    def somebody_wakes_and_renews(self, who: str) -> None:
        kept = self.do(leases.renew, who, LEASE_S)
        mine = {name for name, (holder, _) in self.holder.items() if holder == who}
        assert {lane.group[1] for lane in kept} == mine
        self.expired -= mine

    @rule(who=worker, name=group, done=st.booleans())
    def somebody_gives_back(self, who: str, name: str, done: bool) -> None:
        lane = self.believed.pop((who, name), None)
        if lane is None:
            return
        self.do(leases.release, lane, who, done=done)
        if self.holder.get(name) == (who, lane.token):
            self.holder[name] = ("", lane.token)
            self.expired.add(name)

    @rule(who=worker, name=group)
    def somebody_takes_events_in(self, who: str, name: str) -> None:
        lane = self.believed.get((who, name), Lane((ADAPTER, name), 0))

        def work(db: Connection) -> list[str]:
            if not leases.proven(db, [leases.Held(lane, who)]):
                return []
            found = events.next_events(db, lane.group, 2)
            events.drop_events(db, found)
            return [one.event.message_id for one in found]  # type: ignore[union-attr]  # all are messages

        found = self.do(work)
        assert not found or self.holder[name] == (who, lane.token), "only the last holder writes"
        self.taken[name] += found

    @invariant()
    def nothing_is_lost_doubled_or_out_of_order(self) -> None:
        for name, sent in self.sent.items():
            taken = self.taken[name]
            waiting = [one.event for one in self.do(events.next_events, (ADAPTER, name), 99)]
            assert [*taken, *(one.message_id for one in waiting)] == sent  # type: ignore[union-attr]  # all are messages


def _empty(db: Connection) -> None:
    db.execute("DELETE FROM events")
    db.execute("DELETE FROM lanes")


def _expire(db: Connection, name: str) -> None:
    db.execute("UPDATE lanes SET leased_until = 1 WHERE grp = ?", (name,))


@pytest.fixture
def engine(place: Place) -> Iterator[Engine]:
    opened: Engine = (
        open_sqlite(place, 5.0, durable=False, upgrade=True)
        if isinstance(place, Path)
        else open_postgres(place, upgrade=True)
    )
    yield opened
    opened.close()


def test_only_the_last_holder_writes_and_nothing_is_lost(engine: Engine) -> None:
    class OnThis(Lanes):
        def __init__(self) -> None:
            super().__init__(engine)

    run_state_machine_as_test(OnThis)


def test_what_a_dead_worker_left_unfinished_is_found(engine: Engine) -> None:
    long_ago = 1000.0

    def unfinished(db: Connection) -> None:
        incoming.add_message(db, post("undecided", group="a"), long_ago)
        incoming.add_message(db, post("decided", group="b"), long_ago)
        decided = db.execute("SELECT seq FROM messages WHERE grp = 'b'").fetchone()
        decisions.dismiss(db, decided["seq"], ADAPTER, "b", Reason.OFF_TOPIC, long_ago)
        replies.add_reply(db, ADAPTER, Reply("k", "c", None, "unsent"), long_ago)
        assert leases.find_left(db) == 2
        assert leases.find_left(db) == 0, "they are due already"
        claimed = leases.claim(db, "w1", LEASE_S, 9)
        assert {lane.group[1] for lane in claimed} == {"a", "c"}
        assert leases.find_left(db) == 0, "somebody is at it"
        for lane in claimed:
            leases.release(db, lane, "w1", done=True)
        assert leases.claim(db, "w2", LEASE_S, 9) == []
        assert leases.find_left(db) == 2, "it was not done after all"

    engine.transact(unfinished)


def test_what_came_in_is_found_by_every_look_and_what_is_due_by_a_thorough_one(
    engine: Engine,
) -> None:
    def work(db: Connection) -> None:
        for number in range(5):
            events.add_event(db, post(f"m{number}", group=f"g{number}"))
        first = leases.look(db, "w1", LEASE_S, 3, thorough=False)
        assert [lane.group[1] for lane in first.claimed] == ["g0", "g1", "g2"]
        assert first.more and len(first.waiting) == 3 and leases.busy_lanes(db) == 5
        assert not leases.look(db, "w1", LEASE_S, 0, thorough=True).claimed, "it has its share"
        events.drop_events(db, events.next_events(db, (ADAPTER, "g0"), 9))
        _expire(db, "g0")
        found = [
            leases.look(db, "w2", LEASE_S, 9, thorough=thorough).claimed
            for thorough in (False, True)
        ]
        assert [[lane.group[1] for lane in lanes] for lanes in found] == [["g3", "g4"], ["g0"]]

    engine.transact(work)


def test_of_two_bots_whose_workers_hear_a_message_at_once_one_has_it(place: Place) -> None:
    if isinstance(place, Path):
        return  # one writes after the other: nothing can happen at once
    seen, first, second = threading.Event(), open_postgres(place, upgrade=True), None
    try:
        second = open_postgres(place, upgrade=True)
        heard = replace(post("om_1", group="g"), adapter="first")
        for adapter in ("first", "second"):
            first.transact(partial(events.add_event, event=replace(heard, adapter=adapter)))
        first.transact(lambda db: leases.claim(db, "w", LEASE_S, 9))

        def one(db: Connection) -> bool | None:
            found = decisions.add_copy(db, heard, 1.0, None, ["second"])
            assert seen.wait(60)
            return found

        def other(db: Connection) -> bool | None:
            db.execute("SELECT 1 FROM messages").fetchall()  # sees the time before
            seen.set()
            copy = replace(heard, adapter="second")
            return decisions.add_copy(db, copy, 1.0, None, ["first"])

        with ThreadPoolExecutor(2) as threads:
            both = [threads.submit(first.transact, one), threads.submit(second.transact, other)]
            added = [each.result(60)[0] for each in both]
        assert sorted(added, key=str) == [None, True], "one answers, the other leaves it to that"
    finally:
        seen.set()
        first.close()
        if second:
            second.close()
