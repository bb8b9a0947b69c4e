"""The daemon's life: what starts in which order, who owns it, and how it stops.

Start: store -> server -> adapters, which receive from now on -> knowledge and models -> workers.
What arrives before the knowledge is loaded is stored, and taken up then. Stop, on SIGTERM or
SIGINT: work under way gets its grace while messages are only stored, then everything is closed in
reverse. A second signal ends the process at once.
"""

import asyncio
import logging
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass

from aiohttp import web

from adapters.base import AdapterError, LoginRefused, Publish
from adapters.contract import Adapter
from bot.config.options import zone
from bot.config.schema import Config
from bot.console.access import Access
from bot.console.audit import Audit
from bot.console.login import Logins
from bot.daemon.greeting import greet, greet_at_once
from bot.daemon.health import Health
from bot.daemon.heartbeat import NOBODY, Supervisor, heartbeat
from bot.daemon.jobs import Job, scheduled
from bot.daemon.server import create_application, listening
from bot.group.commands import Commands
from bot.group.delivery import Delivery
from bot.group.dispatcher import Dispatcher
from bot.group.duplicates import RecentAnswers
from bot.group.erasing import Erasing
from bot.group.flood import Flood
from bot.group.inbox import Inbox
from bot.group.types import GroupOptions
from bot.metrics import Metrics
from bot.pages import WrittenPages
from bot.store.store import Store, StoreError
from bot.texts.notices import notice
from bot.texts.translated import said_in_both
from common.clock import Clock
from common.tasks import Tasks
from knowledge.types import Status

log = logging.getLogger(__name__)

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 300.0
STORE_TRY_S = 15.0
STEADY_S = 10.0
"""A connection that lived so long was a good one: the next is tried without a long pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the daemon has before the knowledge is loaded."""

    config: Config
    options: GroupOptions
    store: Store
    adapters: Mapping[str, Adapter]
    flood: Flood
    recent: RecentAnswers
    delivery: Delivery
    commands: Commands
    pages: WrittenPages
    erasing: Erasing
    inbox: Inbox
    health: Health
    access: Access
    audit: Audit
    metrics: Metrics
    supervisor: Supervisor = NOBODY
    clock: Clock
    tasks: Tasks


@dataclass(frozen=True, slots=True)
class Answering:
    """What the daemon has once it can answer; `status` is the knowledge base's."""

    dispatcher: Dispatcher
    jobs: Sequence[Job]
    status: Status


async def run_app(
    parts: Parts,
    routes: Sequence[web.RouteDef],
    load: Callable[[], AbstractAsyncContextManager[Answering]],
    *,
    burst: bool,
) -> None:
    """Runs until a signal comes, or with `burst` until there is nothing left to do; `routes` are
    served beside the adapters'."""
    config, health, inbox, tasks = parts.config, parts.health, parts.inbox, parts.tasks
    application = create_application(
        parts.adapters.values(),
        parts.metrics,
        health.report,
        parts.access.identify,
        [*Logins(parts.access, parts.audit).routes(), *routes],
    )
    stop = asyncio.Event()
    try:
        with signals(stop, health):
            async with listening(config.http, application) as address, tasks:
                greet_at_once(config, address, guarded=parts.access.users.guarded)
                async with (
                    _receiving(parts) as inputs,
                    heartbeat(parts.supervisor, parts.metrics),
                    load() as loaded,
                ):
                    await inbox.open(loaded.dispatcher)
                    health.loading = None
                    greet(config, loaded.status)
                    async with scheduled(loaded.jobs, parts.metrics, parts.clock, zone(config)):
                        typing = [inputs[name] for name, a in parts.adapters.items() if a.finite]
                        await _until_done(stop, typing, tasks, burst=burst)
                        inbox.close()
                        loaded.dispatcher.stop()
                        await tasks.drain(config.bot.shutdown_grace_s)
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        # A signal while the index was being built: nobody waits for that.
    log.info("stopped")


async def _until_done(
    stop: asyncio.Event, typing: Sequence[asyncio.Task[None]], tasks: Tasks, *, burst: bool
) -> None:
    if not burst:
        # An adapter that returns has no more input (the console at its end): the others go on.
        await stop.wait()
        return
    while not stop.is_set():
        if not tasks.active and all(task.done() for task in typing):
            return
        try:
            await asyncio.wait_for(stop.wait(), 0.05)
        except TimeoutError:
            continue


@asynccontextmanager
async def _receiving(parts: Parts) -> AsyncIterator[Mapping[str, asyncio.Task[None]]]:
    """Opens the adapters and keeps each of them connected while the context is open."""
    async with AsyncExitStack() as stack:
        for adapter in parts.adapters.values():
            await stack.enter_async_context(adapter)
        await parts.delivery.resume(parts.options.max_age_s)
        inputs = {
            name: asyncio.create_task(
                supervise(adapter, parts.inbox.receive, parts.health, parts.clock), name=name
            )
            for name, adapter in parts.adapters.items()
        }
        watching = asyncio.create_task(_watch_store(parts))
        try:
            yield inputs
        finally:
            for task in (watching, *inputs.values()):
                task.cancel()
            await asyncio.gather(watching, *inputs.values(), return_exceptions=True)


async def _watch_store(parts: Parts) -> None:
    """Once something could not be stored, tries now and then whether that is over: no platform
    need send anything for the daemon to be ready again. What was not decided, or not posted, is
    taken up then."""
    clock, database, seen = parts.clock, parts.store.database, 0
    while True:
        await clock.wait(asyncio.Event(), clock.now() + STORE_TRY_S)
        if (failures := database.failures) != seen:
            with suppress(StoreError):
                await parts.store.touch()
                await parts.inbox.take_up()
                await parts.delivery.take_up(parts.options.max_age_s)
                seen = failures


async def supervise(adapter: Adapter, publish: Publish, health: Health, clock: Clock) -> None:
    """Keeps one adapter running: back-off after a failure, for ever; the others don't notice."""
    delay = 0.0
    while True:
        began, refused = clock.now(), False
        try:
            await adapter.run(publish)
        except AdapterError as error:
            refused = isinstance(error, LoginRefused)
            log.warning("adapter %s is not connected: %s", adapter.name, error)
            health.failures[adapter.name] = said_in_both(str(error), error.zh)
        except Exception as error:
            # One of the few places for a broad except: the other adapters must go on.
            log.exception("adapter %s failed", adapter.name)
            health.failures[adapter.name] = notice.said("a_bug", error=type(error).__name__)
        else:
            health.ended.add(adapter.name)
            return
        steady = clock.now() - began > STEADY_S
        again = FIRST_RETRY_S if steady or not delay else min(LAST_RETRY_S, 2 * delay)
        delay = LAST_RETRY_S if refused else again
        # Not always the same pause, so that bots don't come back all at once.
        pause = delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        await clock.wait(asyncio.Event(), clock.now() + pause)


@contextmanager
def signals(stop: asyncio.Event, health: Health) -> Iterator[None]:
    """The first SIGTERM or SIGINT, or the end of its terminal, stops gently, the second one at
    once."""
    loop, main = asyncio.get_running_loop(), asyncio.current_task()

    def gently(number: int) -> None:
        log.info("stopping on %s", signal.Signals(number).name)
        stop.set()
        if health.loading and main:
            main.cancel()
        loop.remove_signal_handler(number)

    numbers = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        numbers.remove(signal.SIGHUP)  # started with nohup: it outlives the terminal
    for number in numbers:
        loop.add_signal_handler(number, gently, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
