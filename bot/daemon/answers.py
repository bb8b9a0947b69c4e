"""What answers are made of: the knowledge base, the models, the searches beyond the documents."""

import gc
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from bot.answering.earlier import EarlierAnswers
from bot.answering.external import open_external_sources
from bot.answering.pipeline import Pipeline
from bot.config.schema import Config
from bot.daemon.health import Health
from bot.llm.budget import Books
from bot.llm.create import open_llm
from bot.metrics import Metrics
from bot.store.store import Store, StoreError
from bot.types import Progress
from common.clock import Clock
from common.tasks import Tasks
from knowledge.base import KnowledgeBase
from knowledge.index.snapshots import is_current
from knowledge.ingest.build_process import build_apart
from knowledge.types import IndexMismatch

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_answers(
    config: Config,
    store: Store,
    health: Health,
    metrics: Metrics,
    clock: Clock,
    tasks: Tasks,
    forgotten: Callable[[], int],
    opening: AbstractAsyncContextManager[KnowledgeBase],
    sharers: Callable[[], int] = lambda: 1,
) -> AsyncIterator[tuple[KnowledgeBase, Pipeline]]:
    """The knowledge base and the pipeline on it. When `forgotten` counts on, no earlier answer is
    given again. `sharers` is how many processes share the models' limits."""
    books = Books(store.add_usage, store.usage_of, failing=StoreError)
    async with (
        opening as knowledge,
        open_llm(config.llm, metrics, clock, watch=True, books=books, sharers=sharers) as llm,
        open_external_sources(
            config.search, config.knowledge, config.bot.data_dir, clock
        ) as external,
    ):
        health.knowledge_problems = knowledge.problems
        if llm:
            health.llm_problems = llm.hybrid.problems
            health.llm_figures = llm.hybrid.figures
        if external:
            health.search_problems = external.notes
            knowledge.after_reload.append(external.refresh)
            tasks.spawn(external.refresh())
        earlier = EarlierAnswers(knowledge, config.flood.repeat_similarity, forgotten)
        yield knowledge, Pipeline(knowledge, config.answer, llm, external, earlier)


@asynccontextmanager
async def open_knowledge(
    config: Config,
    progress: Progress = lambda *_: None,
    base: Callable[[], KnowledgeBase] | None = None,
    *,
    apart: bool = False,
) -> AsyncIterator[KnowledgeBase]:
    """The knowledge base, made by `base` or else read `apart` or here; builds its index first where
    there is none that fits."""
    plan = config.plan
    if not is_current(plan):
        sys.stderr.write("building the knowledge index, once ...\n")
        await build_apart(plan, progress)
    async with AsyncExitStack() as stack:
        own = partial(KnowledgeBase, plan, config.gate, config.knowledge.reranker, apart=apart)
        knowledge = (base or own)()
        try:
            await stack.enter_async_context(knowledge)
        except IndexMismatch as error:
            log.warning("the index is built again by itself: %s", error)
            await build_apart(plan, progress)
            await stack.enter_async_context(knowledge)
        # What is loaded now stays: looking through it for garbage during a reload would stop the
        # event loop for 30 ms at a time.
        gc.freeze()
        yield knowledge
