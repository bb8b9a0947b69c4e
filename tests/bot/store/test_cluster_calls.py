"""What is asked of who holds a connection: what is kept of it, and for how long."""

import pytest

from adapters.base import Reply
from bot.store.cluster.calls import (
    BRIEF_S,
    LONG_S,
    Call,
    Outcome,
    ask,
    finish,
    outcome,
    prune_calls,
    take_calls,
)
from bot.store.cluster.leases import hold
from bot.store.database import Connection
from bot.store.store import Store
from common.clock import DAY_S

REPLY = Reply("k1", "g", "m1", "an answer", citations=())


def call(key: str, method: str = "send", target: str = "fake") -> Call:
    return Call(key=key, target=target, method=method, payload={"text": "a person's words"})


def grow_older(db: Connection, seconds: float) -> None:
    db.execute("UPDATE calls SET at = at - ?", (seconds,))


def keys(db: Connection) -> set[str]:
    return {row["key"] for row in db.execute("SELECT key FROM calls")}


def words(db: Connection) -> list[str]:
    found = db.execute("SELECT key FROM calls WHERE payload LIKE '%words%'")
    return [row["key"] for row in found]


async def test_what_nobody_waits_for_any_more_is_begun_by_nobody_until_it_is_asked_again(
    store: Store,
) -> None:
    run = store.database.run
    token = (await run(hold, ["fake"], "r", 60.0))["fake"]
    await run(ask, call("send k1"))
    await run(grow_older, 41.0)
    assert not await run(take_calls, "fake", token, "r", 9, within_s=40.0), (
        "its worker died, and perhaps the reply was given up meanwhile"
    )
    await run(ask, call("send k1"))
    (taken,) = await run(take_calls, "fake", token, "r", 9, within_s=40.0)
    assert taken.key == "send k1"


@pytest.mark.parametrize("final", [True, False])
async def test_the_words_go_when_a_call_is_done(store: Store, final: bool) -> None:
    run = store.database.run
    token = (await run(hold, ["fake"], "r", 60.0))["fake"]
    await run(ask, call("send k1"))
    await run(take_calls, "fake", token, "r", 1, within_s=40.0)
    assert await run(words) == ["send k1"]
    await run(finish, "send k1", token, Outcome(value="m2", final=final))
    assert await run(words) == []
    assert await run(outcome, "send k1") == Outcome(value="m2", final=final)
    again = await run(ask, call("send k1"))
    assert (again is not None) is final
    assert await run(words) == ([] if final else ["send k1"]), "who asks again says it again"


async def test_calls_are_forgotten_when_nobody_can_ask_for_them_again(store: Store) -> None:
    run = store.database.run
    for key in ("send k1", "send k2"):
        await run(ask, call(key))
    await run(ask, call("reread 1", "reread"))
    await run(ask, call("reload 1", "reload", ":scheduler"))
    await store.add_reply("fake", REPLY, 0.0)

    async def left_after(seconds: float) -> set[str]:
        await run(grow_older, seconds)
        await run(prune_calls, 2 * DAY_S)
        return await run(keys)

    assert await left_after(BRIEF_S - 1) == {"send k1", "send k2", "reread 1", "reload 1"}
    assert await left_after(2) == {"send k1", "send k2", "reload 1"}
    assert await left_after(LONG_S) == {"send k1", "send k2"}
    assert await left_after(2 * DAY_S) == {"send k1"}, "it may be posted again by its key"
    await store.reply_sent("k1", "m2", 1.0)
    assert await left_after(1) == set()
