"""What platforms sent, until it is taken in: in which order, and who is told of it."""

import pytest

from adapters.base import BotMoved, MessageEdited
from bot.store.cluster import leases
from bot.store.cluster.events import add_event, next_events
from bot.store.cluster.leases import look
from bot.store.store import Store, StoreError
from tests.bot.group.posts import ADAPTER, post

GROUP = (ADAPTER, "g")


async def test_what_is_said_again_after_something_else_counts(store: Store) -> None:
    run = store.database.run
    came, went = (BotMoved(*GROUP, joined=joined) for joined in (True, False))
    first, second = (MessageEdited(*GROUP, "m1", text) for text in ("first", "second"))
    for event, new in ((came, True), (first, True), (came, False), (went, True), (second, True)):
        assert await run(add_event, event) is new
    for event in (came, first):
        await run(add_event, event)
    waiting = [one.event for one in await run(next_events, GROUP, 9)]
    assert waiting == [went, second, came, first]


async def test_a_worker_is_told_of_its_own_groups_alone(store: Store) -> None:
    run = store.database.run
    for group in ("g", "h"):
        await run(add_event, post(f"m-{group}", group=group))
    one = await run(look, "w1", 60.0, 1, thorough=True)
    assert one.waiting == [lane.group for lane in one.claimed] == [GROUP]
    other = await run(look, "w2", 60.0, 9, thorough=True)
    assert other.waiting == [(ADAPTER, "h")]
    assert (await run(look, "w1", 60.0, 0, thorough=True)).waiting == [GROUP]


async def test_who_waits_behind_all_that_a_look_sees_is_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SEEN", 3)
    run = store.database.run
    for number in range(4):
        await run(add_event, post(f"m{number}", group="g"))
    (lane,) = (await run(look, "w1", 60.0, 9, thorough=True)).claimed
    assert lane.group == GROUP
    for group in ("a", "h", "i"):
        await run(add_event, post(f"m-{group}", group=group))
    assert not (await run(look, "w2", 60.0, 9, thorough=False)).claimed, "only w1's are seen"
    found = [(await run(look, "w2", 60.0, 2, thorough=True)).claimed for _ in range(3)]
    assert [lane.group[1] for lanes in found for lane in lanes] == ["a", "h", "i"]


async def test_an_event_of_another_version_waits_and_the_other_groups_go_on(store: Store) -> None:
    run = store.database.run
    await run(add_event, post("m1", group="g"))
    await run(add_event, post("m2", group="h"))
    await run(
        lambda db: db.execute("UPDATE events SET payload = '{\"kind\": \"New\"}' WHERE grp = 'g'")
    )
    with pytest.raises(StoreError, match="another version"):
        await run(next_events, GROUP, 9)
    assert len(await run(next_events, (ADAPTER, "h"), 9)) == 1
