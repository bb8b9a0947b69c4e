"""HuixiangDou's command line: reads the configuration, builds the parts, runs the command."""

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from adapters import create
from adapters.contract import Adapter, Context
from bot.answering.external import ExternalSources, open_external_sources
from bot.answering.pipeline import Pipeline
from bot.cli import asking, check, evaluate, index, scoring
from bot.cli.parser import USAGE_ERROR, parse
from bot.cli.pictures import draw_gate
from bot.config import options as settings
from bot.config.schema import Config, ConfigError, load_config
from bot.daemon.app import AppOptions, Front, run_app
from bot.daemon.digest import post_digest
from bot.daemon.greeting import greet
from bot.daemon.health import Health, LinkMetrics
from bot.daemon.jobs import Job, catch_up, opening_jobs
from bot.daemon.server import ServerError, ServerOptions
from bot.group.commands import Commands
from bot.group.delivery import Clerk, Outbox
from bot.group.flood import Flood
from bot.group.handler import Bot, Parts
from bot.group.inbox import Reception
from bot.llm.create import open_llm
from bot.llm.llm import Llm
from bot.llm.types import LlmError
from bot.metrics import create_metrics
from bot.store.store import Store, StoreError, open_store
from common.clock import Clock, SystemClock
from common.tasks import Tasks
from knowledge.base import KnowledgeBase
from knowledge.index.snapshots import is_current
from knowledge.types import ExamplesMissing, KnowledgeError

log = logging.getLogger("huixiangdou")

NOISY = (
    "apscheduler", "aiohttp", "httpx", "httpx2", "httpcore2", "openai", "websockets", "primp",
    "ddgs", "trafilatura",
)  # fmt: skip


def main() -> int:
    """Runs one command. Status 0 is success, 1 a failure, 2 bad usage or configuration."""
    args = parse(sys.argv[1:])
    try:
        config = load_config(args.config, args.overrides)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR
    logging.basicConfig(
        level=config.bot.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        return asyncio.run(_command(args, config))
    except (KnowledgeError, StoreError, ServerError, LlmError) as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR if isinstance(error, ExamplesMissing) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        # Mostly a folder that can't be written; where it happened matters to a developer only.
        log.debug("%s", error, exc_info=True)
        sys.stderr.write(f"{error.filename or 'system'}: {error.strerror or error}\n")
        return 1


async def _command(args: argparse.Namespace, config: Config) -> int:
    match args.command:
        case "run":
            await run_daemon(config, SystemClock(), burst=args.burst)
            return 0
        case "index":
            return await index.index(config.plan)
        case "check":
            return await _check(args, config)
    async with open_knowledge(config) as knowledge, _model(config) as llm:
        match args.command:
            case "ask":
                async with _external(config) as external:
                    stages = Pipeline(knowledge, config.answer, llm, external)
                    return await asking.ask(stages, args, config.bot.language)
            case "search":
                return await index.search(knowledge, args)
            case "gate":
                return await index.gate(knowledge, args)
            case "calibrate":
                picture = config.bot.data_dir / "calibration.png"
                return await index.calibrate(knowledge, picture, draw_gate)
            case _:
                return await _evaluate(args, config, knowledge, llm)


async def _evaluate(
    args: argparse.Namespace, config: Config, knowledge: KnowledgeBase, llm: Llm | None
) -> int:
    match args.what:
        case "gate":
            return await evaluate.eval_gate(knowledge, config.gate, args, llm)
        case "retrieval":
            return await evaluate.eval_retrieval(knowledge, args)
        case "scoring":
            return await scoring.eval_scoring(llm, args)
        case _:
            async with _external(config) as external:
                stages = Pipeline(knowledge, config.answer, llm, external)
                return await evaluate.eval_answers(knowledge, stages, args)


async def _check(args: argparse.Namespace, config: Config) -> int:
    if args.adapter:
        async with open_store(Path(":memory:")) as store:
            adapters = create_adapters(config, store, SystemClock())
            return await check.check_adapter(adapters, args.adapter)
    async with _model(config) as llm, _external(config) as external:
        return await check.check(config, llm, external)


def _model(config: Config) -> AbstractAsyncContextManager[Llm | None]:
    """The language model for one command: nobody watches its servers."""
    return open_llm(config.llm, create_metrics(), SystemClock(), watch=False)


@asynccontextmanager
async def _external(config: Config) -> AsyncIterator[ExternalSources | None]:
    """The searches beyond the documents for one command, with code as it is now."""
    opening = open_external_sources(
        config.search, config.knowledge, config.bot.data_dir, SystemClock()
    )
    async with opening as external:
        if external:
            await external.refresh()
        yield external


@asynccontextmanager
async def open_knowledge(config: Config) -> AsyncIterator[KnowledgeBase]:
    """The knowledge base; builds its index first where there is none that fits."""
    plan = config.plan
    if not is_current(plan):
        sys.stderr.write("building the knowledge index, once ...\n")
        await index.build_with_bars(plan)
    async with KnowledgeBase(plan, config.gate) as knowledge:
        # What is loaded now stays: looking through it for garbage during a reload would stop the
        # event loop for 30 ms at a time.
        gc.freeze()
        yield knowledge


def create_adapters(config: Config, store: Store, clock: Clock) -> dict[str, Adapter]:
    """The configured adapters by name; none is connected yet."""
    context = Context(
        store, clock, config.bot.name, config.http.token.get_secret_value(),
        config.bot.resume_max_age_s, config.admin.prefix,
    )  # fmt: skip
    return {adapter.name: adapter for adapter in (create(s, context) for s in config.adapters)}


async def run_daemon(config: Config, clock: Clock, *, burst: bool) -> None:
    """The daemon, until a signal comes."""
    config.bot.data_dir.mkdir(parents=True, exist_ok=True)
    async with open_store(config.bot.data_dir / "bot.sqlite") as store:
        await _Daemon(config, clock, store).run(burst=burst)


class _Daemon:
    """The parts of the daemon that need no knowledge yet, and how the others are added."""

    def __init__(self, config: Config, clock: Clock, store: Store) -> None:
        self._config, self._clock, self._store = config, clock, store
        self._refresh = is_current(config.plan)
        self._metrics, self._tasks = create_metrics(), Tasks()
        self._adapters = create_adapters(config, store, clock)
        self._health = Health(self._adapters, clock)
        self._hours, self._flood = settings.hours(config), settings.flood(config)
        self._outbox = Outbox(self._adapters, store, clock, self._metrics)
        self._clerk = Clerk(
            store, self._outbox, self._flood, self._adapters, clock, self._metrics, self._tasks
        )
        self._reception = Reception(
            store, self._clerk, self._hours, settings.rules(config), clock, self._metrics,
            self._tasks,
        )  # fmt: skip
        self._knowledge: KnowledgeBase | None = None

    async def run(self, *, burst: bool) -> None:
        config = self._config
        LinkMetrics(self._adapters, self._clock).register(self._metrics.registry)
        await _restore(self._flood, config, self._store, self._clock.now())
        token = config.http.token.get_secret_value()
        await run_app(
            Front(
                self._reception, self._adapters, self._health, self._metrics, self._clock,
                self._tasks,
            ),
            self._opened,
            AppOptions(
                ServerOptions(config.http.host, config.http.port, token),
                config.bot.shutdown_grace_s, burst, settings.zone(config),
            ),
            self._started,
        )  # fmt: skip

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[tuple[Bot, Sequence[Job]]]:
        config, metrics = self._config, self._metrics
        async with (
            open_knowledge(config) as knowledge,
            open_llm(config.llm, metrics, self._clock, watch=True) as llm,
            open_external_sources(
                config.search, config.knowledge, config.bot.data_dir, self._clock
            ) as external,
        ):
            if llm:
                self._health.llm_problems = llm.hybrid.problems
            if external:
                self._health.search_problems = external.notes
                knowledge.after_reload.append(external.refresh)
                self._tasks.spawn(external.refresh())
            bot = self._bot(Pipeline(knowledge, config.answer, llm, external))
            metrics.documents.set_function(lambda: knowledge.status().documents)
            metrics.pieces.set_function(lambda: knowledge.status().pieces)
            metrics.queue_depth.set_function(lambda: bot.dispatcher.depth)
            self._knowledge = knowledge
            yield bot, self._jobs(bot, knowledge)

    def _bot(self, pipeline: Pipeline) -> Bot:
        config = self._config
        commands = Commands(
            knowledge=pipeline.knowledge, store=self._store, clerk=self._clerk, clock=self._clock,
            metrics=self._metrics, admins=config.admin.users, prefix=config.admin.prefix,
            health=self._health.report,
        )  # fmt: skip
        parts = Parts(
            pipeline, self._store, self._outbox, self._clerk, self._flood, commands, self._hours,
            self._adapters, self._clock, self._metrics, self._tasks,
        )  # fmt: skip
        return Bot(parts, settings.manners(config), settings.timing(config))

    def _jobs(self, bot: Bot, knowledge: KnowledgeBase) -> Sequence[Job]:
        schedule, store = self._config.schedule, self._store

        async def prune() -> None:
            keep_s = self._config.store.keep_days * 86400
            log.info("pruned %d old messages", await store.prune(self._clock.now() - keep_s))

        async def reload() -> None:
            report = await knowledge.reload()
            log.info("reloaded: %d documents in %.1f s", report.documents, report.seconds)

        async def digest() -> None:
            await post_digest(schedule.digest_to, store, knowledge, self._clerk, self._clock)

        async def open_up() -> None:
            log.info("took up %d messages from outside working hours", await bot.open_up())

        return (
            Job("prune", schedule.prune, prune),
            Job("reload", schedule.reload, reload),
            Job("digest", schedule.digest if schedule.digest_to else "", digest),
            *opening_jobs(schedule.hours, open_up),
        )

    async def _started(self, address: str) -> None:
        if self._knowledge is None:
            raise AssertionError("the daemon starts with its knowledge")
        greet(self._config, address, self._knowledge.status())
        if self._refresh:
            self._tasks.spawn(catch_up(self._knowledge))


async def _restore(flood: Flood, config: Config, store: Store, now: float) -> None:
    """Flood control as it was before the last stop."""
    section = config.flood
    spent = max(section.person_cooldown_s, section.burst * section.refill_s)
    flood.restore(
        await store.unprompted_replies(now - spent),
        await store.recent_answers(now - section.repeat_window_s),
    )


if __name__ == "__main__":
    sys.exit(main())
