"""One repository that a Sourcegraph server knows."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace

from knowledge.code import graphql
from knowledge.code.checkout import sourcegraph_link
from knowledge.code.chunks import Chunk, chunks_of
from knowledge.code.client import Allowance, Sourcegraph
from knowledge.code.graphql import MAX_QUERIES, full_name, phrases, query
from knowledge.code.outline import heading_at, language_of, outline_of
from knowledge.code.rank import kept, rated, terms_of
from knowledge.code.settings import RepoSettings
from knowledge.code.stream import Answer, Match
from knowledge.code.terms import MAX_TERMS
from knowledge.code.types import (
    MAX_HITS,
    MAX_LINES,
    CodeError,
    CodeHit,
    Misconfigured,
    RepoQuestion,
)

_MOST_MATCHES = 3 * MAX_HITS


class RemoteRepo:
    """Asked with at most so many queries at once; remembers what was wrong last."""

    def __init__(self, settings: RepoSettings, server: Sourcegraph) -> None:
        self.name = settings.name
        self._settings, self._server = settings, server
        self._repository = full_name(settings.repo)
        self._off: Misconfigured | None = None
        self.note = ""
        """What was wrong last; "" where nothing was."""

    def forget(self) -> None:
        """After a reload everything may be right again."""
        self._off, self.note = None, ""

    async def search(self, question: RepoQuestion, queries: int) -> list[CodeHit]:
        """Hits, best first. Raises CodeError where nothing came at all."""
        if self._off:
            raise self._off
        wanted = phrases(question.verbatim, question.terms, queries)
        if not wanted:
            return []
        allowance = Allowance()
        answers = await self._answers(wanted, allowance)
        matches = [match for answer in answers for match in answer.matches]
        own = [match for match in matches if match.repository == self._repository]
        whole = {} if self._server.streams else await self._whole(own, allowance)
        verbatim = question.verbatim[:MAX_TERMS]
        # Long files and odd ones take their time: beside the event loop.
        return await asyncio.to_thread(self._rated, own, whole, verbatim, wanted)

    async def _answers(self, wanted: Sequence[str], allowance: Allowance) -> list[Answer]:
        """What came, however much of it; raises only where all queries failed."""
        if not self._server.streams:
            wanted = wanted[: MAX_QUERIES - 1]  # the last one is for the files themselves
        texts = [query(phrase, self._repository, self._settings.rev) for phrase in wanted]
        asked = (self._server.search(text, allowance) for text in texts)
        found = await asyncio.gather(*(_outcome(question) for question in asked))
        answers = [item for item in found if isinstance(item, Answer)]
        errors = [item for item in found if isinstance(item, CodeError)]
        self._remember(answers, errors)
        if not answers and errors:
            raise errors[0]
        return answers

    def _remember(self, answers: Iterable[Answer], errors: Sequence[CodeError]) -> None:
        answers = list(answers)
        wrong = [error for error in errors if isinstance(error, Misconfigured)]
        if any(answer.lost for answer in answers):
            rev = self._settings.rev
            missing = f", or it has no revision {rev} (`rev`)" if rev else ""
            text = f"`repo`: the server knows no repository {self._repository}{missing}"
            wrong.append(Misconfigured(text))
        self._off = wrong[0] if wrong and not any(answer.matches for answer in answers) else None
        alerts = [answer.alert for answer in answers if answer.alert]
        cut = [] if all(answer.done for answer in answers) else ["the last results were cut short"]
        said = [*map(str, [*wrong, *errors]), *alerts, *cut]
        self.note = said[0] if said else ""

    async def _whole(
        self, matches: Sequence[Match], allowance: Allowance
    ) -> Mapping[str, tuple[str, str]]:
        """The whole text of the first files, with their commit; GraphQL shows single lines only."""
        paths = list(dict.fromkeys(match.path for match in matches))[: graphql.MOST_FILES]
        if not paths:
            return {}
        asked = graphql.contents_request(self._repository, self._settings.rev, paths)
        try:
            data = await self._server.graphql(*asked, allowance)
        except CodeError as error:
            self._off = error if isinstance(error, Misconfigured) else self._off
            self.note = str(error)
            return {}
        commit, texts = graphql.contents(data, paths)
        return {path: (commit, text) for path, text in texts.items()}

    def _rated(
        self,
        matches: Sequence[Match],
        whole: Mapping[str, tuple[str, str]],
        verbatim: Sequence[str],
        wanted: Sequence[str],
    ) -> list[CodeHit]:
        terms = terms_of(tuple(dict.fromkeys((*verbatim, *wanted))), {})
        hits: dict[tuple[str, int], CodeHit] = {}
        for match in matches[:_MOST_MATCHES]:
            commit, chunk = _chunk(match, whole)
            place = (self._repository, commit, match.path, chunk.line)
            url = sourcegraph_link(self._settings.endpoint, *place)
            hit = rated(terms, self.name, match.path, chunk, url)
            own = tuple(term for term in hit.matched if term in verbatim)
            defined = tuple(term for term in hit.defined if term in verbatim)
            hits[hit.path, hit.line] = replace(hit, matched=own, defined=defined)
        return kept(hits.values())


async def _outcome(asked: Awaitable[Answer]) -> Answer | CodeError:
    try:
        return await asked
    except CodeError as error:
        return error


def _chunk(match: Match, whole: Mapping[str, tuple[str, str]]) -> tuple[str, Chunk]:
    """The commit, and the piece of the file around the line that matched: of the whole text where
    that is known, else at most MAX_LINES of the lines that came."""
    language, commit = language_of(match.path), match.commit
    if match.path in whole:
        commit, content = whole[match.path]
        for chunk in chunks_of(content.split("\n"), language):
            if chunk.line - 1 <= match.at <= chunk.line - 1 + chunk.text.count("\n"):
                return commit, chunk
    lines = match.text.split("\n")
    spare = max(0, min(match.at - match.line - MAX_LINES // 2, len(lines) - MAX_LINES))
    heading = heading_at(outline_of(lines, language), match.at - match.line)
    text = "\n".join(lines[spare : spare + MAX_LINES])
    return commit, Chunk(match.line + spare + 1, heading, text)
