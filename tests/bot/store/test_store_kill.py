"""Nothing that the store acknowledged is lost when the process is killed."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

from bot.store.store import Store, open_store
from tests.bot.group.posts import ADAPTER
from tests.bot.store.stored import unfinished

ROOT = Path(__file__).parents[3]
STEPS = ("received", "decided", "sent")
ROUNDS, LINES = 2, 250


def kill_at_work(path: Path, first: int) -> dict[int, str]:
    """Lets a process work on the file for a while and kills it; the last step of each number."""
    command = [sys.executable, "-m", "tests.bot.store.victim", str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as victim:
        assert victim.stdout is not None
        lines = list(islice(victim.stdout, LINES))
        victim.kill()
        lines += victim.stdout.readlines()
    assert len(lines) >= LINES
    # A line that the kill cut in two was acknowledged all the same, but does not say what.
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {int(number): step for step, number in whole}


async def reached(store: Store, number: int) -> str:
    """The step that a message had reached according to the store; each one implies those before."""
    decision = await store.decision(ADAPTER, str(number))
    assert decision is not None, f"{number} was acknowledged and is lost"
    if decision["state"] == "pending":
        return "received"
    assert decision["text"] == "yes", "a decision and its reply are one transaction"
    sent = await store.reply_by_platform_id(ADAPTER, f"p{number}")
    return "sent" if sent else "decided"


async def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "bot.sqlite", dict[int, str]()
    for _ in range(ROUNDS):
        first = max(acknowledged, default=-1000) + 1000
        acknowledged |= kill_at_work(path, first)
    async with open_store(path) as store:
        for number, step in acknowledged.items():
            assert STEPS.index(await reached(store, number)) >= STEPS.index(step)
        messages, replies = await unfinished(store, 0.0, 1.0)
        assert len(messages) + len(replies) <= ROUNDS, "one thing is at work at a time"
        total = (await store.counts())["messages"]
        assert len(acknowledged) <= total <= len(acknowledged) + ROUNDS
