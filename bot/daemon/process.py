"""A process that shares its store with others, whatever its role: how it serves its health, how it
sees platforms whose connections others have, and how it leaves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from adapters.base import LinkStatus
from adapters.contract import Adapter
from bot.cluster.clock import DatabaseClock
from bot.cluster.following import Follower
from bot.cluster.members import Members, Role
from bot.cluster.remote_adapter import RemoteAdapter
from bot.cluster.wakes import Wakes
from bot.config.schema import Config
from bot.console.login import Logins
from bot.daemon.app import signals
from bot.daemon.assemble import Surroundings
from bot.daemon.greeting import greet_at_once
from bot.daemon.heartbeat import Supervisor, heartbeat
from bot.daemon.server import create_application, listening
from bot.store.cluster.leases import let_go
from bot.store.database import Database
from bot.store.store import Store
from bot.tracing import Tracing
from common.tasks import Tasks
from knowledge.sharing.publishing import open_share
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What each of the roles has; `id` is the name by which it holds what it holds."""

    role: Role
    id: str
    config: Config
    store: Store
    clock: DatabaseClock
    wakes: Wakes
    supervisor: Supervisor
    tracing: Tracing | None = None

    def members(self, telling: Callable[[], dict[str, Any]]) -> Members:
        """This process among the others, of which it tells them that."""
        return Members(
            database=self.store.database,
            id=self.id,
            role=self.role,
            telling=telling,
            clock=self.clock,
        )

    def views(
        self,
        models: Mapping[str, Adapter],
        link: Callable[[str], LinkStatus],
        database: Database | None = None,
    ) -> dict[str, Adapter]:
        """The adapters as one sees them who doesn't hold their connections."""
        asked = database or self.store.database
        return {name: RemoteAdapter(m, asked, self.wakes, link) for name, m in models.items()}

    def follower(self) -> Follower:
        """What keeps this process's index what was published. Raises KnowledgeError."""
        settings, folder = self.config.knowledge, Path(self.config.plan.folder)
        if settings.share is None:
            raise KnowledgeError(
                "knowledge.share is missing: the folder or the bucket by which the scheduler hands "
                "the index to the workers, which all of them must reach"
            )
        share = open_share(settings.share, settings.s3)
        return Follower(folder, share, self.store.database, self.wakes)

    async def leave(self, members: Members) -> None:
        """Others have what this process had, at once."""
        await self.store.database.run(let_go, self.id)
        await members.leave()


@asynccontextmanager
async def serving(
    process: Process,
    members: Members,
    around: Surroundings,
    adapters: Iterable[Adapter] = (),
    routes: Iterable[web.RouteDef] = (),
) -> AsyncIterator[asyncio.Event]:
    """Serves health, metrics and the routes; yields what is set when the process shall stop."""
    stop, health = asyncio.Event(), around.health
    health.processes, health.missing_roles = members.shown, members.missing
    health.backlog = lambda: members.backlog
    health.failing_elsewhere = members.failing
    application = create_application(
        adapters,
        around.metrics,
        around.health.report,
        around.access.identify,
        [*Logins(around.access, around.audit).routes(), *routes],
    )
    try:
        with signals(stop, around.health):
            async with (
                listening(process.config.http, application) as address,
                heartbeat(process.supervisor, around.metrics),
            ):
                greet_at_once(process.config, address, guarded=around.access.users.guarded)
                log.info("this is the %s %s", process.role, process.id)
                yield stop
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        # A signal while the knowledge was being loaded: nobody waits for that.
    log.info("stopped")


@asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs all of it until the end of the context; a bug in it ends that, too."""
    async with Tasks() as tasks:
        for each in work:
            tasks.spawn(each)
        yield
        await tasks.drain(0.0)
