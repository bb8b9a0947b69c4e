"""`python -m bench.cluster`: many groups over several receivers and workers on one PostgreSQL,
while any of them is killed, the database is restarted, the way to it is cut, and workers sleep past
their leases; see `bench.cluster_faults`.

Every mention must be answered once and in its order, every message decided once, and no group may
get more unprompted answers than its budget allows.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.cluster_faults import RANDOM, Faults
from bench.cluster_result import BURST, REFILL_S, Record, Result, judged
from bench.figures import Figure, against, at_most, table
from bench.setup import ROOT
from bot.store.engines.place import PostgresUrl
from tests.cluster import Cluster, cluster
from tests.fakes.cutting_proxy import CuttingProxy, cutting_proxy
from tests.fakes.lark_server import BOT, FakeLark
from tests.postgres import Server, running_server

PORT = "which port does the kettle server listen on?"
CHATTER = ("good morning everybody", "哈哈哈哈", "who is coming to lunch?", "see you tomorrow")
PATIENCE_S = 600.0


@dataclass(frozen=True)
class Options:
    """How much, and how bad: so many seconds between two faults, those named in `faults` in their
    order, or any until all is said; one message in `again` is delivered a second time."""

    messages: int = 20_000
    groups: int = 500
    receivers: int = 2
    workers: int = 4
    fault_every_s: float = 6.0
    faults: str = ""
    per_second: float = 40.0
    again: int = 10
    seed: int = 1


class Show:
    """The processes, what is said in the groups, and what goes wrong."""

    def __init__(
        self,
        options: Options,
        processes: Cluster,
        lark: FakeLark,
        server: Server,
        proxy: CuttingProxy,
        store: str,
    ) -> None:
        self.options, self.processes, self.lark, self.store = options, processes, lark, store
        self.random = random.Random(options.seed)  # noqa: S311 - no secret
        self.faults = Faults(self.names, processes, server, proxy, self.random)
        self.record = Record(faults=self.faults.made)
        self._calm = asyncio.Event()
        self._pushed: list[Any] = []
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def names(self) -> list[str]:
        """All processes but the scheduler, of which there is one."""
        receivers = [f"receiver-{n + 1}" for n in range(self.options.receivers)]
        return receivers + [f"worker-{n + 1}" for n in range(self.options.workers)]

    async def run(self) -> Result:
        """All of it."""
        await self.processes.start("scheduler-1")
        await asyncio.gather(*map(self.processes.start, self.names))
        began = time.monotonic()
        breaking = asyncio.create_task(self._break())
        await self._talk()
        self._calm.set()
        await breaking
        await self.faults.over()
        for name in self.names:
            member = self.processes.members[name]
            member.signal(signal.SIGCONT)
            if member.process.returncode is not None:
                await self.processes.start(name)
        await self._settle()
        seconds = time.monotonic() - began
        for name in [*self.names, "scheduler-1"]:
            status = await self.processes.stop(name)
            if status:
                log = "".join(self.processes.members[name].log[-30:])
                raise RuntimeError(f"{name} ended with status {status}: {log}")
        known, decided = self._row(
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE state IN ('answered', 'dismissed'))"
            " FROM messages"
        )
        return judged(self.record, self.lark.chats, known, decided, seconds)

    async def _talk(self) -> None:
        options, pushing = self.options, set[asyncio.Task[None]]()
        for number in range(options.messages):
            task = asyncio.create_task(self._say(number))
            pushing.add(task)
            task.add_done_callback(pushing.discard)
            await asyncio.sleep(1 / options.per_second)
            if number % 50 == 49:
                await self.lark.redeliver()
        while pushing:
            await self.lark.redeliver()
            if pushing:  # the last may have ended meanwhile
                await asyncio.wait(pushing, timeout=1.0)

    async def _say(self, number: int) -> None:
        # What is said is the same in each run, though the faults come at other moments.
        own = random.Random(f"{self.options.seed} {number}")  # noqa: S311 - no secret
        chat = f"oc_{own.randrange(self.options.groups)}"
        kind, user = own.random(), f"ou_{number}"
        async with self._turns[chat]:  # what somebody says next is said after it
            if kind < 0.1:
                token = f"frob{number:05}"
                text = f"{{0}} does the kettle server support {token}?"
                item = self.lark.chats.say(chat, text, user=user, mentions=(BOT,))
                self.record.asked[chat].append(token)
                self.record.at[token] = int(item["create_time"]) / 1000
            else:
                text = PORT if kind < 0.2 else own.choice(CHATTER)
                item = self.lark.chats.say(chat, text, user=user)
                if text == PORT:
                    self.record.unprompted.add(item["message_id"])
            self.record.messages.add(item["message_id"])
            while not await self._push(item):  # noqa: ASYNC110 - the platform tries again, too
                await asyncio.sleep(0.2)
        if number % self.options.again == 0:
            await self._push(self.random.choice(self._pushed[-500:]))

    async def _push(self, item: Any) -> bool:
        self.record.pushed += 1
        taken = (await self.lark.push_message(item)).get("code") == 200
        if taken:
            self._pushed.append(item)
        return taken

    async def _break(self) -> None:
        if named := self.options.faults:
            for kind in named.split(","):
                await asyncio.sleep(self.options.fault_every_s)
                await self.faults.make(kind)
            return
        while not await _within(self._calm, self.options.fault_every_s):
            await self.faults.make(self.random.choice(RANDOM))

    async def _settle(self) -> None:
        """Waits until everything is decided and sent."""
        async with asyncio.timeout(PATIENCE_S):
            calm = 0
            while calm < 5:
                await self.lark.redeliver()
                left = await asyncio.to_thread(self._left)
                calm = calm + 1 if not left and not self.lark.unacked else 0
                await asyncio.sleep(0.5)

    def _left(self) -> int:
        (events,) = self._row("SELECT COUNT(*) FROM events")
        (messages,) = self._row(
            "SELECT COUNT(*) FROM messages WHERE state IN ('received', 'deciding')"
        )
        (replies,) = self._row("SELECT COUNT(*) FROM replies WHERE state = 'pending'")
        return int(events + messages + replies)

    def _row(self, query: str) -> tuple[Any, ...]:
        with psycopg.connect(self.store) as connection:
            row = connection.execute(query.encode()).fetchone()
        if row is None:
            raise LookupError(query)
        return row


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def run(options: Options, folder: Path) -> Result:
    """The whole show, on a database of its own."""
    flood = {"burst": BURST, "refill_s": REFILL_S, "person_cooldown_s": 0, "repeat_window_s": 0}
    with (
        running_server() as server,
        server.database() as url,
        tempfile.TemporaryDirectory(prefix="way-") as way,
    ):
        through = PostgresUrl(url.whole.replace(str(server.folder), way))
        async with (
            FakeLark() as lark,
            cutting_proxy(Path(way), server.folder) as proxy,
            cluster(folder, through.whole, lark, **flood) as processes,
        ):
            lark.ping_interval_s = 5
            return await Show(options, processes, lark, server, proxy, url.whole).run()


def figures(result: Result) -> Iterator[Figure]:
    """As a table; all that must not happen has 0 beside it."""
    mentions = result.mentions
    yield against("mentions answered", result.answered, mentions, "", "asked", more_is_better=True)
    yield at_most("answered twice", result.twice, 0)
    yield at_most("not answered", result.missing, 0)
    yield at_most("groups whose answers are out of order", result.out_of_order, 0)
    yield at_most("messages lost, or not decided", result.undecided, 0)
    yield at_most("messages taken in twice", result.doubled, 0)
    yield at_most("groups over their budget of unprompted answers", result.over_budget, 0)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    for name, value in vars(Options()).items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=type(value), default=value, help=f"default {value}")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(Options(**vars(args)), Path(folder)))
    record = result.record
    made = ", ".join(f"{name} {count}" for name, count in sorted(record.faults.items()))
    print(table(list(figures(result))))
    print(
        f"\n{len(record.messages)} messages, pushed {record.pushed} times, in "
        f"{result.seconds:.0f} s ({len(record.messages) / result.seconds:.0f} a second); "
        f"faults: {made or 'none'}"
    )
    if waited := result.waited:
        half, most = waited[len(waited) // 2], waited[len(waited) * 99 // 100]
        print(
            f"answers came after {half:.1f} s (half of them), {most:.1f} s (99 of 100),"
            f" {waited[-1]:.1f} s (all)"
        )
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    sys.exit(main())
