"""Which repositories a question is looked up in: by the group's binding, then by the repository's
name in the question, then by the introductions, and by the language model where there is one."""

from collections.abc import Sequence

from common.language import is_named
from knowledge.code.settings import RepoSettings
from knowledge.code.types import RepoQuestion
from knowledge.types import KnowledgeError

MAX_REPOS = 2
"""Repositories that are searched for one question."""

NEAR = 0.08
"""A second repository is searched too where its introduction is nearly as similar."""

TO_CHOOSE_FROM = 8
"""Introductions that the language model is shown at most."""


async def choose_repos(question: RepoQuestion, repos: Sequence[RepoSettings]) -> list[RepoSettings]:
    """The repositories to search, best first; none where none fits. A choice that can't be made,
    or makes no sense, is done without."""
    allowed = bound(repos, question.sources)
    if len(allowed) < 2:
        return allowed
    if named := [repo for repo in allowed if is_named(repo.name, question.text)]:
        return named[:MAX_REPOS]
    ordered = await _by_introduction(question, allowed)
    chosen = await _chosen(question, [repo for repo, _ in ordered[:TO_CHOOSE_FROM]])
    if chosen is not None:
        return chosen[:MAX_REPOS]
    best = ordered[0][1]
    return [repo for repo, likeness in ordered if likeness >= best - NEAR][:MAX_REPOS]


def bound(repos: Sequence[RepoSettings], sources: Sequence[str]) -> list[RepoSettings]:
    """The repositories that a group may be answered from: those that are, or are named like, a
    source that it is bound to; all where it is bound to none."""
    if not sources:
        return list(repos)
    return [
        repo
        for repo in repos
        if repo.name in sources or (repo.backend == "local" and repo.repo in sources)
    ]


async def _by_introduction(
    question: RepoQuestion, repos: Sequence[RepoSettings]
) -> list[tuple[RepoSettings, float]]:
    introductions = [_introduction(repo) for repo in repos]
    try:
        likeness = await question.similarity(question.text, introductions)
    except KnowledgeError:
        likeness = []
    padded = [*likeness, *[0.0] * len(repos)]
    return sorted(zip(repos, padded, strict=False), key=lambda pair: -pair[1])


async def _chosen(
    question: RepoQuestion, repos: Sequence[RepoSettings]
) -> list[RepoSettings] | None:
    """What the language model chose; None without one, and where it said nothing useful."""
    if question.choose is None:
        return None
    numbers = await question.choose(question.text, [_introduction(repo) for repo in repos])
    if numbers is None:
        return None
    fitting = [number for number in dict.fromkeys(numbers) if 0 < number <= len(repos)]
    return None if numbers and not fitting else [repos[number - 1] for number in fitting]


def _introduction(repo: RepoSettings) -> str:
    return f"{repo.name}: {repo.introduction}" if repo.introduction else repo.name
