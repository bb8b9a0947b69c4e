"""HuixiangDou's command line: reads the configuration, builds the parts, runs the command."""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from adapters import create
from adapters.base import Adapter, Context
from bot.app import AppOptions, Health, run_app
from bot.cli import asking, check, evaluate, index, scoring
from bot.cli.parser import USAGE_ERROR, parse
from bot.cli.pictures import draw_gate
from bot.clock import Clock, SystemClock
from bot.commands import Commands
from bot.config import Config, ConfigError, load_config
from bot.flood import Answered, Budget, Cooldown, Flood
from bot.greeting import greet
from bot.handle import Bot, Manners, Parts
from bot.jobs import Job
from bot.llm.create import open_llm
from bot.llm.llm import Llm
from bot.metrics import Metrics, create_metrics
from bot.outbox import Outbox
from bot.pipeline import Pipeline, PipelineOptions
from bot.server import ServerError, ServerOptions
from bot.store import Store, StoreError, open_store
from bot.worker import Timing
from knowledge.base import GateOptions, KnowledgeBase
from knowledge.embed import EmbedderSpec
from knowledge.plan import BuildPlan, Source
from knowledge.shelf import is_current
from knowledge.types import KnowledgeError

log = logging.getLogger("huixiangdou")


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
    for noisy in ("apscheduler", "aiohttp", "httpx", "httpx2", "httpcore2", "openai"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        return asyncio.run(_command(args, config))
    except (KnowledgeError, StoreError, ServerError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


async def _command(args: argparse.Namespace, config: Config) -> int:
    match args.command:
        case "run":
            return await _run(config, burst=args.burst)
        case "index":
            return await index.index(build_plan(config))
        case "check":
            async with _model(config) as llm:
                return await check.check(config, build_plan(config), gate_options(config), llm)
    async with open_knowledge(config) as knowledge, _model(config) as llm:
        match args.command:
            case "ask":
                stages = pipeline(config, knowledge, llm)
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
            return await evaluate.eval_gate(knowledge, gate_options(config), args, llm)
        case "retrieval":
            return await evaluate.eval_retrieval(knowledge, args)
        case "scoring":
            return await scoring.eval_scoring(llm, args)
        case _:
            stages = pipeline(config, knowledge, llm)
            return await evaluate.eval_answers(knowledge, stages, args)


def _model(config: Config) -> AbstractAsyncContextManager[Llm | None]:
    """The language model for one command: nobody watches its servers."""
    return open_llm(config.llm, create_metrics(), SystemClock(), watch=False)


def build_plan(config: Config) -> BuildPlan:
    """What a build of the index needs to know."""
    section = config.knowledge
    embedder = section.embedder
    return BuildPlan(
        folder=str(config.bot.data_dir / "knowledge"),
        sources=tuple(
            Source(s.name, str(s.path or ""), s.git or "", s.include, s.exclude, s.link_base)
            for s in section.sources
        ),
        embedder=EmbedderSpec(
            embedder.kind, embedder.model, embedder.base_url, embedder.dim,
            embedder.api_key.get_secret_value(),
        ),
        piece_chars=section.piece_chars,
        reject_chars=section.reject_chars,
        passage_chars=section.passage_chars,
        max_file_mb=section.max_file_mb,
        convert_timeout_s=section.convert_timeout_s,
        m=section.index.m,
        ef_construction=section.index.ef_construction,
    )  # fmt: skip


def gate_options(config: Config) -> GateOptions:
    """How the gate is fitted."""
    section = config.gate
    return GateOptions(
        section.examples, section.target_precision, section.mention_precision,
        section.expected_share, section.neighbours,
    )  # fmt: skip


def pipeline(config: Config, knowledge: KnowledgeBase, llm: Llm | None = None) -> Pipeline:
    """The stages over a knowledge base, with a language model or without."""
    section = config.answer
    options = PipelineOptions(
        section.max_chars, section.max_passages, section.min_evidence, section.sure_evidence
    )
    return Pipeline(knowledge, options, llm)


@asynccontextmanager
async def open_knowledge(config: Config) -> AsyncIterator[KnowledgeBase]:
    """The knowledge base; builds its index first where there is none that fits."""
    plan = build_plan(config)
    if not is_current(plan):
        sys.stderr.write("building the knowledge index, once ...\n")
        await index.build_with_bars(plan)
    async with KnowledgeBase(
        plan, gate_options(config), config.knowledge.index.ef_search
    ) as knowledge:
        yield knowledge


async def _run(config: Config, *, burst: bool) -> int:
    """The daemon."""
    config.bot.data_dir.mkdir(parents=True, exist_ok=True)
    refresh = is_current(build_plan(config))
    clock, metrics = SystemClock(), create_metrics()
    async with (
        open_store(config.bot.data_dir / "bot.sqlite") as store,
        open_knowledge(config) as knowledge,
        open_llm(config.llm, metrics, clock, watch=True) as llm,
    ):
        stages = pipeline(config, knowledge, llm)
        await _serve(config, store, knowledge, stages, clock, metrics, burst=burst, refresh=refresh)
    return 0


async def _serve(
    config: Config,
    store: Store,
    knowledge: KnowledgeBase,
    stages: Pipeline,
    clock: Clock,
    metrics: Metrics,
    *,
    burst: bool,
    refresh: bool,
) -> None:
    token = config.http.token.get_secret_value()
    context = Context(store, config.bot.name, token)
    made = [create(settings, context) for settings in config.adapters]
    adapters: dict[str, Adapter] = {adapter.name: adapter for adapter in made}
    models = stages.llm.hybrid if stages.llm else None
    health = Health(dict.fromkeys(adapters, False), models.problems if models else list)
    bot = await _bot(config, store, stages, adapters, health, clock, metrics)
    status = knowledge.status()
    metrics.documents.set_function(lambda: knowledge.status().documents)
    metrics.pieces.set_function(lambda: knowledge.status().pieces)
    metrics.queue_depth.set_function(lambda: bot.dispatcher.depth)

    async def prune() -> None:
        removed = await store.prune(clock.now() - config.store.keep_days * 86400)
        log.info("pruned %d old messages", removed)

    async def reload() -> None:
        report = await knowledge.reload()
        log.info("reloaded: %d documents in %.1f s", report.documents, report.seconds)

    async def started(address: str) -> None:
        greet(config, address, status.documents, status.pieces, status.sources)
        if refresh:
            bot.dispatcher.spawn(_refresh(knowledge))

    await run_app(
        bot, adapters, health, metrics, clock,
        [Job("prune", config.schedule.prune, prune), Job("reload", config.schedule.reload, reload)],
        AppOptions(
            ServerOptions(config.http.host, config.http.port, token),
            config.bot.shutdown_grace_s, burst,
        ),
        started,
    )  # fmt: skip


async def _bot(
    config: Config,
    store: Store,
    stages: Pipeline,
    adapters: Mapping[str, Adapter],
    health: Health,
    clock: Clock,
    metrics: Metrics,
) -> Bot:
    outbox = Outbox(adapters, store, clock, metrics)
    flood = await _flood(config, store, clock.now())
    commands = Commands(
        knowledge=stages.knowledge, store=store, outbox=outbox, flood=flood, clock=clock,
        metrics=metrics, admins=config.admin.users, prefix=config.admin.prefix,
        health=health.report,
    )  # fmt: skip
    return Bot(
        Parts(stages, store, outbox, flood, commands, adapters, clock, metrics),
        Manners(
            config.bot.language, config.bot.when_unknown, config.flood.repeat_similarity,
            config.flood.human_similarity, config.bot.resume_max_age_s, config.admin.prefix,
        ),
        Timing(
            config.bot.quiet_s, config.bot.max_wait_s, config.bot.mention_wait_s,
            config.flood.wait_for_humans_s, config.bot.queue_size,
        ),
    )  # fmt: skip


async def _flood(config: Config, store: Store, now: float) -> Flood:
    """Flood control as it was before the last stop."""
    section = config.flood
    flood = Flood(
        Budget(section.burst, section.refill_s),
        Cooldown(section.person_cooldown_s),
        Answered(section.repeat_window_s),
    )
    spent = max(section.person_cooldown_s, section.burst * section.refill_s)
    flood.restore(
        await store.unprompted_replies(now - spent),
        await store.recent_answers(now - section.repeat_window_s),
    )
    return flood


async def _refresh(knowledge: KnowledgeBase) -> None:
    """Takes up what changed in the documents while the bot was down."""
    try:
        report = await knowledge.reload()
    except KnowledgeError as error:
        log.error("could not bring the index up to date, the old one serves: %s", error)
        return
    if report.added or report.changed or report.removed:
        log.info("index brought up to date: %d documents", report.documents)
    for item in report.skipped:
        log.warning("skipped %s: %s", item.path, item.reason)


if __name__ == "__main__":
    sys.exit(main())
