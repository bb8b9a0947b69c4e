"""The processes that share a store: each says that it is alive, and knows of the others."""

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from adapters.base import LinkStatus, Refusal
from bot.cluster.clock import DatabaseClock
from bot.cluster.fence import LeaseLost
from bot.store.cluster.events import count_events, oldest_event_s
from bot.store.cluster.leases import lease_ends
from bot.store.cluster.processes import Process, admit, alive, beat, ended
from bot.store.database import Database, StoreError

log = logging.getLogger(__name__)

VERSION = "0.1.0"
"""That of pyproject.toml."""

BEAT_S = 3.0
ALIVE_S = 12.0
"""Who was not heard of for so long is taken for dead."""

COUNTED_PER_S = 20_000
"""So many waiting events are counted in a second, at most: 200,000 of them, which take PostgreSQL
80 ms, every ten seconds."""

UNKNOWN = LinkStatus(up=False, problem="no receiver holds it", problem_zh="没有接收进程持有它")


class Role(StrEnum):
    """What a process does."""

    ALL = "all"  # everything, alone
    RECEIVER = "receiver"  # has the platforms' connections
    WORKER = "worker"  # decides
    SCHEDULER = "scheduler"  # builds the index, has the jobs and the console


def new_id() -> str:
    """A name for this process that no other has or had."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(slots=True, kw_only=True, eq=False)
class Members:
    """This process among the others. `telling` is what the others may know of it; `others` are
    those alive, itself included, as of the last beat."""

    database: Database
    id: str
    role: Role
    telling: Callable[[], dict[str, Any]] = dict
    others: Sequence[Process] = ()
    backlog: Mapping[str, float] = field(default_factory=dict)
    """How many events no lane has taken in yet, as of the last count, and the age of the oldest in
    seconds."""
    leases: Mapping[str, float] = field(default_factory=dict)
    """For each process that holds something the seconds until the first of its leases ends."""
    clock: DatabaseClock = field(default_factory=DatabaseClock)
    _count_at: float = field(default=0.0, init=False)
    """When the events are counted anew, by the monotonic clock."""

    async def run(self) -> None:
        """Beats until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(BEAT_S)

    async def admitted(self, patience_s: float = ALIVE_S + BEAT_S) -> None:
        """Returns once nobody is alive who can't be beside this process; one that was killed is
        taken to be for a moment. Raises StoreError."""
        deadline = time.monotonic() + patience_s
        while others := await self.database.run(admit, self._me(), ALIVE_S, Role.ALL):
            if time.monotonic() >= deadline:
                names = ", ".join(f"{one.role} {one.host}:{one.pid}" for one in others)
                raise _in_the_way(names)
            await asyncio.sleep(min(1.0, patience_s / 10))

    async def beat(self) -> None:
        """Says that this process is alive, and looks who else is and what time it is; nothing where
        the store fails. Raises LeaseLost where it must be alone and is not any more."""
        try:
            await self.database.run(beat, self._me())
            await self.clock.learn(self.database)
            self.others = await self.database.run(alive, ALIVE_S)
            self.backlog = await self._waiting()
            self.leases = await self.database.run(lease_ends)
        except LeaseLost:
            raise
        except StoreError as error:
            log.error("nobody can be told that this process is alive: %s", error)

    async def _waiting(self) -> Mapping[str, float]:
        age, events = await self.database.run(oldest_event_s), self.backlog.get("events", 0)
        if age is None:
            self._count_at = 0.0
            return {"events": 0, "age_s": 0.0}
        if time.monotonic() >= self._count_at:
            events = await self.database.run(count_events)
            self._count_at = time.monotonic() + events / COUNTED_PER_S
        return {"events": events, "age_s": round(age, 3)}

    def _me(self) -> Process:
        return Process(
            id=self.id,
            role=self.role,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=VERSION,
            state=self.telling(),
        )

    async def leave(self) -> None:
        """This process stops."""
        await self.database.run(ended, self.id)

    def count(self, role: Role) -> int:
        """How many of a role are alive, at least one."""
        return max(1, sum(one.role == role for one in self.others))

    def shown(self) -> list[dict[str, Any]]:
        """All of them, for people; ages in seconds."""
        now = self.clock.now()
        return [
            {
                "role": one.role,
                "process": one.id.rpartition(":")[0],
                "version": one.version,
                "age": round(now - one.since),
                "seen": round(max(0.0, now - one.seen), 1),
                "holds": one.state.get("holds", []),
                "lanes": one.state.get("lanes", 0),
                "lease": round(self.leases[one.id], 1) if one.id in self.leases else None,
            }
            for one in self.others
        ]

    def missing(self) -> list[str]:
        """The roles that nobody has."""
        there = {one.role for one in self.others}
        return [role for role in Role if role not in (Role.ALL, *there)]

    def failing(self) -> dict[str, str]:
        """The groups that a bug keeps waiting, with the error's class."""
        told = [one.state.get("failing", {}) for one in self.others]
        return {group: error for each in told for group, error in each.items()}

    def link(self, adapter: str) -> LinkStatus:
        """How a platform's connection is, as a process that has it said; one that is up counts."""
        told = [one.state.get("links", {}).get(adapter) for one in self.others]
        links = [link_of(fields) for fields in told if fields]
        return max(links, key=lambda link: (link.up, link.heard), default=UNKNOWN)


def _in_the_way(names: str) -> StoreError:
    error = StoreError(
        f"other processes use this store: {names}; stop them, or start this one in a role beside "
        "them with run --role"
    )
    error.zh = f"这个数据库正被别的进程使用：{names}；请先停掉它们，或用 run --role 分担一种角色"
    return error


def link_fields(link: LinkStatus) -> dict[str, Any]:
    """What others may know of a connection, as JSON has it."""
    return asdict(replace(link, calls={}))


def link_of(fields: Mapping[str, Any]) -> LinkStatus:
    """What `link_fields` made."""
    refused = tuple(Refusal(**one) for one in fields["refused"])
    return LinkStatus(**{**fields, "refused": refused, "calls": {}})
