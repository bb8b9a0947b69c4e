"""Indexing code in a process of its own, `python -m knowledge.code.index_process`: neither its work
nor its memory is the daemon's, and a file that breaks it breaks only it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict

from common.process import ChildFailed, Limits, environment, module
from common.process_async import AsyncChild
from common.process_child import serve
from knowledge.code.build import RepoPlan, RepoReport, build, plan_from
from knowledge.ingest.git import GIT_VARIABLES

log = logging.getLogger(__name__)

TIMEOUT_S = 900.0
NICENESS = 5


async def build_apart(plans: Sequence[RepoPlan], timeout_s: float = TIMEOUT_S) -> list[RepoReport]:
    """Builds the indexes one after the other in a child process, and reports on each. What the
    child could not do is a report's problem; cancelling ends it."""
    done: list[RepoReport] = []
    if not plans:
        return done
    command = module(
        "knowledge.code.index_process", environment(*GIT_VARIABLES), Limits(nice=NICENESS)
    )
    try:
        async with asyncio.timeout(timeout_s), await AsyncChild.start(command) as child:
            await child.send({})
            for plan in plans:
                await child.send(asdict(plan))
                done.append(RepoReport(**await child.receive()))
    except TimeoutError:
        problem = f"building its index took more than {timeout_s:g} s"
    except ChildFailed as error:
        problem = f"building its index ended with {error}"
        log.warning("%s\n%s", problem, error.last_words)
    except OSError as error:
        problem = f"its index can't be built: {error.strerror}"
    return done + [RepoReport(plan.name, problem=problem) for plan in plans[len(done) :]]


if __name__ == "__main__":
    serve(lambda _: lambda plan: asdict(build(plan_from(plan))))
