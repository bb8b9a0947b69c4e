"""The role that has the platforms' connections: what comes in is kept for the workers, what these
ask of a platform is done. It decides nothing."""

from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
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
from bot.daemon.process import Process, beside, serving
from bot.store.cluster.events import add_event
from bot.store.store import StoreError
from common.tasks import Tasks


async def run_receiver(process: Process) -> None:
    """Runs until a signal comes."""
    config, store, clock = process.config, process.store, process.clock
    adapters = create_adapters(config, store, clock)
    holds = Holds(list(adapters), store.database, process.id)
    members = process.members(lambda: _told(holds, adapters))

    def link(name: str) -> LinkStatus:
        own = adapters[name].link()
        return own if own.up else members.link(name)

    around = await surround(config, clock, store, process.views(adapters, link), process.tracing)
    around.health.loading = None
    tasks = Tasks(tolerated=StoreError)
    targets = {name: methods_of(adapter) for name, adapter in adapters.items()}
    executor = Executor(targets, store.database, holds, process.wakes, tasks)

    async def receive(event: Event) -> bool:
        return await store.database.run(add_event, event)

    def connected(adapter: Adapter) -> Coroutine[Any, Any, None]:
        again = partial(supervise, adapter, receive, around.health, clock)
        return holds.while_held(adapter.name, again) if adapter.alone else again()

    async with serving(process, members, around, adapters.values()) as stop, tasks:
        async with AsyncExitStack() as stack:
            for adapter in adapters.values():
                await stack.enter_async_context(adapter)
            executing = [executor.run(name) for name in adapters]
            async with (
                beside(members.run(), holds.run(), *executing),
                beside(*map(connected, adapters.values())),
            ):
                await stop.wait()
            await tasks.drain(config.bot.shutdown_grace_s)
        await process.leave(members)


def _told(holds: Holds, adapters: Mapping[str, Adapter]) -> dict[str, Any]:
    """What others may know of this process."""
    links = {name: link_fields(a.link()) for name, a in adapters.items() if a.link().up}
    return {"holds": holds.held, "links": links}
