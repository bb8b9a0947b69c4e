"""`python -m bench.cluster_rates`: how many messages one, two and four workers decide in a second
from a full backlog, and what a message costs each kind of process and the database."""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from adapters.base import IncomingMessage
from bench.cluster import CHATTER, PORT
from bench.setup import ROOT
from bot.store.cluster.events import add_event
from bot.store.engines.place import PostgresUrl
from bot.store.store import open_store
from tests.cluster import Cluster, cluster
from tests.fakes.lark_server import FakeLark
from tests.postgres import Server, running_server

WORKERS = (1, 2, 4)
MESSAGES, GROUPS, ASKED = 4000, 200, 0.1
PATIENCE_S = 900.0
NO_WAITING = {"burst": 1000, "person_cooldown_s": 0, "repeat_window_s": 0, "wait_for_humans_s": 0}


@dataclass(frozen=True)
class Rate:
    """Messages decided in a second, and the processor's milliseconds for each, by who used it."""

    workers: int
    per_second: float
    cpu_ms: dict[str, float]


async def measure(workers: int, folder: Path) -> Rate:
    """One run on a database of its own."""
    with running_server() as server, server.database() as url:
        async with (
            FakeLark() as lark,
            cluster(folder, url.whole, lark, **NO_WAITING) as processes,
        ):
            await processes.start("scheduler-1")
            names = ["receiver-1", *(f"worker-{n + 1}" for n in range(workers))]
            await asyncio.gather(*map(processes.start, names))
            before = _cpu(processes, server)
            began = time.time()
            await _fill(url)
            seconds = await _until_decided(url) - began
            after = _cpu(processes, server)
    spent = {kind: (after[kind] - before[kind]) * 1000 / MESSAGES for kind in after}
    return Rate(workers, MESSAGES / seconds, spent)


async def _fill(url: PostgresUrl) -> None:
    """What receivers would have stored: a tenth of it asks something."""
    chance = random.Random(1)  # noqa: S311 - no secret
    async with open_store(url) as store, asyncio.TaskGroup() as tasks:
        for number in range(MESSAGES):
            text = PORT if chance.random() < ASKED else f"{chance.choice(CHATTER)} {number}"
            message = IncomingMessage(
                adapter="lark",
                group=f"oc_{number % GROUPS}",
                user=f"ou_{number}",
                message_id=f"om_{number:06}",
                text=text,
                sent_at=time.time(),
            )
            tasks.create_task(store.database.run(add_event, message))


async def _until_decided(url: PostgresUrl) -> float:
    """When the last message was decided, in seconds since the epoch."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            decided, last = await asyncio.to_thread(_decided, url)
            if decided >= MESSAGES:
                return last
            await asyncio.sleep(0.5)


def _decided(url: PostgresUrl) -> tuple[int, float]:
    query = (
        "SELECT COUNT(*), MAX(d.created_at) FROM messages m JOIN decisions d"
        " ON d.id = m.decision_id WHERE m.state IN ('answered', 'dismissed')"
    )
    with psycopg.connect(url.whole) as connection:
        row = connection.execute(query.encode()).fetchone()
    return (row[0], row[1] or 0.0) if row else (0, 0.0)


def _cpu(processes: Cluster, server: Server) -> dict[str, float]:
    """Seconds of the processor so far, by kind of process."""
    spent = {"receiver": 0.0, "worker": 0.0, "scheduler": 0.0}
    for member in processes.members.values():
        spent[member.role] += _seconds([psutil.Process(member.process.pid)])
    pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    return {**spent, "database": _seconds([postmaster, *postmaster.children()])}


def _seconds(found: Sequence[psutil.Process]) -> float:
    times = [one.cpu_times() for one in found]
    return sum(one.user + one.system for one in times)


def main() -> int:
    """Prints a line for each number of workers."""
    print("| workers | messages a second | CPU ms a message: workers | receiver | database |")
    print("|---:|---:|---:|---:|---:|")
    for workers in WORKERS:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(measure(workers, Path(folder)))
        cpu = found.cpu_ms
        print(
            f"| {workers} | {found.per_second:.0f} | {cpu['worker']:.1f} | {cpu['receiver']:.1f} |"
            f" {cpu['database']:.1f} |",
            flush=True,
        )
    load = os.getloadavg()[0]
    print(f"\n{MESSAGES} messages of {GROUPS} groups, {os.cpu_count()} cores, load {load:.1f}")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    sys.exit(main())
