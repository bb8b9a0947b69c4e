"""What goes wrong while `bench.cluster` runs: processes die, sleep and are replaced, the database
crashes, and the way to it is cut or stands still."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Sequence

from bot.cluster.lanes import LEASE_S
from tests.cluster import Cluster
from tests.fakes.cutting_proxy import CuttingProxy
from tests.postgres import Server

RANDOM = ("kill", "kill", "kill", "sleep", "restart", "stop", "cut", "commit", "away", "stall")
"""What is chosen from where nothing is said; a kill is what happens most."""

AWAY_S, STALL_S = 4.0, 9.0
"""Longer than what only one process may have is held."""


class Faults:
    """Makes them, one after the other; `made` counts them. `names` are all processes but the
    scheduler."""

    def __init__(
        self,
        names: Sequence[str],
        processes: Cluster,
        server: Server,
        proxy: CuttingProxy,
        chance: random.Random,
    ) -> None:
        self._names, self._processes = names, processes
        self._server, self._proxy, self._chance = server, proxy, chance
        self.made: Counter[str] = Counter()
        self._asleep: list[asyncio.Task[None]] = []

    async def over(self) -> None:
        """Returns when nobody sleeps any more."""
        await asyncio.gather(*self._asleep)

    async def make(self, kind: str) -> None:
        """One of them; returns when it is over, but for a sleep, beside which others are made."""
        self.made[kind] += 1
        match kind:
            case "kill":
                await self._processes.kill(name := self._victim(""))
                await self._processes.start(name)
            case "stop":
                await self._replace(self._victim(""))
            case "upgrade":
                await self._upgrade()
            case "sleep":
                self._asleep.append(asyncio.create_task(self._sleep(self._victim("worker"))))
            case "restart":
                await asyncio.to_thread(self._server.restart)
            case _:
                await self._on_the_way(kind)

    async def _sleep(self, name: str) -> None:
        member = self._processes.members[name]
        member.signal(signal.SIGSTOP)
        await asyncio.sleep(LEASE_S + 3.0)
        member.signal(signal.SIGCONT)

    async def _on_the_way(self, kind: str) -> None:
        """To the database: all connections break at once, one does in the middle of a COMMIT,
        nobody gets through for a while, or nothing arrives for a while and then all of it."""
        proxy = self._proxy
        match kind:
            case "cut":
                proxy.break_all()
            case "commit":
                proxy.cut = self._chance.choice(("before", "after"))
            case "away":
                proxy.away = True
                proxy.break_all()
                await asyncio.sleep(AWAY_S)
                proxy.away = False
            case "stall":
                proxy.flowing.clear()
                await asyncio.sleep(STALL_S)
                proxy.flowing.set()
            case _:
                raise ValueError(f"there is no fault {kind}")

    async def _upgrade(self) -> None:
        """As docs/en/scale.md says: schedulers, then workers, then receivers, one by one."""
        receivers = [name for name in self._names if name.startswith("receiver")]
        workers = [name for name in self._names if name.startswith("worker")]
        for name in ("scheduler-1", *workers, *receivers):
            await self._replace(name)

    async def _replace(self, name: str) -> None:
        if status := await self._processes.stop(name):
            log = "".join(self._processes.members[name].log[-30:])
            raise RuntimeError(f"{name} ended with status {status}: {log}")
        await self._processes.start(name)

    def _victim(self, role: str) -> str:
        return self._chance.choice([name for name in self._names if name.startswith(role)])
