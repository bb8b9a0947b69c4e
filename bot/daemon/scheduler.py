"""The role that builds the index, has the jobs and serves the console with the chat on its page: of
several such processes one has the jobs, the others wait to take them over."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from bot.cluster.executing import Executor
from bot.cluster.following import (
    LONGEST_S,
    SCHEDULER,
    Follower,
    PublishedKnowledge,
    methods_of_scheduler,
)
from bot.cluster.holds import Holds
from bot.config.config_file import ConfigFile
from bot.config.options import zone
from bot.console.routes import console_routes
from bot.daemon.app import Answering, Parts
from bot.daemon.assemble import parts_of, surround
from bot.daemon.compose import create_adapters, create_console, load
from bot.daemon.greeting import greet
from bot.daemon.jobs import Job, catch_up, scheduled
from bot.daemon.process import Process, beside, serving
from bot.daemon.receiver import receiving, told
from bot.store.cluster.calls import prune_calls
from bot.store.cluster.leases import find_left
from bot.store.cluster.processes import forget_dead
from bot.store.cluster.published import publish
from bot.store.store import StoreError
from bot.types import Progress
from common.clock import DAY_S
from common.tasks import Tasks
from knowledge.sharing.publishing import Publisher
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)


async def run_scheduler(
    process: Process,
    progress: Progress = lambda *_: None,
    command: tuple[str, ...] = (),
    file: ConfigFile | None = None,
) -> None:
    """Runs until a signal comes."""
    config, store, clock = process.config, process.store, process.clock
    models = create_adapters(config, store, clock, shared=True)
    written = {name: adapter for name, adapter in models.items() if adapter.on_page}
    holds = Holds([SCHEDULER, *written], store.database, process.id)
    members = process.members(lambda: told(holds, written, around.health))
    adapters = process.views(models, members.link)
    around = await surround(config, clock, store, adapters, process.tracing)
    tasks = Tasks(tolerated=StoreError)
    parts = await parts_of(around, store, adapters, tasks)
    console, follower = create_console(parts, file, command), process.follower()
    knowledge = _knowledge(process, follower, holds)
    executor = Executor(
        {SCHEDULER: methods_of_scheduler(knowledge)},
        store.database,
        holds,
        process.wakes,
        tasks,
        LONGEST_S,
    )

    with console.log.kept():
        async with (
            serving(process, members, around, written.values(), console_routes(console)) as stop,
            tasks,
            beside(members.run(), holds.run()),
            receiving(process, written, holds, around.health, tasks),
        ):
            await follower.catch_up()  # what another scheduler built need not be built again
            opening = load(parts, progress, console, lambda: knowledge)
            async with opening as loaded, beside(follower.run(knowledge.reopen)):
                around.health.loading = None
                greet(config, loaded.status)
                jobs = partial(_jobs_while_held, parts, loaded, knowledge, executor)
                async with beside(holds.while_held(SCHEDULER, jobs)):
                    await stop.wait()
                await tasks.drain(config.bot.shutdown_grace_s)
            await process.leave(members)


def _knowledge(process: Process, follower: Follower, holds: Holds) -> PublishedKnowledge:
    config, database = process.config, process.store.database

    async def announce(versions: Mapping[str, str]) -> bool:
        return await database.run(publish, versions, SCHEDULER, process.id)

    return PublishedKnowledge(
        config,
        follower,
        Publisher(Path(config.plan.folder), follower.share),
        lambda: holds.token(SCHEDULER) is not None,
        announce,
    )


async def _jobs_while_held(
    parts: Parts, loaded: Answering, knowledge: PublishedKnowledge, executor: Executor
) -> None:
    """Publishes the index and runs the jobs, until cancelled. Each group looks after its opening
    hours itself."""
    database = parts.store.database

    async def tidy() -> None:
        if found := await database.run(find_left):
            log.info("%d groups have unfinished work that nobody had", found)
        await database.run(prune_calls, 2 * DAY_S)
        await database.run(forget_dead, DAY_S)

    jobs = [job for job in loaded.jobs if not job.name.startswith("open-")]
    jobs.append(Job("tidy", "* * * * *", tidy))
    try:
        await knowledge.publish()
    except (KnowledgeError, StoreError) as error:
        log.error("the workers go on with the knowledge that they have: %s", error)
    async with (
        scheduled(jobs, parts.metrics, parts.clock, zone(parts.config)),
        beside(executor.run(SCHEDULER), catch_up(knowledge)),
    ):
        await asyncio.Event().wait()
