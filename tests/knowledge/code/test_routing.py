"""Which repositories a question is looked up in."""

from collections.abc import Sequence

import pytest

from knowledge.code.routing import choose_repos
from knowledge.code.types import RepoQuestion
from knowledge.types import KnowledgeError
from tests.knowledge.code.code import question, repo

REPOS = [
    repo("kettle", repo="kettle", introduction="heats water and boils it"),
    repo("pot", repo="pot", introduction="brews tea and coffee"),
    repo("cup", repo="cup", introduction="holds tea"),
    repo("lid", repo="lids", backend="local"),
]


async def chosen(asked: RepoQuestion) -> list[str]:
    return [found.name for found in await choose_repos(asked, REPOS)]


async def test_the_introduction_decides() -> None:
    assert await chosen(question("who boils my water")) == ["kettle"]
    assert await chosen(question("tea please")) == ["pot", "cup"]


async def test_a_name_in_the_question_decides_first() -> None:
    assert await chosen(question("用lid的时候 tea 洒了")) == ["lid"]
    assert await chosen(question("cups of tea")) == ["pot", "cup"]
    assert await chosen(question("cup or lid or pot")) == ["pot", "cup"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["cup"], ["cup"]),
        (["lids"], ["lid"]),
        (["other"], []),
        (["cup", "kettle"], ["cup"]),
        (["POT"], []),
    ],
)
async def test_a_bound_group_gets_its_own_only(sources: list[str], expected: list[str]) -> None:
    assert await chosen(question("tea please", sources=sources)) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1], ["pot"]),
        ([2, 2, 1, 3], ["cup", "pot"]),
        ([], []),
        ([99, -1, 0], ["pot", "cup"]),
        ([7, 2], ["cup"]),
        (None, ["pot", "cup"]),
    ],
)
async def test_the_model_chooses_among_numbered_introductions(
    numbers: list[int] | None, expected: list[str]
) -> None:
    shown: list[Sequence[str]] = []

    async def choose(text: str, introductions: Sequence[str]) -> list[int] | None:
        assert text == "tea please"
        shown.append(introductions)
        return numbers

    assert await chosen(question("tea please", choose=choose)) == expected
    assert shown == [
        ["pot: brews tea and coffee", "cup: holds tea", "kettle: heats water and boils it", "lid"]
    ]


async def test_without_model_and_embedder_the_first_ones_are_searched() -> None:
    async def fails(text: str, others: Sequence[str]) -> list[float]:
        raise KnowledgeError(text, others)

    async def choose(_text: str, _introductions: Sequence[str]) -> None:
        return None

    assert await chosen(RepoQuestion("tea please", fails, choose=choose)) == ["kettle", "pot"]
