"""The role that has the platforms' connections: what comes in is kept for the workers, what these
ask of a platform is done. It decides nothing."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.base import Event, LinkStatus
from adapters.contract import Adapter
from bot.cluster.executing import Executor, methods_of
from bot.cluster.holds import Holds
from bot.cluster.members import link_fields
from bot.daemon.app import supervise
from bot.daemon.assemble import surround
from bot.daemon.compose import create_adapters
from bot.daemon.health import Health
from bot.daemon.process import Process, beside, serving
from bot.store.cluster.events import add_event
from bot.store.store import StoreError
from bot.texts.notices import notice
from common.clock import Clock
from common.tasks import Tasks

FIRST_S = 120.0
"""So long a platform is waited for before the process counts as ready."""


async def run_receiver(process: Process) -> None:
    """Runs until a signal comes."""
    config, store, clock = process.config, process.store, process.clock
    adapters = create_adapters(config, store, clock, shared=True)
    names = [name for name, adapter in adapters.items() if not adapter.on_page]
    holds = Holds(names, store.database, process.id)
    members = process.members(lambda: told(holds, adapters, around.health))

    def link(name: str) -> LinkStatus:
        own = adapters[name].link()
        return own if own.up else members.link(name)

    around = await surround(config, clock, store, process.views(adapters, link), process.tracing)
    around.health.loading = None
    around.health.first = _first(adapters, process.clock)
    tasks = Tasks(tolerated=StoreError)
    async with serving(process, members, around, adapters.values()) as stop, tasks:
        async with (
            beside(members.run(), holds.run()),
            receiving(process, adapters, holds, around.health, tasks),
        ):
            await stop.wait()
        await tasks.drain(config.bot.shutdown_grace_s)
        await process.leave(members)


@asynccontextmanager
async def receiving(
    process: Process, adapters: Mapping[str, Adapter], holds: Holds, health: Health, tasks: Tasks
) -> AsyncIterator[None]:
    """While this is open the adapters are connected, as far as they may be, what comes in is kept
    for the workers, and what these ask of an adapter that is held is done."""
    database = process.store.database
    targets = {name: methods_of(adapter) for name, adapter in adapters.items()}
    executor = Executor(targets, database, holds, process.wakes, tasks)

    async def receive(event: Event) -> bool:
        return await database.run(add_event, event)

    def connected(adapter: Adapter) -> Coroutine[Any, Any, None]:
        again = partial(supervise, adapter, receive, health, process.clock)
        return holds.while_held(adapter.name, again) if adapter.alone else again()

    async with AsyncExitStack() as stack:
        for adapter in adapters.values():
            await stack.enter_async_context(adapter)
        executing = [executor.run(name) for name in adapters if name in holds.names]
        async with beside(*executing), beside(*map(connected, adapters.values())):
            yield


def _first(adapters: Mapping[str, Adapter], clock: Clock) -> Callable[[], list[str]]:
    """The adapters that every receiver connects and this one has not yet; after a while nobody is
    waited for, as a platform may be away."""
    missing = {name for name, one in adapters.items() if not one.alone}
    until = clock.now() + FIRST_S

    def unconnected() -> list[str]:
        missing.difference_update([name for name in missing if adapters[name].link().up])
        return sorted(missing) if clock.now() < until else []

    return unconnected


def told(holds: Holds, adapters: Mapping[str, Adapter], health: Health) -> dict[str, Any]:
    """What others may know of this process: how its connections are, and where one is held that is
    not up, why."""
    links = {name: adapter.link() for name, adapter in adapters.items()}
    for name in links.keys() & holds.held:
        if not links[name].up and not links[name].problem:
            why = health.failures.get(name) or notice.said("not_yet")
            links[name] = replace(links[name], problem=why.en, problem_zh=why.zh)
    known = {name: link_fields(link) for name, link in links.items() if link.up or link.problem}
    return {"holds": holds.held, "links": known}
