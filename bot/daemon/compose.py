"""What the daemon is made of: who is built with whom, in the order in which messages pass.

`build` in `assemble.py` makes what takes messages in and sends replies; `load` opens the knowledge
and the models, and makes what answers. Each part is given what it calls, and none calls back.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from adapters import create
from adapters.contract import Adapter, Context
from bot.answering.external import ExternalSources
from bot.answering.pipeline import Pipeline
from bot.cluster.fence import FencedDatabase
from bot.cluster.members import Members, Role, new_id
from bot.config.config_file import ConfigFile
from bot.config.schema import Config, ConfigError
from bot.console.api.replays import prune_replays
from bot.console.logbook import LogBook
from bot.console.parts import ConsoleParts
from bot.console.routes import console_routes
from bot.daemon.answers import open_answers
from bot.daemon.answers import open_knowledge as open_knowledge
from bot.daemon.app import Answering, Parts, run_app
from bot.daemon.assemble import build
from bot.daemon.digest import post_digest
from bot.daemon.heartbeat import Supervisor
from bot.daemon.jobs import Job, catch_up, opening_jobs
from bot.group.dispatcher import Dispatcher
from bot.group.duplicates import Duplicates
from bot.group.handler import QuestionHandler
from bot.group.learning import Learning
from bot.group.worker import Worker
from bot.metrics import CountedElsewhere
from bot.store.backup import BEFORE, take_up
from bot.store.cluster.processes import still_admitted
from bot.store.engines.place import FILE
from bot.store.instance import only_instance
from bot.store.store import Store, open_store
from bot.tracing import open_tracing
from bot.types import Progress
from common.clock import DAY_S, Clock
from common.tasks import Tasks
from common.texts import Said
from knowledge.base import KnowledgeBase
from knowledge.index.embedding_pool import cores
from knowledge.index.snapshots import is_current
from knowledge.plan import Source
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)

REPLACED = Said(
    "这个进程停顿了太久，数据库已由另一个进程接管",
    "this process stood still for too long, and another one uses the store by now",
)


async def run_daemon(
    config: Config,
    clock: Clock,
    progress: Progress = lambda *_: None,
    *,
    burst: bool = False,
    command: tuple[str, ...] = (),
    file: ConfigFile | None = None,
) -> None:
    """The daemon, until a signal comes, or with `burst` until there is nothing left to do.
    `progress` is told how far the first build of the index is; `command` is how this program was
    started, which the console starts it by for a replay; `file` is what was read, of which the
    sources count anew from the next reload on."""
    folder = config.bot.data_dir
    with only_instance(folder):
        if await asyncio.to_thread(take_up, folder):
            log.info("took up what was restored; what was there is in %s", folder / BEFORE)
        async with (
            open_tracing(config.tracing.endpoint) as tracing,
            open_store(config.store_place) as store,
            _alone(config, store) as store,
        ):
            adapters = create_adapters(config, store, clock)
            parts = await build(config, clock, store, adapters, tracing)
            parts = replace(parts, supervisor=Supervisor.of(os.environ))
            console = create_console(parts, file, command)
            opening = partial(load, parts, progress, console)
            with console.log.kept():
                await run_app(parts, console_routes(console), opening, burst=burst)


@asynccontextmanager
async def _alone(config: Config, store: Store) -> AsyncIterator[Store]:
    """The store while nobody else uses it. Raises StoreError: somebody does, or, of a process that
    stood still for so long that it was taken for dead, does by now; then nothing more is
    written."""
    if isinstance(config.store_place, Path):
        yield store  # the data folder's lock has seen to it
        return
    members = Members(database=store.database, id=new_id(), role=Role.ALL)
    await members.admitted()
    alone = partial(still_admitted, process=members.id)
    members.database = FencedDatabase(store.database, alone, REPLACED)
    async with Tasks() as tasks:
        tasks.spawn(members.run())
        yield Store(members.database)
        await tasks.drain(0.0)
    await members.leave()


@asynccontextmanager
async def load(
    parts: Parts,
    progress: Progress,
    console: ConsoleParts,
    base: Callable[[], KnowledgeBase] | None = None,
) -> AsyncIterator[Answering]:
    """Opens the knowledge, made by `base`, and the models, and builds on them what answers."""
    config, metrics, tasks = parts.config, parts.metrics, parts.tasks
    was_built = is_current(config.plan)

    def building(stage: str, done: int, total: int) -> None:
        parts.health.built(stage, done, total)
        progress(stage, done, total)

    answers = open_answers(
        config,
        parts.store,
        parts.health,
        metrics,
        parts.clock,
        tasks,
        lambda: parts.recent.forgotten,
        open_knowledge(config, building, base, apart=cores() > 1),
    )
    async with answers as (knowledge, pipeline):
        dispatcher = create_dispatcher(parts, create_handler(parts, pipeline))
        parts.commands.open(knowledge)
        console.open(knowledge, pipeline)
        knowledge.sources_now = partial(sources_again, console)
        measure(parts, knowledge, pipeline.external)
        metrics.queue_depth.set_function(lambda: dispatcher.depth)
        if was_built:
            tasks.spawn(catch_up(knowledge))
        yield Answering(dispatcher, _jobs(parts, knowledge), knowledge.status())


def sources_again(console: ConsoleParts) -> tuple[Source, ...]:
    """The sources as the configuration has them now. Raises KnowledgeError, which a group may read:
    what is wrong stands in the log alone."""
    if console.file is None:
        return console.config.plan.sources
    try:
        config = console.file.load()
    except (ConfigError, OSError) as error:
        log.error("the configuration is wrong by now: %s", error)
        raise KnowledgeError("the configuration is wrong by now; see the log") from error
    console.take_sources(config)
    return config.plan.sources


def create_console(
    parts: Parts, file: ConfigFile | None = None, command: tuple[str, ...] = ()
) -> ConsoleParts:
    """What the console's pages are built on."""
    return ConsoleParts(
        config=parts.config,
        file=file,
        options=parts.options,
        store=parts.store,
        adapters=parts.adapters,
        delivery=parts.delivery,
        flood=parts.flood,
        audit=parts.audit,
        users=parts.access.users,
        pages=parts.pages,
        erasing=parts.erasing,
        health=parts.health.report,
        metrics=parts.metrics,
        clock=parts.clock,
        tasks=parts.tasks,
        log=LogBook(),
        command=command,
    )


def measure(parts: Parts, knowledge: KnowledgeBase, external: ExternalSources | None) -> None:
    """What metrics ask for when they are read."""
    metrics, folder, remote = parts.metrics, parts.config.bot.data_dir, parts.config.llm.remote
    metrics.documents.set_function(lambda: knowledge.status().documents)
    metrics.pieces.set_function(lambda: knowledge.status().pieces)
    metrics.skipped.set_function(lambda: knowledge.status().skipped)
    metrics.index_built.set_function(lambda: knowledge.status().built_at)
    metrics.disk_free.set_function(lambda: shutil.disk_usage(folder).free)
    metrics.store_bytes.set_function(
        lambda: sum(path.stat().st_size for path in folder.glob(f"{FILE}*"))
    )
    metrics.llm_price.labels("remote", "prompt").set(remote.prompt_price)
    metrics.llm_price.labels("remote", "cached").set(remote.cached_price or remote.prompt_price)
    metrics.llm_price.labels("remote", "completion").set(remote.completion_price)
    about, read = "Queries to engines and servers of code", external.counts if external else dict
    CountedElsewhere("searches", about, ("where", "result"), read).register(metrics.registry)


def create_handler(parts: Parts, pipeline: Pipeline) -> QuestionHandler:
    """What decides the questions of all groups."""
    return QuestionHandler(
        pipeline=pipeline,
        duplicates=Duplicates(pipeline.knowledge, parts.recent, parts.options.repeat_similarity),
        flood=parts.flood,
        delivery=parts.delivery,
        store=parts.store,
        adapters=parts.adapters,
        options=parts.options,
        clock=parts.clock,
    )


def create_dispatcher(parts: Parts, handler: QuestionHandler) -> Dispatcher:
    """What hands messages to the workers of their groups."""
    new_worker = partial(
        Worker,
        handler=handler,
        delivery=parts.delivery,
        store=parts.store,
        options=parts.options,
        clock=parts.clock,
        tasks=parts.tasks,
    )
    return Dispatcher(new_worker, parts.tasks, parts.health.failing)


def create_adapters(
    config: Config, store: Store, clock: Clock, *, shared: bool = False
) -> dict[str, Adapter]:
    """The configured adapters by name; none is connected yet. The store may be `shared` with other
    processes."""
    context = Context(
        history=store,
        clock=clock,
        bot_name=config.bot.name,
        max_age_s=config.bot.resume_max_age_s,
        command_prefix=config.admin.prefix,
        shared=shared,
    )
    return {adapter.name: adapter for adapter in (create(s, context) for s in config.adapters)}


def _jobs(parts: Parts, knowledge: KnowledgeBase) -> Sequence[Job]:
    """What happens by the clock."""
    store, clock, schedule = parts.store, parts.clock, parts.config.schedule
    learning = Learning(store=store, knowledge=knowledge, clock=clock)

    async def prune() -> None:
        kept, now = parts.config.store, clock.now()
        log.info("pruned %d old messages", await store.prune(now - kept.keep_days * DAY_S))
        texts = await store.prune_old(
            labels_before=now - kept.keep_label_days * DAY_S if kept.keep_label_days else 0.0,
            audit_before=now - kept.keep_audit_days * DAY_S,
        )
        if texts:
            await knowledge.forget(texts)
        if await learning.forget_erased():
            log.info("the gate was fitted anew without labels that were taken back")
        await asyncio.to_thread(
            prune_replays, parts.config.bot.data_dir, now, kept.keep_days * DAY_S
        )

    async def reload() -> None:
        report = await knowledge.reload()
        log.info("reloaded: %d documents in %.1f s", report.documents, report.seconds)

    async def refit() -> None:
        found = await learning.refit()
        if found.changed:
            log.info("the gate was refitted: %s", "taken" if found.taken else "not taken")

    async def digest() -> None:
        await post_digest(schedule.digest_to, store, knowledge, parts.delivery, clock)

    async def open_hours() -> None:
        log.info("took up %d messages from outside working hours", await parts.inbox.open_hours())

    return (
        Job("prune", schedule.prune, prune),
        Job("erased", "* * * * *", parts.erasing.catch_up),
        Job("reload", schedule.reload, reload),
        Job("refit", parts.config.gate.refit, refit),
        Job("digest", schedule.digest if schedule.digest_to else "", digest),
        *opening_jobs(schedule.hours, open_hours),
    )
