"""One local repository: its index, opened, searched and exchanged for a newer one."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, TypeVar

from common.snapshots import current_snapshot
from knowledge.code.build import RepoPlan, RepoReport
from knowledge.code.checkout import line_link
from knowledge.code.index import About, Candidate, CodeIndex, open_index
from knowledge.code.outline import language_of
from knowledge.code.rank import kept, score, terms_of
from knowledge.code.terms import MAX_TERMS
from knowledge.code.types import CodeHit, RepoQuestion
from knowledge.types import IndexMismatch

_PER_TERM = 24
_BY_WORDS = 40

_T = TypeVar("_T")


class Run(Protocol):
    """Does work that may touch a disk outside the event loop."""

    async def __call__(self, work: Callable[[], _T], /) -> _T: ...


class LocalRepo:
    """Searched in memory-mapped files; `run` carries the work to a thread."""

    def __init__(self, name: str, plan: RepoPlan | None, run: Run) -> None:
        self.name, self.plan = name, plan
        self._run = run
        self._index: CodeIndex | None = None
        self._about: About | None = None
        self._problem = ""

    @property
    def is_new(self) -> bool:
        """Is there code, but no index of it yet?"""
        return self.plan is not None and self._index is None

    async def open(self) -> None:
        """Serves the index that was built last, if there is one."""
        if self.plan:
            opened = await self._run(lambda: _open(self.plan))
            if opened:
                self._index, self._about = opened

    async def take_up(self, report: RepoReport) -> None:
        """Serves what a build made; after a failed one the old index goes on."""
        self._problem = report.problem
        if not report.problem:
            await self.open()

    async def search(self, question: RepoQuestion, queries: int = 0) -> list[CodeHit]:
        """Hits, best first."""
        del queries  # nobody else is asked
        index, about = self._index, self._about
        if index is None or about is None:
            return []
        return await self._run(lambda: _search(self.name, index, about, question))

    def notes(self) -> list[str]:
        """What is wrong with it."""
        if self.plan is None:
            return [
                f"search.repo ({self.name}): there is no knowledge source of the name in `repo`; "
                "write one of knowledge.sources, or a folder with a / in it"
            ]
        if self._problem:
            return [f"search.repo ({self.name}): {self._problem}"]
        if self._index is None:
            return [f"search.repo ({self.name}): its code is not indexed yet"]
        if not self._index.chunks:
            return [f"search.repo ({self.name}): there is no code in {self.plan.root}"]
        return []


def _open(plan: RepoPlan | None) -> tuple[CodeIndex, About] | None:
    folder = current_snapshot(Path(plan.folder)) if plan else None
    if plan is None or folder is None:
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
    hits = [
        _hit(name, about, candidate, score(
            terms, candidate.path, candidate.chunk.heading, candidate.chunk.text,
            agreeing.get((candidate.path, candidate.chunk.line), 0.0),
        ))
        for candidate in _distinct((*found, *by_words))
    ]  # fmt: skip
    return kept(hits)


def _distinct(candidates: Iterable[Candidate]) -> Iterable[Candidate]:
    return {(c.path, c.chunk.line): c for c in candidates}.values()


def _hit(
    name: str, about: About, candidate: Candidate, rated: tuple[float, tuple[str, ...]]
) -> CodeHit:
    path, chunk = candidate.path, candidate.chunk
    committed = path not in about.uncommitted
    url = line_link(about.link_base, about.commit, path, chunk.line) if committed else ""
    return CodeHit(
        name, path, chunk.line, chunk.heading, chunk.text, language_of(path), url,
        rated[0], rated[1],
    )  # fmt: skip
