"""Where else answers may stand: source code and the web. Opened once, for the daemon or a
command."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.answering.settings import SearchSettings
from common.clock import Clock
from common.language import is_named
from knowledge.code.search import RepoSearch
from knowledge.code.settings import source_folders
from knowledge.settings import KnowledgeSettings
from knowledge.web.search import WebSearch


@dataclass(frozen=True, slots=True)
class ExternalSources:
    """The searches that are configured; `names` are what the project and its parts are called,
    `aliases` what else than its name a repository is."""

    web: WebSearch | None
    code: RepoSearch | None
    names: tuple[str, ...]
    aliases: Mapping[str, str]

    def is_named_in(self, text: str) -> bool:
        """Does a text call the project, or a part of it, by name?"""
        return any(is_named(name, text) for name in self.names)

    def may_mean(self, repo: str, text: str) -> bool:
        """May a text be about a repository? Not where it names others only."""
        named = [name for name in self.names if is_named(name, text)]
        return not named or repo in named or self.aliases.get(repo) in named

    def counts(self) -> dict[tuple[str, ...], int]:
        """How many queries came to what, by (where, result)."""
        books = (
            *([self.web.queries] if self.web else []),
            *([self.code.queries] if self.code else []),
        )
        return {key: count for book in books for key, count in book.items()}

    def notes(self) -> list[str]:
        """What is wrong, for `status`; empty where nothing is."""
        return [note for one in (self.web, self.code) if one for note in one.notes()]

    async def refresh(self) -> None:
        """Brings the indexes of code up to the present state of their folders."""
        if self.code:
            await self.code.refresh()


@asynccontextmanager
async def open_external_sources(
    search: SearchSettings, knowledge: KnowledgeSettings, data_dir: Path, clock: Clock
) -> AsyncIterator[ExternalSources | None]:
    """None where nothing is configured."""
    if not search.configured:
        yield None
        return
    async with AsyncExitStack() as stack:
        web = code = None
        if search.web.engine != "none":
            web = await stack.enter_async_context(WebSearch(search.web, data_dir, clock))
        if search.repo:
            folders = source_folders(knowledge, data_dir)
            made = RepoSearch(search.repo, data_dir / "code", folders, data_dir, clock)
            code = await stack.enter_async_context(made)
        names = [source.name for source in knowledge.sources]
        aliases = {repo.name: repo.repo.split("/")[-1] for repo in search.repo}
        names += [*aliases, *aliases.values()]
        yield ExternalSources(web, code, tuple(dict.fromkeys(names)), aliases)
