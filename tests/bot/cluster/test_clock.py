"""Machines whose clocks differ, and who share a store, go by one time."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.cluster.clock import DatabaseClock
from bot.group.flood import Flood
from bot.store.store import open_store
from bot.types import Reason, UnpromptedReply

NOON = 1_800_000_000.0
HERE = ("lark", "oc_1")

delays = st.floats(0, 30)


class Machine:
    """One whose seconds began `began` before the database said that it is noon."""

    def __init__(self, began: float) -> None:
        self.seconds = began
        self.clock = DatabaseClock(lambda: self.seconds)

    def asks(self, noon_and: float, there_s: float = 0.0, back_s: float = 0.0) -> None:
        """Asks the database for its time: so long the question takes, and the answer."""
        before = self.seconds
        self.seconds += there_s + back_s
        self.clock.told(before, NOON + noon_and + there_s, self.seconds)


def test_what_one_worker_counted_is_spent_for_the_next_whose_clock_is_a_minute_behind() -> None:
    ahead, behind = Machine(1000.0), Machine(940.0)
    ahead.asks(0.0)
    behind.asks(0.0)
    now = ahead.clock.now()
    assert abs(now - behind.clock.now()) < 0.001

    after = Flood(burst=2, refill_s=30, cooldown_s=0)
    after.restore([UnpromptedReply(HERE, user, now) for user in ("ann", "bob")])
    assert after.refuses(HERE, "eve", behind.clock.now()) is Reason.BUDGET
    # By their own clocks a minute apart two more would be said at once, of which none is due.
    wrong = Flood(burst=2, refill_s=30, cooldown_s=0)
    wrong.restore([UnpromptedReply(HERE, user, behind.seconds) for user in ("ann", "bob")])
    assert wrong.refuses(HERE, "eve", ahead.seconds) is None


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=10), st.floats(0, 1e6))
def test_it_is_as_right_as_the_quickest_answer_was(
    asked: list[tuple[float, float]], began: float
) -> None:
    machine = Machine(began)
    for there, back in asked:
        machine.asks(machine.seconds - began, there, back)
    quickest = min(there + back for there, back in asked)
    assert abs(machine.clock.now() - (NOON + machine.seconds - began)) <= quickest + 0.01


def test_a_database_whose_clock_is_put_right_is_followed() -> None:
    machine = Machine(5.0)
    machine.asks(0.0, 0.1, 0.1)
    machine.asks(3600.0, 0.1, 0.1)
    assert abs(machine.clock.now() - (NOON + 3600.2)) < 0.3
    machine.asks(-3600.0, 0.1, 0.1)
    assert abs(machine.clock.now() - (NOON - 3599.8)) < 0.3


async def test_it_is_learned_from_the_store(tmp_path: Path) -> None:
    async with open_store(tmp_path / "s", durable=False) as store:
        clock = DatabaseClock()
        await clock.learn(store.database)
        assert clock.now() > NOON - 1e9
