"""Questions whose answer stands only in the code of installed packages find it."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from knowledge.code.build import RepoPlan, build
from tests.knowledge.code.code import opened, question, repo

QUESTIONS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[3] / "bench/code_questions.json").read_text("utf-8")
)
PACKAGES = ("apscheduler", "tenacity")


def _folder(package: str) -> str:
    spec = find_spec(package)
    assert spec
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]))


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    for package in PACKAGES:
        plan = RepoPlan(package, _folder(package), str(folder / package))
        assert build(plan).problem == ""
    return folder


def test_each_is_asked_in_both_languages() -> None:
    numbers = {lang: [q["id"][2:] for q in QUESTIONS if q["lang"] == lang] for lang in ("zh", "en")}
    assert len(numbers["zh"]) == 15
    assert numbers["zh"] == numbers["en"]


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda asked: asked["id"])
async def test_the_answer_is_among_the_first_hits(indexes: Path, asked: dict[str, Any]) -> None:
    repos = [repo(package, repo=_folder(package)) for package in PACKAGES]
    async with opened(indexes, repos) as search:
        hits = (await search.search(question(asked["question"])))[:3]
    assert any(
        f"{hit.repo}/{hit.path}" in asked["gold_paths"]
        and all(re.search(pattern, hit.text) for pattern in asked["must_contain"])
        for hit in hits
    )
