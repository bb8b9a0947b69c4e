"""From results to articles: pages worth fetching are fetched side by side, read one by one, and
remembered."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from yarl import URL

from common.clock import Clock
from knowledge.web.cache import Cache
from knowledge.web.client import Client
from knowledge.web.guard import Guard
from knowledge.web.hosts import belongs_to
from knowledge.web.reader import PageReader
from knowledge.web.robots import Robots
from knowledge.web.tidy import title_of
from knowledge.web.types import Article, Candidate, Content, Fetched, Hit, PageError

log = logging.getLogger(__name__)

READERS = 2
"""Reading processes at a time, over all questions."""

FAILED_S = 600.0
"""How long a page is not tried again that could not be had."""

TRIES = 2
"""Candidates tried for each article that is wanted."""

FUSION = 60
"""Reciprocal rank fusion: being found by both queries counts more than a place or two."""


class Pages:
    """What is behind addresses, fetched anew only when it is not in the cache."""

    def __init__(
        self,
        client: Client,
        guard: Guard,
        cache: Cache,
        clock: Clock,
        *,
        ttl_s: float,
        read_s: float,
    ) -> None:
        self._client, self._guard, self._cache = client, guard, cache
        self._robots = Robots(client, clock)
        self._ttl_s, self._read_s = ttl_s, read_s
        self._readers = asyncio.Semaphore(READERS)

    async def collect(
        self,
        candidates: Sequence[Candidate],
        most: int,
        preferred: Sequence[str],
        articles: list[Article],
    ) -> None:
        """Adds articles to the list until there are enough, the first candidates' first: when the
        time is over, what is there counts."""
        left = list(candidates[: TRIES * most])
        while left and len(articles) < most:
            wave, left = left[: most - len(articles)], left[most - len(articles) :]
            for item, content in await self._wave(wave):
                article = _article(item, content, preferred)
                if not any(it.url == article.url or it.text == article.text for it in articles):
                    articles.append(article)

    async def _wave(self, wave: Sequence[Candidate]) -> list[tuple[Candidate, Content]]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._obtain(item.url)) for item in wave]
        obtained = [task.result() for task in tasks]
        read = await self._read([page for page in obtained if isinstance(page, Fetched)])
        contents = [read.get(it.url) if isinstance(it, Fetched) else it for it in obtained]
        return [(item, content) for item, content in zip(wave, contents, strict=True) if content]

    async def _obtain(self, url: URL) -> Fetched | Content | None:
        """The page as it was read before, or fetched; None where it can't be had."""
        try:
            kept, url = await self._kept(url)
            return await self._fetched(url) if kept is None else _content(url, kept)
        except PageError as error:
            await self._failed(url, error)
            return None

    async def _kept(self, url: URL) -> tuple[dict[str, Any] | None, URL]:
        """What is remembered of a page, under the address that it was fetched from in the end.
        Raises PageError where the configuration forbids that one by now."""
        kept = await self._cache.get(_key(url))
        if isinstance(kept, dict) and "moved" in kept:
            url = self._guard.checked(str(kept["moved"]))
            kept = await self._cache.get(_key(url))
        return kept if isinstance(kept, dict) else None, url

    async def _fetched(self, url: URL) -> Fetched:
        page = await self._client.get(url, self._robots.permit)
        if page.url != url:
            await self._cache.put(_key(url), {"moved": str(page.url)}, self._ttl_s)
        return page

    async def _read(self, pages: Sequence[Fetched]) -> dict[URL, Content]:
        contents: dict[URL, Content] = {}
        if not pages:
            return contents
        async with self._readers, PageReader(self._read_s) as reader:
            for url, page in {page.url: page for page in pages}.items():
                try:
                    contents[url] = content = await reader.read(page)
                except PageError as error:
                    await self._failed(url, error)
                else:
                    kept = {"title": content.title, "text": content.text}
                    await self._cache.put(_key(url), kept, self._ttl_s)
        return contents

    async def _failed(self, url: URL, error: PageError) -> None:
        log.debug("a page of %s is left out: %s", url.host, error)
        await self._cache.put(_key(url), {"failed": str(error)}, min(FAILED_S, self._ttl_s))


def _key(url: URL) -> str:
    return f"page {url}"


def _content(url: URL, kept: Mapping[str, Any]) -> Content | None:
    """None for a page that could not be had."""
    title, text = kept.get("title"), kept.get("text")
    return Content(url, title, text) if isinstance(title, str) and isinstance(text, str) else None


def _article(item: Candidate, content: Content, preferred: Sequence[str]) -> Article:
    title = content.title or item.title or content.url.host or ""
    liked = order(content.url, preferred) < len(preferred)
    return Article(str(content.url), title, content.text, liked, item.rank)


def ranked(
    found: Sequence[Sequence[Hit]], guard: Guard, preferred: Sequence[str]
) -> list[Candidate]:
    """Each page once: preferred domains first, in their order, then by rank. What must not be
    visited is left out."""
    scores: dict[URL, float] = {}
    titles: dict[URL, str] = {}
    for results in found:
        for place, hit in enumerate(results, 1):
            try:
                url = guard.checked(hit.url)
            except PageError:
                continue
            scores[url] = scores.get(url, 0.0) + 1 / (FUSION + place)
            titles.setdefault(url, title_of(hit.title))
    best_first = sorted(scores, key=lambda url: -scores[url])
    candidates = [Candidate(url, titles[url], rank) for rank, url in enumerate(best_first, 1)]
    return sorted(candidates, key=lambda item: (order(item.url, preferred), item.rank))


def order(url: URL, preferred: Sequence[str]) -> int:
    """The place of a page's domain among the preferred ones; their number where it is none."""
    place = belongs_to(url.raw_host or "", preferred)
    return len(preferred) if place is None else place
