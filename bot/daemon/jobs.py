"""What happens by the clock: apscheduler entries as a list."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import tzinfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from bot.metrics import Metrics
from bot.types import Knowledge
from common.clock import Clock
from common.hours import DAYS, parse_span
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)

ONCE = {"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
"""Of missed runs one is made up, within an hour; no run begins beside another."""

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do at the times of a cron line; an empty line means never."""

    name: str
    cron: str
    work: Work


def opening_jobs(hours: Sequence[str], work: Work) -> list[Job]:
    """Jobs for each time at which the working hours begin."""
    made: list[Job] = []
    for number, line in enumerate(hours):
        span = parse_span(line)
        days = ",".join(DAYS[day] for day in sorted(span.days))
        cron = f"{span.opens.minute} {span.opens.hour} * * {days}"
        made.append(Job(f"open-{number}", cron, work))
    return made


@asynccontextmanager
async def scheduled(
    jobs: Sequence[Job], metrics: Metrics, clock: Clock, zone: tzinfo | None = None
) -> AsyncIterator[None]:
    """Runs the jobs while the context is open, by the clock of a time zone, else the system's;
    one at a time each, missed runs are made up once."""
    scheduler = AsyncIOScheduler()
    for job in jobs:
        if job.cron:
            trigger = CronTrigger.from_crontab(job.cron, zone)
            scheduler.add_job(_guarded, trigger, args=[job, metrics, clock], id=job.name, **ONCE)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


async def _guarded(job: Job, metrics: Metrics, clock: Clock) -> None:
    try:
        await job.work()
    except Exception:
        # One of the few places for a broad except: the next run must come all the same.
        log.exception("the job %s failed", job.name)
        metrics.jobs.labels(job.name, "failed").inc()
    else:
        metrics.jobs.labels(job.name, "done").inc()
        metrics.job_done.labels(job.name).set(clock.now())


async def catch_up(knowledge: Knowledge) -> None:
    """Takes up what changed in the documents while the bot was down."""
    try:
        report = await knowledge.reload(lambda *_: None)
    except KnowledgeError as error:
        log.error("could not bring the index up to date, the old one serves: %s", error)
        return
    if report.added or report.changed or report.removed:
        log.info("index brought up to date: %d documents", report.documents)
    for item in report.skipped:
        level = logging.WARNING if item.document else logging.INFO
        log.log(level, "skipped %s: %s", item.path, item.reason)
