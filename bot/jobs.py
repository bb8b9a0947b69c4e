"""What happens by the clock: apscheduler entries as a list."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do at the times of a cron line; an empty line means never."""

    name: str
    cron: str
    work: Callable[[], Awaitable[None]]


@asynccontextmanager
async def scheduled(jobs: Sequence[Job]) -> AsyncIterator[None]:
    """Runs the jobs while the context is open; one at a time each, missed runs are made up once."""
    scheduler = AsyncIOScheduler()
    for job in jobs:
        if job.cron:
            scheduler.add_job(
                _guarded, CronTrigger.from_crontab(job.cron), args=[job], id=job.name,
                coalesce=True, max_instances=1, misfire_grace_time=3600,
            )  # fmt: skip
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


async def _guarded(job: Job) -> None:
    try:
        await job.work()
    except Exception:
        # One of the three places for a broad except: the next run must come all the same.
        log.exception("the job %s failed", job.name)
