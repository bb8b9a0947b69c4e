"""One local repository: its index, opened, searched and exchanged for a newer one."""

import asyncio
from pathlib import Path

from common.snapshots import current_snapshot
from knowledge.code.build import RepoPlan, RepoReport
from knowledge.code.checkout import line_link
from knowledge.code.index import About, CodeIndex, open_index
from knowledge.code.rank import kept, rated, terms_of
from knowledge.code.terms import MAX_TERMS
from knowledge.code.types import CodeHit, RepoQuestion
from knowledge.types import IndexMismatch

_PER_TERM = 24
_BY_WORDS = 40


class LocalRepo:
    """Searched in memory-mapped files, beside the event loop."""

    def __init__(self, name: str, plan: RepoPlan | None) -> None:
        self.name, self.plan = name, plan
        self._opened: tuple[CodeIndex, About] | None = None
        self._problem = ""

    @property
    def is_new(self) -> bool:
        """Is there code, but no index of it yet?"""
        return self.plan is not None and self._opened is None

    async def open(self) -> None:
        """Serves the index that was built last, if there is one."""
        if self.plan:
            self._opened = await asyncio.to_thread(_open, self.plan) or self._opened

    async def take_up(self, report: RepoReport) -> None:
        """Serves what a build made; after a failed one the old index goes on."""
        self._problem = report.problem
        if not report.problem:
            await self.open()

    async def search(self, question: RepoQuestion, queries: int = 0) -> list[CodeHit]:
        """Hits, best first."""
        del queries  # nobody else is asked
        if self._opened is None:
            return []
        return await asyncio.to_thread(_search, self.name, *self._opened, question)

    @property
    def note(self) -> str:
        """What is wrong with it; "" where nothing is."""
        if self.plan is None:
            return (
                "there is no knowledge source of the name in `repo`; write one of "
                "knowledge.sources, or a folder with a / in it"
            )
        if self._problem or self._opened is None:
            return self._problem or "its code is not indexed yet"
        return "" if self._opened[0].chunks else f"there is no code in {self.plan.root}"


def _open(plan: RepoPlan) -> tuple[CodeIndex, About] | None:
    folder = current_snapshot(Path(plan.folder))
    if folder is None:
        return None
    try:
        index, about = open_index(folder)
    except IndexMismatch:
        return None  # the next build makes it anew
    return (index, about) if about.layout == plan.layout else None


def _search(name: str, index: CodeIndex, about: About, question: RepoQuestion) -> list[CodeHit]:
    verbatim, wanted = question.verbatim[:MAX_TERMS], question.terms[:MAX_TERMS]
    terms = terms_of(verbatim, {term: index.rarity(term) for term in verbatim})
    asked = " ".join((question.text[:2000], *wanted))
    by_words = index.with_words(asked, _BY_WORDS)
    best = by_words[0].bm25 if by_words else 1.0
    agreeing = {(c.path, c.chunk.line): c.bm25 / best for c in by_words}
    found = [c for term in (*verbatim, *wanted) for c in index.with_names(term, _PER_TERM)]
    hits: list[CodeHit] = []
    for candidate in {(c.path, c.chunk.line): c for c in (*found, *by_words)}.values():
        path, chunk = candidate.path, candidate.chunk
        committed = path not in about.uncommitted
        url = line_link(about.link_base, about.commit, path, chunk.line) if committed else ""
        hits.append(rated(terms, name, path, chunk, url, agreeing.get((path, chunk.line), 0.0)))
    return kept(hits)
