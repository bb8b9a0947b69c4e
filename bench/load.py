"""Many messages of many groups over the HTTP API: how many are decided in a second, what that
costs, and how late acknowledgements and answers are meanwhile. The bot runs as shipped, in a
process of its own; what it did and when is read from its store afterwards."""

import asyncio
import json
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from bench import load_peer
from bench.daemon import IDLE_AFTER_S, Daemon, started
from bench.figures import Figure, against, at_least, at_most
from bench.load_client import Message, ask_once, messages, own_request, post_all, probe
from bench.setup import Bench

COUNT, EVERY = 2000, 10
"""Messages, of which every tenth is a mention."""

GROUPS = (1, 100, 1000)
PER_SECOND = 50.0
MENTION_WAIT_S = 1.5
"""As shipped: so long an answer to a mention waits for more of the question."""

NO_WAITING = ("bot.quiet_s=0", "bot.mention_wait_s=0", "flood.wait_for_humans_s=0")
"""What is measured then is how much can be decided, not how long people are waited for."""

PATIENCE_S = 600.0

BUILDER = "knowledge.ingest.builder_main"


@dataclass(frozen=True, slots=True)
class Run:
    """One run, in which repeats are answered like the rest; times in seconds. `late` is how long a
    page took that needs no work; `stages` are the mean milliseconds of each stage by the wall, for
    those messages that came to it."""

    messages: int
    span: float
    acknowledged: Sequence[float]
    answered: Sequence[float]
    late: Sequence[float]
    cpu: float
    idle_mb: float
    busy_mb: float
    bytes_each: float
    dropped: int
    stages: dict[str, float]

    @property
    def rate(self) -> float:
        """Messages decided in a second."""
        return self.messages / self.span


def measure(bench: Bench) -> Iterator[Figure]:
    """Everything at once for several numbers of groups, talk alone, and at a steady pace."""
    print(ROW.format("groups", "decided/s", "ack p50 p95 p99 ms", "answer p50 p95 p99 s",
                     "CPU ms/message", "MB", "bytes/message", "dropped"))  # fmt: skip
    for groups in GROUPS:
        said = messages(bench.data, COUNT, groups, EVERY)
        run = asyncio.run(_run(bench, said, NO_WAITING))
        _show(f"{groups}", run)
        if groups == 100:
            mixed, stages = run, run.stages
            acknowledged, echoed, cpu = asyncio.run(load_peer.run(bench.work, said))
    _show_peer(acknowledged, echoed, cpu)
    shown = ", ".join(f"{name} {ms:.1f}" for name, ms in stages.items())
    print(f"    100 groups, mean ms by stage, waiting included: {shown}")
    talk = asyncio.run(_run(bench, messages(bench.data, COUNT, 100, 0), NO_WAITING))
    _show("100, talk", talk)
    steady = asyncio.run(_run(bench, messages(bench.data, COUNT, 100, EVERY), (), PER_SECOND))
    _show("100, 50/s", steady)
    beyond = [seconds - MENTION_WAIT_S for seconds in steady.answered]
    yield at_least("load: decided a second, a tenth mentions", mixed.rate, 150.0)
    yield at_least("load: decided a second, talk alone", talk.rate, 500.0)
    yield at_most("load: CPU of a message", mixed.cpu / COUNT * 1000, 6.7, "ms")
    yield against(
        "load: CPU of a message",
        mixed.cpu / COUNT * 1000,
        cpu / COUNT * 1000,
        "ms",
        "no-op nonebot2",
    )
    yield at_most("load: acknowledged at 50/s, p99", _ms(steady.acknowledged, 99), 300.0, "ms")
    yield at_most("load: mention answered beyond its wait, p95", _ms(beyond, 95), 1000.0, "ms")
    yield at_most("load: event loop late at 50/s, p99", _ms(steady.late, 99), 20.0, "ms")
    yield at_most("load: memory under load (PSS)", max(mixed.busy_mb, talk.busy_mb), 450.0, "MB")


ROW = "    {:>10} {:>9} {:>20} {:>22} {:>14} {:>9} {:>13} {:>7}"


def _show(name: str, run: Run) -> None:
    ms = " ".join(f"{_ms(run.acknowledged, part):.0f}" for part in (50, 95, 99))
    s = " ".join(f"{_ms(run.answered, part) / 1000:.2f}" for part in (50, 95, 99))
    memory = f"{run.idle_mb:.0f}-{run.busy_mb:.0f}"
    print(ROW.format(name, f"{run.rate:.0f}", ms, s, f"{run.cpu / run.messages * 1000:.2f}",
                     memory, f"{run.bytes_each:.0f}", run.dropped), flush=True)  # fmt: skip


def _show_peer(acknowledged: Sequence[float], echoed: Sequence[float], cpu: float) -> None:
    ms = " ".join(f"{_ms(acknowledged, part):.0f}" for part in (50, 95, 99))
    s = " ".join(f"{_ms(echoed, part) / 1000:.2f}" for part in (50, 95, 99))
    each = f"{cpu / len(acknowledged) * 1000:.2f}"
    print(ROW.format("nonebot2", "-", ms, s, each, "-", "-", "-"), flush=True)


def _ms(seconds: Sequence[float], part: int) -> float:
    return float(np.percentile(seconds, part)) * 1000 if len(seconds) else 0.0


async def _run(
    bench: Bench, said: Sequence[Message], overrides: Sequence[str], per_second: float = 0.0
) -> Run:
    with tempfile.TemporaryDirectory(dir=bench.work) as folder:
        (Path(folder) / "knowledge").symlink_to(bench.work / "data/knowledge")
        more = (f"bot.data_dir={folder}", "flood.repeat_window_s=0", *overrides)
        sets = [part for value in more for part in ("--set", value)]
        late: list[float] = []
        with started([*bench.command, *sets], Path(folder) / "log") as daemon:
            await _caught_up(daemon)
            idle, cpu, began = daemon.megabytes(), daemon.cpu_s(), time.time()
            probing = asyncio.create_task(probe(daemon.port, "/healthz", late))
            sent = [own_request(one) for one in said]
            acknowledged = await post_all(daemon.port, sent, per_second)
            probing.cancel()
            busy = daemon.megabytes()
            await _all_decided(daemon.port)
            busy, spent = max(busy, daemon.megabytes()), daemon.cpu_s() - cpu
        store = Path(folder) / "bot.sqlite"
        rows = _decided(store)
        return Run(
            messages=len(said),
            span=max(row["decided"] for row in rows) - began,
            acknowledged=acknowledged,
            answered=[
                row["sent"] - row["received"] for row in rows if row["mention"] and row["sent"]
            ],
            late=late,
            cpu=spent,
            idle_mb=idle,
            busy_mb=busy,
            bytes_each=store.stat().st_size / len(said),
            dropped=sum(row["reason"] == "queue_full" for row in rows),
            stages=_stages(rows),
        )


async def _caught_up(daemon: Daemon) -> None:
    """Waits for the look at the documents with which it begins."""
    await asyncio.sleep(IDLE_AFTER_S)
    building = [one for one in daemon.process.children() if BUILDER in one.cmdline()]
    await asyncio.to_thread(psutil.wait_procs, building, PATIENCE_S)


async def _all_decided(port: int) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            _, page = await ask_once(port, "/metrics")
            waiting = re.search(rb"^huixiangdou_queue_depth (\S+)", page, re.MULTILINE)
            if waiting and float(waiting[1]) == 0:
                return
            await asyncio.sleep(0.25)


def _decided(store: Path) -> list[sqlite3.Row]:
    """Every message with what became of it. Raises ValueError where one was lost."""
    database = sqlite3.connect(store)
    database.row_factory = sqlite3.Row
    try:
        rows = database.execute(
            """
            SELECT m.mention, m.received_at AS received, d.created_at AS decided, d.reason, d.trace,
                (SELECT MAX(r.settled_at) FROM replies r WHERE r.decision_id = d.id) AS sent
            FROM messages m LEFT JOIN decisions d ON d.id = m.decision_id
            """
        ).fetchall()
    finally:
        database.close()
    if lost := sum(row["decided"] is None for row in rows):
        raise ValueError(f"{lost} messages were not decided")
    return rows


def _stages(rows: Sequence[sqlite3.Row]) -> dict[str, float]:
    took: dict[str, list[float]] = {}
    for row in rows:
        for entry in json.loads(row["trace"]):
            took.setdefault(entry["stage"], []).append(entry["ms"])
    return {name: float(np.mean(each)) for name, each in took.items()}
