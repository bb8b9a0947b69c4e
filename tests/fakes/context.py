"""What an adapter is built with, for tests."""

from adapters.contract import Context, History
from common.clock import Clock, SystemClock
from tests.fakes.memory_bot import MemoryBot


def context(
    history: History | None = None,
    clock: Clock | None = None,
    *,
    bot_name: str = "豆哥",
    max_age_s: float = 3600.0,
) -> Context:
    """A bot in memory and the real time, unless a test has others."""
    return Context(
        history=history or MemoryBot(),
        clock=clock or SystemClock(),
        bot_name=bot_name,
        max_age_s=max_age_s,
        command_prefix="/dou",
        shared=False,
    )
