"""HuixiangDou's command line: reads the configuration, builds the parts, runs the command."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory

# Before numpy is loaded, which reads it once. Messages are judged beside each other: threads within
# one of them would wait for each other most of the time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bot.answering.external import ExternalSources, open_external_sources
from bot.answering.pipeline import Pipeline
from bot.cli import (
    asking,
    backup,
    check,
    evaluate,
    gate,
    index,
    keeping,
    label,
    replay,
    scoring,
    teacher,
    user,
)
from bot.cli.parser import USAGE_ERROR, parse
from bot.cluster.members import Role
from bot.config.config_file import ConfigFile
from bot.config.schema import Config, ConfigError, load_config
from bot.console.users import UsersError
from bot.daemon.compose import create_adapters, open_knowledge, run_daemon
from bot.daemon.roles import run_role
from bot.daemon.server import ServerError
from bot.llm.create import open_llm
from bot.llm.llm import Llm
from bot.llm.types import LlmError
from bot.metrics import create_metrics
from bot.store.store import StoreError, open_store
from bot.tracing import TracingError
from common.clock import SystemClock
from common.tasks import leave, run_to_end
from knowledge.base import KnowledgeBase
from knowledge.types import ExamplesMissing, KnowledgeError

log = logging.getLogger("huixiangdou")

NOISY = (
    *("aiohttp", "apscheduler", "ddgs", "httpcore2", "httpx", "httpx2", "matplotlib", "openai"),
    *("primp", "trafilatura", "websockets"),
)


def main() -> int:
    """Runs one command. Status 0 is success, 1 a failure, 2 bad usage or configuration."""
    args = parse(sys.argv[1:])
    try:
        config = load_config(args.config, args.overrides, _tell)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR
    logging.basicConfig(
        level=config.bot.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Its warnings tell the row that a server refused: what somebody wrote.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    try:
        return run_to_end(_command(args, config))
    except (KnowledgeError, StoreError, ServerError, UsersError, LlmError, TracingError) as error:
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


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _own_command(args: argparse.Namespace) -> tuple[str, ...]:
    """This program with the same configuration, as it can be started again."""
    file = ("--config", str(args.config)) if args.config else ()
    options = [part for value in args.overrides for part in ("--set", value)]
    return (sys.executable, str(Path(__file__).resolve()), *file, *options)


async def _command(args: argparse.Namespace, config: Config) -> int:
    match args.command:
        case "run":
            await _run(args, config)
            return 0
        case "backup" | "restore":
            return await asyncio.to_thread(backup.pack_or_restore, config, args)
        case "store":
            return await asyncio.to_thread(keeping.move_store, args)
        case "index":
            return await index.index(config.plan)
        case "user":
            return await user.user(config, args)
        case "check":
            return await _check(args, config)
        case "label" | "replay" | "forget":
            return await _on_messages(args, config)
        case _:
            return await _on_knowledge(args, config)


async def _on_knowledge(args: argparse.Namespace, config: Config) -> int:
    """The commands that ask the documents."""
    async with _knowledge(config) as knowledge, _model(config) as llm:
        match args.command:
            case "ask":
                async with _external(config) as external:
                    stages = Pipeline(knowledge, config.answer, llm, external)
                    return await asking.ask(stages, args, config.bot, config.admin.prefix)
            case "search":
                return await index.search(knowledge, args)
            case "gate":
                return await gate.gate(knowledge, args)
            case "calibrate":
                return await gate.calibrate(knowledge, config.bot.data_dir)
            case _:
                return await _evaluate(args, config, knowledge, llm)


async def _run(args: argparse.Namespace, config: Config) -> None:
    own, clock = _own_command(args), SystemClock()
    file = ConfigFile(args.config, args.overrides)
    with closing(index.ProgressBars()) as bars:
        if args.role == Role.ALL:
            burst = args.burst
            await run_daemon(config, clock, bars, burst=burst, command=own, file=file)
        else:
            await run_role(
                Role(args.role),
                config,
                bars,
                place=config.store_place,
                command=own,
                file=file,
            )


async def _on_messages(args: argparse.Namespace, config: Config) -> int:
    """The commands that go through messages of groups."""
    if args.command == "forget":
        return await keeping.forget(config, SystemClock(), args)
    if args.command == "label" and args.forget_teacher:
        return await teacher.forget(config)
    if args.command == "label" and args.agreement:
        return await teacher.list_agreement(config)
    async with _knowledge(config) as knowledge:
        if args.command == "replay":
            return await replay.replay_chat(config, knowledge, args)
        if not args.teacher:
            return await label.label(config, knowledge, SystemClock(), args)
        async with _model(config) as llm:
            return await teacher.teach(config, knowledge, llm, SystemClock(), args)


async def _evaluate(
    args: argparse.Namespace, config: Config, knowledge: KnowledgeBase, llm: Llm | None
) -> int:
    match args.what:
        case "gate":
            return await gate.eval_gate(knowledge, args, llm)
        case "retrieval":
            return await evaluate.eval_retrieval(knowledge, args)
        case "scoring":
            return await scoring.eval_scoring(llm, args)
        case _:
            async with _external(config) as external:
                stages = Pipeline(knowledge, config.answer, llm, external)
                return await evaluate.eval_answers(knowledge, stages, args)


async def _check(args: argparse.Namespace, config: Config) -> int:
    status = 0
    if args.adapter or args.live:
        # A running bot has its own store open: this one is empty, and thrown away.
        with TemporaryDirectory() as folder:
            async with open_store(Path(folder) / "bot.sqlite", durable=False) as store:
                adapters = create_adapters(config, store, SystemClock())
                if args.adapter:
                    return await check.check_adapter(adapters, args.adapter)
                status = await check.check_alive(config, adapters)
    async with _model(config) as llm, _external(config) as external:
        return await check.check(config, llm, external) or status


@asynccontextmanager
async def _knowledge(config: Config) -> AsyncIterator[KnowledgeBase]:
    """The knowledge base for one command; a terminal shows how far the build of its index is."""
    with closing(index.ProgressBars()) as bars:
        async with open_knowledge(config, bars) as knowledge:
            yield knowledge


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


if __name__ == "__main__":
    leave(main())
