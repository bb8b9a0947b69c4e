"""The search in code: chooses repositories, asks them at the same time, and merges their hits."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import aiohttp

from common.clock import Clock
from knowledge.code.build import RepoPlan
from knowledge.code.client import TIMEOUT_S, Sourcegraph
from knowledge.code.graphql import MAX_QUERIES
from knowledge.code.index_process import build_apart
from knowledge.code.local import LocalRepo
from knowledge.code.remote import RemoteRepo
from knowledge.code.routing import bound, choose_repos
from knowledge.code.settings import RepoSettings, code_folder
from knowledge.code.types import MAX_HITS, CodeError, CodeHit, RepoQuestion

log = logging.getLogger(__name__)

MAX_OTHERS = 20
"""Local repositories that are looked into beside those that were chosen."""


class RepoSearch:
    """Open it with `async with`; local indexes that were built before serve at once, and `refresh`
    brings them up to date. `folder` is where they stand, `sources` where the files of each
    knowledge source are, and relative folders start at `base`."""

    def __init__(
        self,
        repos: Sequence[RepoSettings],
        folder: Path,
        sources: Mapping[str, Path],
        base: Path,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._repos, self._clock, self._timeout_s = tuple(repos), clock, timeout_s
        self._plans = {repo.name: _plan(repo, folder, sources, base) for repo in repos}
        self._session: aiohttp.ClientSession | None = None
        self._sources: dict[str, LocalRepo | RemoteRepo] = {}
        self._refreshing = asyncio.Lock()
        self.queries: Counter[tuple[str, str]] = Counter()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        for repo in self._repos:
            if repo.backend == "sourcegraph":
                server = Sourcegraph(repo, self._session, self._clock, self._timeout_s)
                self._sources[repo.name] = RemoteRepo(repo, server)
            else:
                self._sources[repo.name] = local = LocalRepo(repo.name, self._plans[repo.name])
                await local.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def search(self, question: RepoQuestion) -> list[CodeHit]:
        """Hits from the repositories that fit the question, best first; [] where there are none,
        and where nothing can be reached (see `notes`)."""
        if self._refreshing.locked() and any(repo.is_new for repo in self._local()):
            async with self._refreshing:
                pass  # the first index is being built: that is worth waiting for
        chosen = await choose_repos(question, self._repos)
        remote = sum(repo.backend == "sourcegraph" for repo in chosen)
        queries = max(1, MAX_QUERIES // (remote or 1))
        found = await asyncio.gather(*(self._hits(repo.name, question, queries) for repo in chosen))
        hits = [hit for of_one in found for hit in of_one]
        hits += await self._elsewhere(question, [repo.name for repo in chosen])
        return sorted(hits, key=lambda hit: -hit.score)[:MAX_HITS]

    async def defines(self, question: RepoQuestion, *, local_only: bool) -> bool:
        """Is one of the question's names defined somewhere, right where all others stand, too?
        With `local_only` no server is asked."""
        hits = await (self._elsewhere(question, ()) if local_only else self.search(question))
        return any(hit.defined and {*hit.matched} >= {*question.verbatim} for hit in hits)

    async def _elsewhere(self, question: RepoQuestion, chosen: Sequence[str]) -> list[CodeHit]:
        """What was asked for verbatim, and stands in local code that was not chosen: looking costs
        little, and a name says more than an introduction."""
        if not question.verbatim:
            return []
        allowed = {repo.name for repo in bound(self._repos, question.sources)} - {*chosen}
        others = [repo.name for repo in self._local() if repo.name in allowed][:MAX_OTHERS]
        found = [await self._hits(name, question, 0) for name in others]
        return [hit for of_one in found for hit in of_one if hit.matched]

    async def refresh(self) -> None:
        """Brings the local indexes up to the present state of their folders, in a process of its
        own; the old ones answer until then. One that is under way is waited for: it may have
        missed what changed last."""
        async with self._refreshing:
            for source in self._sources.values():
                if isinstance(source, RemoteRepo):
                    source.forget()
            local = [repo for repo in self._local() if repo.plan]
            reports = await build_apart([repo.plan for repo in local if repo.plan])
            for repo, report in zip(local, reports, strict=True):
                if report.problem:
                    log.warning("code of %s: %s", report.name, report.problem)
                elif report.changed:
                    log.info("code of %s: %d files read", report.name, report.changed)
                await repo.take_up(report)

    def notes(self) -> list[str]:
        """What is wrong, in sentences for who keeps the bot; none where all is well."""
        return [
            f"search.repo ({name}): {source.note}"
            for name, source in self._sources.items()
            if source.note
        ]

    def _local(self) -> list[LocalRepo]:
        return [source for source in self._sources.values() if isinstance(source, LocalRepo)]

    async def _hits(self, name: str, question: RepoQuestion, queries: int) -> list[CodeHit]:
        source = self._sources[name]
        where = "sourcegraph" if isinstance(source, RemoteRepo) else "local code"
        try:
            hits = await source.search(question, queries)
        except CodeError as error:
            log.info("code of %s: %s", name, error)
            self.queries[where, type(error).__name__.lower()] += 1
            return []
        self.queries[where, "done" if hits else "empty"] += 1
        return hits


def _plan(
    repo: RepoSettings, folder: Path, sources: Mapping[str, Path], base: Path
) -> RepoPlan | None:
    root = code_folder(repo, sources, base) if repo.backend == "local" else None
    if root is None:
        return None
    return RepoPlan(
        name=repo.name,
        root=str(root),
        folder=str(folder / repo.name),
        include=repo.include,
        exclude=repo.exclude,
        link_base=repo.link_base,
    )
