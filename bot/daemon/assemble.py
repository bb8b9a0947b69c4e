"""What takes messages in and sends replies, and needs no knowledge yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.contract import Adapter
from bot.config import options as settings
from bot.config.schema import Config
from bot.console.access import Access
from bot.console.audit import Audit
from bot.console.sessions import Sessions
from bot.console.users import kept_users, open_users
from bot.daemon.app import Parts
from bot.daemon.health import Health, HealthMetrics
from bot.group.commands import Commands
from bot.group.delivery import Delivery
from bot.group.duplicates import RecentAnswers
from bot.group.erasing import Erasing
from bot.group.flood import Flood
from bot.group.inbox import Inbox
from bot.group.outbox import Outbox
from bot.group.types import GroupOptions
from bot.metrics import Metrics, create_metrics
from bot.store.store import Store, StoreError
from bot.tracing import Tracing
from bot.types import Group
from common.clock import Clock
from common.hours import Hours
from common.process import resident_bytes
from common.tasks import Tasks


async def build(
    config: Config,
    clock: Clock,
    store: Store,
    adapters: Mapping[str, Adapter],
    tracing: Tracing | None = None,
) -> Parts:
    """What needs no knowledge yet, as the configuration says."""
    around = await surround(config, clock, store, adapters, tracing)
    return await parts_of(around, store, adapters, Tasks(tolerated=StoreError))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is there once in a process, whatever it does; `options` and `hours` are how the bot
    behaves in groups."""

    config: Config
    options: GroupOptions
    hours: Hours
    access: Access
    audit: Audit
    health: Health
    metrics: Metrics
    clock: Clock
    tracing: Tracing | None


async def surround(
    config: Config,
    clock: Clock,
    store: Store,
    adapters: Mapping[str, Adapter],
    tracing: Tracing | None = None,
) -> Surroundings:
    """A process that has these adapters."""
    metrics = create_metrics()
    metrics.memory.set_function(resident_bytes)
    access, audit = await _access(config, clock, store)
    return Surroundings(
        config=config,
        options=settings.group_options(config),
        hours=settings.hours(config),
        access=access,
        audit=audit,
        health=_health(adapters, clock, store, metrics),
        metrics=metrics,
        clock=clock,
        tracing=tracing,
    )


async def parts_of(
    around: Surroundings,
    store: Store,
    adapters: Mapping[str, Adapter],
    tasks: Tasks,
    group: Group | None = None,
) -> Parts:
    """What takes in messages and posts replies, of all groups or of one; flood control and what was
    answered are as before the last stop."""
    config, clock, metrics, health = around.config, around.clock, around.metrics, around.health
    options = around.options
    flood, recent = settings.flood(config), RecentAnswers(config.flood.repeat_window_s)
    await _restore(flood, store, clock, group)
    erasing = await _erasing(config, store, recent, clock, group)
    outbox = Outbox(adapters=adapters, store=store, clock=clock, metrics=metrics)
    delivery = _delivery(around, outbox, recent, tasks, group)
    pages = settings.written_pages(config)
    commands = Commands(
        store=store,
        delivery=delivery,
        options=options,
        clock=clock,
        metrics=metrics,
        tasks=tasks,
        # What the models took is for admins, and not for whoever asks whether the bot is ready.
        health=lambda: {**health.report(), "models": health.llm_figures()},
        erasing=erasing,
        pages=pages,
    )
    inbox = Inbox(
        store=store,
        commands=commands,
        delivery=delivery,
        hours=around.hours,
        options=options,
        clock=clock,
        metrics=metrics,
        tasks=tasks,
        group=group,
    )
    return Parts(
        config=config,
        options=options,
        store=store,
        adapters=adapters,
        flood=flood,
        recent=recent,
        delivery=delivery,
        commands=commands,
        pages=pages,
        erasing=erasing,
        inbox=inbox,
        health=health,
        access=around.access,
        audit=around.audit,
        metrics=metrics,
        clock=clock,
        tasks=tasks,
    )


def _delivery(
    around: Surroundings, outbox: Outbox, recent: RecentAnswers, tasks: Tasks, group: Group | None
) -> Delivery:
    return Delivery(
        store=outbox.store,
        outbox=outbox,
        recent=recent,
        adapters=outbox.adapters,
        clock=around.clock,
        options=around.options,
        metrics=around.metrics,
        tasks=tasks,
        tracing=around.tracing,
        group=group,
    )


async def _access(config: Config, clock: Clock, store: Store) -> tuple[Access, Audit]:
    kept = kept_users(config.store_place, store.database, config.bot.data_dir)
    users, audit = await open_users(config.http, kept, clock), Audit(store, clock)
    return Access(config.http, users, Sessions(store, users, clock), audit, clock), audit


def _health(
    adapters: Mapping[str, Adapter], clock: Clock, store: Store, metrics: Metrics
) -> Health:
    health = Health(adapters, clock, store_problem=lambda: store.database.problem)
    HealthMetrics(health).register(metrics.registry)
    return health


async def _restore(flood: Flood, store: Store, clock: Clock, group: Group | None) -> None:
    """As it was before the last stop, with the budgets that groups have of their own."""
    for own, budget in (await store.budgets(group)).items():
        flood.set_budget(own, budget)
    flood.restore(await store.unprompted_replies(clock.now() - flood.window_s, group))


async def _erasing(
    config: Config, store: Store, recent: RecentAnswers, clock: Clock, group: Group | None
) -> Erasing:
    """Takes up what was answered before the last stop; what is erased from now on is noticed."""
    seen = await store.erasures()
    recent.restore(await store.recent_answers(clock.now() - recent.window_s, group))
    return Erasing(
        store=store,
        recent=recent,
        clock=clock,
        folder=Path(config.plan.folder),
        seen=seen,
        group=group,
    )
