"""The web search: queries in, articles out.

Whatever happens outside (no network, no credits, a hostile page), there are fewer articles or
none; `notes` says what is wrong.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from aiohttp.abc import AbstractResolver
from yarl import URL

from common.clock import Clock
from knowledge.web.cache import Cache
from knowledge.web.client import LIMITS, Client, Limits
from knowledge.web.engine_health import EngineHealth
from knowledge.web.guard import Guard, SystemNames
from knowledge.web.pages import Pages, order, ranked
from knowledge.web.scraping import Scraping
from knowledge.web.serper import Serper
from knowledge.web.settings import WebSettings
from knowledge.web.tidy import visible
from knowledge.web.types import Article, Engine, EngineError, Faulty, Hit

log = logging.getLogger(__name__)

CACHE_FILE = "search.sqlite"
MAX_QUERIES = 2
MAX_QUERY_CHARS = 200
BARREN_S = 600.0
"""How long "nothing found" is remembered: it may have been a failure that went unsaid."""


class WebSearch:
    """Open it with `async with`. `names` resolves hosts, by the system's resolver if None.
    `queries` counts what was asked of engines by (engine, result)."""

    def __init__(
        self,
        settings: WebSettings,
        data_dir: Path,
        clock: Clock,
        *,
        names: AbstractResolver | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._settings, self._limits = settings, limits
        self._guard = Guard(settings.allow, settings.blocked_domains)
        self._cache = Cache(data_dir / CACHE_FILE, clock)
        self._engine = _engine(settings, clock)
        self._health = EngineHealth(settings.engine, clock)
        self._client = Client(self._guard, names or SystemNames(), clock, limits, settings.contact)
        self._pages = Pages(
            self._client,
            self._guard,
            self._cache,
            clock,
            ttl_s=settings.cache_ttl,
            read_s=limits.read_s,
        )
        self._open = AsyncExitStack()
        self.queries: Counter[tuple[str, str]] = Counter()

    async def __aenter__(self) -> Self:
        if self._engine:
            for part in (self._cache, self._client, self._engine):
                await self._open.enter_async_context(part)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def search(self, queries: Sequence[str], chinese: bool) -> list[Article]:
        """At most `max_articles` pages that the first two queries lead to, those of preferred
        domains first."""
        if not self._engine:
            return []
        preferred = self._settings.preferred_domains
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._find(self._engine, query, chinese=chinese))
                for query in _cleaned(queries)[:MAX_QUERIES]
            ]
        candidates = ranked([task.result() for task in tasks], self._guard, preferred)
        articles: list[Article] = []
        try:
            async with asyncio.timeout(self._limits.pages_s):
                most = self._settings.max_articles
                await self._pages.collect(candidates, most, preferred, articles)
        except TimeoutError:
            log.info("the web search took too long; %d pages were read", len(articles))
        return sorted(articles, key=lambda a: (order(URL(a.url), preferred), a.rank))

    def notes(self) -> list[str]:
        """What is wrong, for `status`; empty where nothing is."""
        return [note for note in (self._health.note, self._cache.problem) if note]

    async def _find(self, engine: Engine, query: str, *, chinese: bool) -> list[Hit]:
        """The results for one query, from the cache where it was asked before."""
        key = f"query {engine.name} {'zh' if chinese else 'en'} {query}"
        known = await self._cache.get(key)
        if isinstance(known, list):
            return [Hit(str(url), str(title)) for url, title in known]
        if not self._health.usable:
            return []
        try:
            async with asyncio.timeout(self._limits.engine_s):
                hits = await engine.find(query, chinese=chinese)
        except TimeoutError:
            self._failed(engine, Faulty(f"{engine.name} takes too long"))
            return []
        except EngineError as error:
            self._failed(engine, error)
            return []
        self._health.worked(len(hits))
        self.queries[engine.name, "done" if hits else "empty"] += 1
        ttl = self._settings.cache_ttl if hits else min(BARREN_S, self._settings.cache_ttl)
        await self._cache.put(key, [[hit.url, hit.title] for hit in hits], ttl)
        return hits

    def _failed(self, engine: Engine, error: EngineError) -> None:
        self._health.failed(error)
        self.queries[engine.name, type(error).__name__.lower()] += 1


def _engine(settings: WebSettings, clock: Clock) -> Engine | None:
    if settings.engine == "serper":
        return Serper(settings.endpoint, settings.api_key.get_secret_value(), clock)
    return Scraping() if settings.engine == "ddgs" else None


def _cleaned(queries: Sequence[str]) -> list[str]:
    """Each query once, on a line, without what can't be seen. A dash before a word would leave out
    all pages that hold it, which nobody means who asks about a flag."""
    lines = [" ".join(word.lstrip("-") for word in visible(query).split()) for query in queries]
    shortened = [" ".join(line[:MAX_QUERY_CHARS].split()) for line in lines]
    return list(dict.fromkeys(line for line in shortened if line))
