"""The role that decides: a worker with the lanes of some groups, each with parts of its own on one
knowledge base."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Event
from adapters.contract import Adapter
from bot.answering.pipeline import Pipeline
from bot.cluster.fence import FencedDatabase
from bot.cluster.following import FollowedKnowledge
from bot.cluster.lanes import Lanes
from bot.cluster.members import Members, Role
from bot.daemon.answers import open_answers
from bot.daemon.app import Parts
from bot.daemon.assemble import Surroundings, parts_of, surround
from bot.daemon.compose import create_adapters, create_dispatcher, create_handler
from bot.daemon.greeting import greet
from bot.daemon.process import Process, beside, serving
from bot.group.dispatcher import Dispatcher
from bot.group.duplicates import RecentAnswers
from bot.group.inbox import Inbox
from bot.store.store import Store, StoreError
from bot.types import Group
from common.tasks import Tasks
from knowledge.base import KnowledgeBase

log = logging.getLogger(__name__)

REFRESH_S = 60.0
"""So often a group looks for what others changed, and for what it might have missed."""


async def run_worker(process: Process) -> None:
    """Runs until a signal comes."""
    config, store, clock = process.config, process.store, process.clock
    models = create_adapters(config, store, clock)
    lanes: list[Lanes] = []

    def told() -> dict[str, Any]:
        held = sum(len(one.groups) for one in lanes)
        return {"lanes": held, "failing": dict(around.health.failing.named())}

    members = process.members(told)
    views = process.views(models, members.link)
    around = await surround(config, clock, store, views, process.tracing)
    tasks, memory = Tasks(tolerated=StoreError), Memory()
    answers = open_answers(
        config,
        store,
        around.health,
        around.metrics,
        clock,
        tasks,
        lambda: memory.forgotten,
        _followed(process),
        lambda: members.count(Role.WORKER),
    )
    async with serving(process, members, around) as stop, tasks, answers as (knowledge, pipeline):
        groups = Groups(
            process=process,
            members=members,
            around=around,
            models=models,
            memory=memory,
            knowledge=knowledge,
            pipeline=pipeline,
        )
        working = Lanes(
            database=store.database,
            holder=process.id,
            opening=groups.opened,
            wakes=process.wakes,
            workers=lambda: members.count(Role.WORKER),
            failing=around.health.failing,
        )
        lanes.append(working)
        around.health.loading = None
        greet(config, knowledge.status())
        await members.beat()
        async with beside(members.run()):
            await _until(stop, working)
        await tasks.drain(config.bot.shutdown_grace_s)
        await process.leave(members)


@asynccontextmanager
async def _followed(process: Process) -> AsyncIterator[KnowledgeBase]:
    """What the scheduler publishes, as soon as there is anything."""
    follower = process.follower()
    await follower.first()
    database = process.store.database
    knowledge = FollowedKnowledge(process.config, follower, database, process.wakes)
    async with knowledge, beside(follower.run(knowledge.reopen)):
        gc.freeze()  # see `open_knowledge`
        yield knowledge


async def _until(stop: asyncio.Event, lanes: Lanes) -> None:
    working, stopped = asyncio.create_task(lanes.run()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        lanes.stop()
        await working
    finally:
        stopped.cancel()
        working.cancel()


@dataclass(slots=True)
class Memory:
    """What all groups of the worker remember of answers."""

    groups: dict[Group, RecentAnswers] = field(default_factory=dict)
    ended: int = 0

    @property
    def forgotten(self) -> int:
        """Counts on when any of them has forgotten something, or is not remembered any more."""
        return self.ended + sum(recent.forgotten for recent in self.groups.values())

    def end(self, group: Group) -> None:
        """The group is somebody else's from now on."""
        self.ended += self.groups.pop(group).forgotten + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Makes the parts of each group that is claimed."""

    process: Process
    members: Members
    around: Surroundings
    models: Mapping[str, Adapter]
    memory: Memory
    knowledge: KnowledgeBase
    pipeline: Pipeline

    @asynccontextmanager
    async def opened(
        self, group: Group, database: FencedDatabase, tasks: Tasks
    ) -> AsyncIterator["OpenGroup"]:
        """A group as it was left, its unfinished messages and replies on their way."""
        config, store = self.process.config, Store(database)
        adapters = self.process.views(self.models, self.members.link, database)
        parts = await parts_of(self.around, store, adapters, tasks, group)
        parts.commands.open(self.knowledge)
        dispatcher = create_dispatcher(parts, create_handler(parts, self.pipeline))
        self.memory.groups[group] = parts.recent
        try:
            await parts.delivery.resume(parts.options.max_age_s)
            await parts.inbox.open(dispatcher)
            async with beside(_refreshed(parts, group)):
                yield OpenGroup(parts.inbox, dispatcher, tasks, config.bot.shutdown_grace_s)
        finally:
            self.memory.end(group)


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """A group that this worker has."""

    inbox: Inbox
    dispatcher: Dispatcher
    tasks: Tasks
    grace_s: float

    async def receive(self, event: Event) -> bool:
        """Takes in an event."""
        return await self.inbox.receive(event)

    async def stop(self) -> None:
        """Ends what is under way; the rest stays in the store."""
        self.inbox.close()
        self.dispatcher.stop()
        await self.tasks.drain(self.grace_s)


async def _refreshed(parts: Parts, group: Group) -> None:
    """Until cancelled: what was erased and which budgets were set elsewhere, whose opening time has
    come, and what failed because the database was away."""
    clock = parts.clock
    while True:
        await clock.wait(asyncio.Event(), clock.now() + REFRESH_S)
        try:
            await parts.erasing.catch_up()
            parts.flood.set_budget(group, (await parts.store.budgets(group)).get(group))
            await parts.inbox.take_up()
            await parts.delivery.take_up(parts.options.max_age_s)
        except StoreError as error:
            log.error("a group could not be looked after: %s", error)
