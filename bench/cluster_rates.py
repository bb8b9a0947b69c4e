"""`python -m bench.cluster_rates`: how many messages one process with SQLite and one, two and four
workers on PostgreSQL decide in a second from a full backlog, and what a message costs each kind of
process and the database. It takes less than six minutes where nothing else runs.

The encoder is replaced by one that takes a fixed time for each text and no processor, see
`bench.fixed_encoder`: else two cores would be the limit, and not the number of workers.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from adapters.base import IncomingMessage
from bench.cluster import CHATTER, PORT
from bench.fixed_encoder import TEXT_S
from bench.setup import ROOT
from bot.store.cluster.events import add_event
from bot.store.database import Connection
from bot.store.store import Store, open_store
from tests.cluster import Cluster, cluster
from tests.fakes.lark_server import FakeLark
from tests.postgres import Server, running_server

WORKERS = (0, 1, 2, 4)
MESSAGES, GROUPS, ASKED = 3000, 200, 0.1
PATIENCE_S = 900.0
NO_WAITING = {"burst": 1000, "person_cooldown_s": 0, "repeat_window_s": 0, "wait_for_humans_s": 0}
PROGRAM = ("-m", "bench.fixed_encoder")


@dataclass(frozen=True)
class Rate:
    """Messages decided in a second, and the processor's milliseconds for each, by who used it."""

    what: str
    per_second: float
    cpu_ms: dict[str, float]


async def alone(folder: Path) -> Rate:
    """One process with SQLite, which finds all messages undecided at its start."""
    place = folder / "all-1" / "data" / "bot.sqlite"
    place.parent.mkdir(parents=True)
    async with FakeLark() as lark, cluster(folder, "", lark, **NO_WAITING) as processes:
        processes.program = PROGRAM
        async with open_store(place) as store, asyncio.TaskGroup() as tasks:
            for message in _messages():
                tasks.create_task(store.add_message(message, time.time()))
        member = await processes.start("all-1")
        process = psutil.Process(member.process.pid)
        before, began = _seconds([process]), time.time()
        async with open_store(place, upgrade=False) as store:
            seconds = await _until_decided(store) - began
        spent = {"all": _seconds([process]) - before}
    return _rate("one process, SQLite", seconds, spent)


async def measure(workers: int, folder: Path) -> Rate:
    """Several processes, on a database of their own."""
    with running_server() as server, server.database() as url:
        async with FakeLark() as lark, cluster(folder, url.whole, lark, **NO_WAITING) as processes:
            processes.program = PROGRAM
            await processes.start("scheduler-1")
            names = ["receiver-1", *(f"worker-{n + 1}" for n in range(workers))]
            await asyncio.gather(*map(processes.start, names))
            before, began = _cpu(processes, server), time.time()
            async with open_store(url) as store:
                await _fill(store)
                seconds = await _until_decided(store) - began
            after = _cpu(processes, server)
    spent = {kind: after[kind] - before[kind] for kind in after}
    plural = "s" if workers > 1 else ""
    return _rate(f"{workers} worker{plural}, PostgreSQL", seconds, spent)


def _rate(what: str, seconds: float, spent: dict[str, float]) -> Rate:
    each = {kind: cpu_s * 1000 / MESSAGES for kind, cpu_s in spent.items()}
    return Rate(what, MESSAGES / seconds, each)


def _messages() -> Iterator[IncomingMessage]:
    """A tenth of them asks something."""
    chance = random.Random(1)  # noqa: S311 - no secret
    for number in range(MESSAGES):
        text = PORT if chance.random() < ASKED else f"{chance.choice(CHATTER)} {number}"
        yield IncomingMessage(
            adapter="lark",
            group=f"oc_{number % GROUPS}",
            user=f"ou_{number}",
            message_id=f"om_{number:06}",
            text=text,
            sent_at=time.time(),
        )


async def _fill(store: Store) -> None:
    """What receivers would have stored."""
    async with asyncio.TaskGroup() as tasks:
        for message in _messages():
            tasks.create_task(store.database.run(add_event, message))


async def _until_decided(store: Store) -> float:
    """When the last message was decided, in seconds since the epoch."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            decided, last = await store.database.run(_decided)
            if decided >= MESSAGES:
                return last
            await asyncio.sleep(0.5)


def _decided(db: Connection) -> tuple[int, float]:
    row = db.execute(
        "SELECT COUNT(*) AS n, MAX(d.created_at) AS last FROM messages m JOIN decisions d"
        " ON d.id = m.decision_id WHERE m.state IN ('answered', 'dismissed')"
    ).fetchone()
    return int(row["n"]), float(row["last"] or 0.0)


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


def _line(found: Rate) -> str:
    cpu = found.cpu_ms
    kinds = ("all" if "all" in cpu else "worker", "receiver", "scheduler", "database")
    cells = [f"{cpu[kind]:.2f}" if kind in cpu else "" for kind in kinds]
    share = f"{cpu['database'] / sum(cpu.values()):.0%}" if "database" in cpu else ""
    return f"| {found.what} | {found.per_second:.0f} | {' | '.join(cells)} | {share} |"


def main() -> int:
    """Prints a line for each."""
    began = time.monotonic()
    print(
        "| | messages a second | CPU ms a message: deciding | receiver | scheduler | database"
        " | the database's share |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for workers in WORKERS:  # 0 is one process that does everything
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            found = asyncio.run(measure(workers, place) if workers else alone(place))
        print(_line(found), flush=True)
    print(
        f"\n{MESSAGES} messages of {GROUPS} groups, {TEXT_S * 1000:.0f} ms for each text that is"
        f" embedded, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f};"
        f" {time.monotonic() - began:.0f} s in all"
    )
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    sys.exit(main())
