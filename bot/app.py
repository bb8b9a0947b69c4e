"""The daemon: what starts in which order, who owns it, and how it stops.

Start: store -> knowledge -> server -> adapters. Stop, on SIGTERM or SIGINT: adapters stop
receiving, work under way gets its grace, everything is closed in reverse. A second signal ends
the process at once.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from adapters.base import Adapter, AdapterError
from bot.clock import Clock
from bot.handle import Bot
from bot.jobs import Job, scheduled
from bot.metrics import Metrics
from bot.server import ServerOptions, create_application, listening

log = logging.getLogger(__name__)

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 300.0


@dataclass(slots=True)
class Health:
    """Which adapters run, and what is wrong with the language models.

    `problems` keep the daemon from being ready; with what is `degraded` it goes on: answers are
    quoted where no model can be reached.
    """

    running: dict[str, bool]
    llm_problems: Callable[[], list[str]] = list

    def report(self) -> dict[str, object]:
        """For /readyz and `status`."""
        down = [f"adapter {name} is not running" for name, up in self.running.items() if not up]
        degraded = self.llm_problems()
        status = "not ready" if down else "degraded" if degraded else "ready"
        return {"status": status, "problems": down, "degraded": degraded}


@dataclass(frozen=True, slots=True)
class AppOptions:
    """`burst`: stop when there is nothing left to do."""

    server: ServerOptions
    shutdown_grace_s: float
    burst: bool = False


async def run_app(
    bot: Bot,
    adapters: Mapping[str, Adapter],
    health: Health,
    metrics: Metrics,
    clock: Clock,
    jobs: Sequence[Job],
    options: AppOptions,
    started: Callable[[str], Awaitable[None]],
) -> None:
    """Runs until a signal comes, or with `burst` until idle. `started` is told the address."""
    application = create_application(options.server, adapters.values(), metrics, health.report)
    async with listening(options.server, application) as address, bot.dispatcher, scheduled(jobs):
        stop = asyncio.Event()
        with _signals(stop):
            supervisors = [
                asyncio.create_task(_supervise(adapter, bot, health, metrics, clock), name=name)
                for name, adapter in adapters.items()
            ]
            try:
                await bot.resume()
                await started(address)
                await _until_done(stop, supervisors, bot, burst=options.burst)
            finally:
                for task in supervisors:
                    task.cancel()
                await asyncio.gather(*supervisors, return_exceptions=True)
                await bot.dispatcher.drain(options.shutdown_grace_s)
    log.info("stopped")


async def _until_done(
    stop: asyncio.Event, supervisors: Sequence[asyncio.Task[None]], bot: Bot, *, burst: bool
) -> None:
    if not burst:
        # An adapter that returns has no more input (the console at its end): the others go on.
        await stop.wait()
        return
    while not stop.is_set():
        inputs = [task for task in supervisors if task.get_name() == "console" and not task.done()]
        if not bot.dispatcher.active and not inputs:
            return
        try:
            await asyncio.wait_for(stop.wait(), 0.05)
        except TimeoutError:
            continue


async def _supervise(
    adapter: Adapter, bot: Bot, health: Health, metrics: Metrics, clock: Clock
) -> None:
    """Keeps one adapter running: back-off after a failure, for ever; the others don't notice."""
    delay = FIRST_RETRY_S
    while True:
        began = clock.now()
        try:
            with _marked_up(adapter.name, health, metrics):
                await adapter.run(bot.receive)
        except AdapterError as error:
            log.error("adapter %s failed: %r", adapter.name, error)
        except Exception:
            # One of the three places for a broad except: the other adapters must go on.
            log.exception("adapter %s failed", adapter.name)
        else:
            health.running[adapter.name] = True  # it has no more input, which is no problem
            return
        if clock.now() - began > LAST_RETRY_S:
            delay = FIRST_RETRY_S
        await clock.wait(asyncio.Event(), clock.now() + delay)
        delay = min(LAST_RETRY_S, 2 * delay)


@contextmanager
def _marked_up(name: str, health: Health, metrics: Metrics) -> Iterator[None]:
    health.running[name] = True
    metrics.adapters_up.labels(name).set(1)
    try:
        yield
    finally:
        health.running[name] = False
        metrics.adapters_up.labels(name).set(0)


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """The first SIGTERM or SIGINT stops gently, the second one at once."""
    loop = asyncio.get_running_loop()

    def gently(number: int) -> None:
        log.info("stopping on %s", signal.Signals(number).name)
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gently, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
