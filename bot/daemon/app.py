"""The daemon: what starts in which order, who owns it, and how it stops.

Start: store -> server -> adapters, which receive from now on -> knowledge and models -> workers.
What arrives before the knowledge is loaded is stored, and taken up then. Stop, on SIGTERM or
SIGINT: work under way gets its grace while messages are only stored, then everything is closed in
reverse. A second signal ends the process at once.
"""

import asyncio
import logging
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from datetime import tzinfo

from adapters.base import AdapterError, LoginRefused, Publish
from adapters.contract import Adapter
from bot.daemon.health import Health
from bot.daemon.jobs import Job, scheduled
from bot.daemon.server import ServerOptions, create_application, listening
from bot.group.handler import Bot
from bot.group.inbox import Reception
from bot.metrics import Metrics
from common.clock import Clock
from common.tasks import Tasks

log = logging.getLogger(__name__)

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 300.0
STEADY_S = 10.0
"""A connection that lived so long was a good one: the next is tried without a long pause."""


@dataclass(frozen=True, slots=True)
class Front:
    """What takes messages in, whether or not the knowledge is loaded."""

    reception: Reception
    adapters: Mapping[str, Adapter]
    health: Health
    metrics: Metrics
    clock: Clock
    tasks: Tasks


@dataclass(frozen=True, slots=True)
class AppOptions:
    """`burst`: stop when there is nothing left to do. Jobs run by the clock of `zone`."""

    server: ServerOptions
    shutdown_grace_s: float
    burst: bool = False
    zone: tzinfo | None = None


Opening = Callable[[], AbstractAsyncContextManager[tuple[Bot, Sequence[Job]]]]
"""Opens the knowledge base and the models, and builds the bot and its jobs on them."""


async def run_app(
    front: Front,
    opening: Opening,
    options: AppOptions,
    started: Callable[[str], Awaitable[None]],
) -> None:
    """Runs until a signal comes, or with `burst` until idle. `started` is told the address."""
    application = create_application(
        options.server, front.adapters.values(), front.metrics, front.health.report
    )
    stop = asyncio.Event()
    try:
        with _signals(stop, front.health):
            async with (
                listening(options.server, application) as address,
                front.tasks,
                _receiving(front) as inputs,
                opening() as (bot, jobs),
                scheduled(jobs, options.zone),
            ):
                front.health.loading = False
                front.reception.open(bot)
                await bot.resume()
                await started(address)
                typing = [inputs[name] for name, a in front.adapters.items() if a.finite]
                await _until_done(stop, typing, front.tasks, burst=options.burst)
                front.reception.close()
                bot.dispatcher.stop()
                await front.tasks.drain(options.shutdown_grace_s)
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
async def _receiving(front: Front) -> AsyncIterator[Mapping[str, asyncio.Task[None]]]:
    """Opens the adapters and keeps each of them connected while the context is open."""
    async with AsyncExitStack() as stack:
        for adapter in front.adapters.values():
            await stack.enter_async_context(adapter)
        inputs = {
            name: asyncio.create_task(
                _supervise(adapter, front.reception.receive, front.health, front.clock), name=name
            )
            for name, adapter in front.adapters.items()
        }
        try:
            yield inputs
        finally:
            for task in inputs.values():
                task.cancel()
            await asyncio.gather(*inputs.values(), return_exceptions=True)


async def _supervise(adapter: Adapter, publish: Publish, health: Health, clock: Clock) -> None:
    """Keeps one adapter running: back-off after a failure, for ever; the others don't notice."""
    delay = 0.0
    while True:
        began, refused = clock.now(), False
        try:
            await adapter.run(publish)
        except AdapterError as error:
            refused = isinstance(error, LoginRefused)
            log.warning("adapter %s is not connected: %s", adapter.name, error)
            health.failures[adapter.name] = str(error)
        except Exception as error:
            # One of the three places for a broad except: the other adapters must go on.
            log.exception("adapter %s failed", adapter.name)
            health.failures[adapter.name] = f"a bug, see the log: {type(error).__name__}"
        else:
            health.ended.add(adapter.name)
            return
        steady = clock.now() - began > STEADY_S
        again = FIRST_RETRY_S if steady or not delay else min(LAST_RETRY_S, 2 * delay)
        delay = LAST_RETRY_S if refused else again
        # Not always the same pause, so that bots don't come back all at once.
        pause = delay * random.uniform(0.5, 1.0)  # noqa: S311
        await clock.wait(asyncio.Event(), clock.now() + pause)


@contextmanager
def _signals(stop: asyncio.Event, health: Health) -> Iterator[None]:
    """The first SIGTERM or SIGINT stops gently, the second one at once."""
    loop, main = asyncio.get_running_loop(), asyncio.current_task()

    def gently(number: int) -> None:
        log.info("stopping on %s", signal.Signals(number).name)
        stop.set()
        if health.loading and main:
            main.cancel()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gently, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
