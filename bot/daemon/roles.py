"""Starts one of the processes that share a store in its role. Alone with everything see
`bot.daemon.compose`."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.cluster.clock import DatabaseClock
from bot.cluster.members import Role, new_id
from bot.cluster.wakes import Wakes, hear
from bot.config.config_file import ConfigFile
from bot.config.schema import Config
from bot.daemon.deciding import run_worker
from bot.daemon.heartbeat import Supervisor
from bot.daemon.process import Process, beside
from bot.daemon.receiver import run_receiver
from bot.daemon.scheduler import run_scheduler
from bot.store.database import Place
from bot.store.instance import only_instance
from bot.store.store import open_store
from bot.tracing import open_tracing
from bot.types import Progress

log = logging.getLogger(__name__)

POLL_S = 1.0
"""So long anybody waits at most for what the database has not told of."""


async def run_role(
    role: Role,
    config: Config,
    progress: Progress = lambda *_: None,
    *,
    place: Place,
    command: tuple[str, ...] = (),
    file: ConfigFile | None = None,
) -> None:
    """One of the processes that share a store, until a signal comes; each has a data folder of its
    own, and all go by the database's clock. See `run_daemon` for the rest."""
    with only_instance(config.bot.data_dir):
        async with (
            open_tracing(config.tracing.endpoint) as tracing,
            open_store(place) as store,
            _told(place) as wakes,
        ):
            clock = DatabaseClock()
            await clock.learn(store.database)
            process = Process(
                role=role,
                id=new_id(),
                config=config,
                store=store,
                clock=clock,
                wakes=wakes,
                supervisor=Supervisor.of(os.environ),
                tracing=tracing,
            )
            await process.members(dict).admitted()
            match role:
                case Role.RECEIVER:
                    await run_receiver(process)
                case Role.WORKER:
                    await run_worker(process)
                case Role.SCHEDULER:
                    await run_scheduler(process, progress, command, file)
                case Role.ALL:
                    raise ValueError("who does everything shares nothing: see run_daemon")


@asynccontextmanager
async def _told(place: Place) -> AsyncIterator[Wakes]:
    """Who waits for news is woken by the database where that can be."""
    wakes = Wakes(POLL_S)
    if isinstance(place, Path):
        yield wakes
        return
    async with beside(hear(place, wakes)):
        yield wakes
